package chunk

import (
	"encoding/binary"
	"fmt"
	"math"
)

// maxDecimals is the largest number of decimals of a scale. 10^maxDecimals is exact in a float64.
// So an integer below 1<<53 divided by it gives the float64 next to the decimal number, which
// is what a parser of text gives.
const maxDecimals = 17

// The parts of the first byte of a scale.
const (
	scaleDecimals = 0x1f // decimals, of a decimal scale
	scaleStep     = 0x20 // decimal: a step follows
	scaleBits     = 0x40 // bit patterns; the lowest six bits are the shift
	scaleShift    = 0x3f
	scaleOutliers = 0x80 // values follow that the scale cannot express
)

// scale maps integers to values. The integer k of a decimal scale stands for
// the number (anchor + k*step) / 10^decimals. Otherwise it stands for the
// float64 with the bits k<<shift.
type scale struct {
	patterns bool
	shift    uint

	decimals     int
	divisor      float64 // 10^decimals
	anchor, step int64   // 0 and 1 unless all numbers are multiples of a step, with an offset
}

// value returns the value that k stands for.
func (s *scale) value(k int64) float64 {
	if s.patterns {
		return math.Float64frombits(uint64(k) << s.shift)
	}
	return float64(s.anchor+k*s.step) / s.divisor
}

// values turns integers, which are the bits of the floats in dst, into the
// values that they stand for, in place.
func (s *scale) values(dst []float64) {
	if s.patterns {
		if shift := s.shift & 63; shift > 0 {
			for i, v := range dst {
				dst[i] = math.Float64frombits(math.Float64bits(v) << shift)
			}
		}
		return
	}
	anchor, step, divisor := s.anchor, s.step, s.divisor
	for i, v := range dst {
		dst[i] = float64(anchor+int64(math.Float64bits(v))*step) / divisor
	}
}

// append appends the scale with its parameters. outliers says that some follow.
func (s *scale) append(dst []byte, outliers bool) []byte {
	var header byte
	if outliers {
		header = scaleOutliers
	}
	if s.patterns {
		return append(dst, header|scaleBits|byte(s.shift))
	}
	header |= byte(s.decimals)
	if s.step == 1 {
		return append(dst, header)
	}
	dst = append(dst, header|scaleStep)
	dst = binary.AppendUvarint(dst, uint64(s.step))
	return binary.AppendUvarint(dst, uint64(s.anchor))
}

// setDecimals makes s the plain scale of so many decimals.
func (s *scale) setDecimals(n int) { s.decimals, s.divisor, s.step = n, math.Pow10(n), 1 }

// parse reads a scale and returns what follows it.
func (s *scale) parse(b []byte) (rest []byte, outliers bool, err error) {
	if len(b) == 0 {
		return nil, false, fmt.Errorf("scale is missing: %w", errCorrupt)
	}
	header := b[0]
	b = b[1:]
	outliers = header&scaleOutliers != 0
	if header&scaleBits != 0 {
		s.patterns = true
		s.shift = uint(header & scaleShift)
		return b, outliers, nil
	}
	s.decimals = int(header & scaleDecimals)
	if s.decimals > maxDecimals {
		return nil, false, fmt.Errorf("%d decimals: %w", s.decimals, errCorrupt)
	}
	s.setDecimals(s.decimals)
	if header&scaleStep != 0 {
		var step, anchor uint64
		if step, b, err = parseUvarint(b); err == nil {
			anchor, b, err = parseUvarint(b)
		}
		if err != nil {
			return nil, false, fmt.Errorf("step of the scale: %w", err)
		}
		s.step, s.anchor = int64(step), int64(anchor)
	}
	return b, outliers, nil
}

// fill sets all of dst to v.
func fill(dst []float64, v float64) {
	for len(dst) >= 8 {
		d := (*[8]float64)(dst)
		d[0], d[1], d[2], d[3] = v, v, v, v
		d[4], d[5], d[6], d[7] = v, v, v, v
		dst = dst[8:]
	}
	for i := range dst {
		dst[i] = v
	}
}

// parseUvarint reads an unsigned varint and returns what follows it.
func parseUvarint(b []byte) (uint64, []byte, error) {
	u, n := binary.Uvarint(b)
	if n <= 0 {
		return 0, nil, fmt.Errorf("number ends early: %w", errCorrupt)
	}
	return u, b[n:], nil
}

// parseVarint reads what appendVarint appends.
func parseVarint(b []byte) (int64, []byte, error) {
	u, b, err := parseUvarint(b)
	return unzigzag(u), b, err
}
