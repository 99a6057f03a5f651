package chunk

import (
	"fmt"
	"math"
)

// A delta body is the first integer and a frame of the differences of neighbours. The
// arithmetic wraps: the sums are right even if a difference overflowed.

func (d *decoder) decodeDelta(dst []float64, b []byte, from int) error {
	if d.values < 2 {
		return fmt.Errorf("no differences: %w", errCorrupt)
	}
	first, b, err := parseVarint(b)
	if err != nil {
		return err
	}
	if b, err = d.frame.parse(b, d.values-1); err != nil {
		return err
	}
	if err = finish(b); err != nil {
		return err
	}
	d.sumDeltas(dst, first, from)
	return nil
}

// sumDeltas writes the values [from, from+len(dst)) to dst. first is the integer of the first
// value of the block.
func (d *decoder) sumDeltas(dst []float64, first int64, from int) {
	if len(dst) == 0 {
		return
	}
	// No sum is larger than first and MaxSlots of the largest differences.
	furthest := min(d.frame.most(), inverseLimit) * MaxSlots
	quick := d.scale.invertible(saturate(magnitude(first), furthest))
	sum := uint64(first) + d.frame.sum(from)
	if quick {
		sum += integerBias
	}
	// Up to the last step, dst holds integers as the bits of its floats.
	dst[0] = math.Float64frombits(sum)
	rest := dst[1:]
	d.frame.unpack(rest, from, 0)
	for len(rest) >= 4 {
		r := (*[4]float64)(rest)
		rest = rest[4:]
		sum += math.Float64bits(r[0])
		r[0] = math.Float64frombits(sum)
		sum += math.Float64bits(r[1])
		r[1] = math.Float64frombits(sum)
		sum += math.Float64bits(r[2])
		r[2] = math.Float64frombits(sum)
		sum += math.Float64bits(r[3])
		r[3] = math.Float64frombits(sum)
	}
	for i, v := range rest {
		sum += math.Float64bits(v)
		rest[i] = math.Float64frombits(sum)
	}
	if quick {
		d.scale.quotients(dst)
	} else {
		d.scale.values(dst)
	}
}

// sum returns the sum of the first n integers.
func (f *frame) sum(n int) (sum uint64) {
	if n == 0 {
		return 0
	}
	var buf [64]float64
	for from := 0; from < n; from += len(buf) {
		part := buf[:min(len(buf), n-from)]
		f.unpack(part, from, 0)
		for _, v := range part {
			sum += math.Float64bits(v)
		}
	}
	return sum
}
