package chunk

import "math"

// A sum of decimal numbers that was computed in float64 is a decimal number that was moved by a
// few units in the last place. Such a block has the numbers as any other one, and before them a
// frame of what they were moved by.

const (
	// A sample of the values counts as nearly decimal if it is off by at most nearSpread of
	// its magnitude, which is 32 to 64 units in the last place, and if its integer is at most
	// nearInteger: the integers are so far apart then that hardly any other number is as near
	// to one.
	nearSpread  = 1.0 / (1 << 47)
	nearInteger = 1 << 41

	// No value is moved by more than nearOffset units. One that would be is an outlier.
	nearOffset = 1 << 20
)

// ordered returns the bits of v as an integer that grows with v: neighbours among the float64
// numbers are neighbours, -0 comes right before 0.
func ordered(v float64) int64 {
	x := int64(math.Float64bits(v))
	return x ^ int64(uint64(x>>63)>>1)
}

// moved returns the number that lies so many places after v in the order of ordered.
func moved(v float64, places int64) float64 {
	x := ordered(v) + places
	return math.Float64frombits(uint64(x ^ int64(uint64(x>>63)>>1)))
}

// decodeNear is decodeValues for a block whose values are moved.
func (d *decoder) decodeNear(dst []float64, from int) error {
	var offsets frame
	b, err := offsets.parse(d.body, d.values)
	if err != nil {
		return err
	}
	return d.decodeIntegers(dst, b, from, &offsets)
}

// move moves the values [from, from+len(dst)) by the integers of f.
func (f *frame) move(dst []float64, from int) {
	var buf [MaxSlots]float64
	places := buf[:len(dst)]
	f.unpack(places, from, 0)
	for i, n := range places {
		dst[i] = moved(dst[i], int64(math.Float64bits(n)))
	}
}

// appendNear appends the offsets and the smallest body of all modes but raw. It returns false if the
// values are not nearly decimal.
func (e *encoder) appendNear(dst []byte) (bodyMode, []byte, bool) {
	d := e.sampleNear()
	if d > maxDecimals || !e.fitNear(d) {
		return 0, dst, false
	}
	e.fitStep()
	offsets := e.offsets[:e.n]
	dst = appendFrame(dst, offsets, planFrame(offsets, limitsOf(offsets)), &e.patches)
	mode, dst := e.appendIntegers(dst)
	return mode, dst, true
}

// sampleNear returns the decimals that all but one of a few values nearly have, and more than
// maxDecimals if there are none.
func (e *encoder) sampleNear() int {
	const samples = 8
	var most, second, none int
	stride := max(1, e.n/samples)
	for i := stride / 2; i < e.n; i += stride {
		switch d := nearDecimals(e.values[i], second); {
		case d > maxDecimals:
			if none++; none > 1 {
				return d
			}
		case d > most:
			most, second = d, most
		default:
			second = d
		}
	}
	if e.n < 2*samples {
		return most
	}
	return second
}

// nearDecimals returns the smallest number of decimals, at least least, that v nearly has. It
// returns maxDecimals+1 if there is none.
func nearDecimals(v float64, least int) int {
	for d := least; d <= maxDecimals; d++ {
		x := v * math.Pow10(d)
		switch size := math.Abs(x); {
		case size > nearInteger:
			return maxDecimals + 1
		case math.Abs(x-math.RoundToEven(x)) <= size*nearSpread:
			return d
		}
	}
	return maxDecimals + 1
}

// fitNear turns the values of the block into integers by d decimals, and into offsets from what
// these stand for. It returns false if there are too many outliers.
func (e *encoder) fitNear(d int) bool {
	power := math.Pow10(d)
	e.scale = scale{decimals: d, divisor: power, step: 1}
	e.outliers.n = 0
	limit := e.n / outlierShare
	last, place, known := int64(0), int64(0), false // of the value before
	for i, v := range e.values[:e.n] {
		m, offset := int64(0), int64(math.MaxInt64)
		if x := v * power; math.Abs(x) < maxExact {
			m = int64(math.RoundToEven(x))
			offset = ordered(v) - ordered(float64(m)/power)
		}
		switch {
		case offset > nearOffset || offset < -nearOffset:
			if e.outliers.n == limit {
				return false
			}
			e.outliers.add(i)
			m, offset = last, place
		case !known:
			for j := range i {
				e.ints[j], e.offsets[j] = m, offset
			}
			known = true
		}
		e.ints[i], e.offsets[i] = m, offset
		last, place = m, offset
	}
	e.within = limitsOf(e.ints[:e.n])
	return true
}
