package chunk

import (
	"fmt"
	"math"
)

// A delta body is the first integer and a frame of the differences of
// neighbours. They wrap: a sum of differences ends where it should even if the
// largest of them overflowed.

func (d *decoder) decodeDelta(dst []float64, b []byte, from int) error {
	if d.values < 2 {
		return fmt.Errorf("no differences: %w", ErrCorrupt)
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
	if len(dst) == d.values {
		d.sumDeltas(dst, first)
		return nil
	}
	var all [MaxSlots]float64
	d.sumDeltas(all[:from+len(dst)], first)
	copy(dst, all[from:])
	return nil
}

// sumDeltas writes the first len(dst) values to dst.
func (d *decoder) sumDeltas(dst []float64, first int64) {
	if len(dst) == 0 {
		return
	}
	// dst holds the bits of the differences before it holds the values.
	dst[0] = 0
	integers := scale{patterns: true}
	d.frame.decode(dst[1:], &integers, 0)
	s := &d.scale
	if s.patterns {
		sum, shift := uint64(first), s.shift&63
		for i, v := range dst {
			sum += math.Float64bits(v)
			dst[i] = math.Float64frombits(sum << shift)
		}
		return
	}
	sum, step, divisor := s.anchor+first*s.step, s.step, s.divisor
	for i, v := range dst {
		sum += int64(math.Float64bits(v)) * step
		dst[i] = float64(sum) / divisor
	}
}
