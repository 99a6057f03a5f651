package chunk

import "math"

// maxExact bounds the integers of a decimal scale: up to it float64 holds every
// integer.
const maxExact = 1 << 53

// One in outlierShare of the values of a block, at most, may stand outside of a
// decimal scale.
const outlierShare = 8

// outlierBits is about what an outlier takes, with its position.
const outlierBits = 64 + 6

// decimals returns the least number of decimals from least on that express v
// exactly, maxDecimals+1 if none does.
func decimals(v float64, least int) int {
	for d := least; d <= maxDecimals; d++ {
		if _, ok := scaled(v, math.Pow10(d)); ok {
			return d
		}
	}
	return maxDecimals + 1
}

// scaled returns the integer m with m/power == v, bit for bit, and whether there
// is one.
func scaled(v, power float64) (m int64, ok bool) {
	m = int64(math.RoundToEven(v * power))
	// What is too large for an int64 becomes one that is too large here.
	exact := uint64(m+maxExact) <= 2*maxExact
	return m, exact && math.Float64bits(float64(m)/power) == math.Float64bits(v)
}

// fitDecimals makes integers of the block's values by the decimals that they
// carry. It reports false if they are no decimal numbers, a few outliers apart.
func (e *Encoder) fitDecimals() bool {
	d := e.sampleDecimals()
	if d > maxDecimals {
		return false
	}
	// need[n] counts the values that need n decimals, those above d.
	var need [maxDecimals + 2]int
	limit := e.n / outlierShare
	power := math.Pow10(d)
	for i, v := range e.values[:e.n] {
		m, ok := scaled(v, power)
		if !ok {
			n := decimals(v, d+1)
			need[n]++
			if need[maxDecimals+1] > limit {
				return false
			}
		}
		e.ints[i] = m
	}
	e.scale = scale{decimals: d, divisor: power, step: 1}
	e.outliers.n = 0
	if need == [maxDecimals + 2]int{} {
		return true
	}
	return e.rescale(betterDecimals(d, e.n, &need), limit)
}

// sampleDecimals returns the decimals that all but one of a few values need.
func (e *Encoder) sampleDecimals() int {
	const samples = 8
	var most, second, none int
	stride := max(1, e.n/samples)
	for i := stride / 2; i < e.n; i += stride {
		d := decimals(e.values[i], 0)
		if d > maxDecimals {
			if none++; none > samples/2 {
				return d
			}
			continue
		}
		if d > most {
			most, second = d, most
		} else {
			second = max(second, d)
		}
	}
	return second
}

// betterDecimals returns the decimals, at least d, that make the block
// smallest: each one more takes about 10/3 bits of all n values, and each value
// that needs more than chosen is an outlier.
func betterDecimals(d, n int, need *[maxDecimals + 2]int) int {
	outliers := 0
	for _, c := range need {
		outliers += c
	}
	best, least := d, outliers*outlierBits
	for more := d + 1; more <= maxDecimals; more++ {
		if need[more] == 0 {
			continue
		}
		outliers -= need[more]
		if bits := (more-d)*n*10/3 + outliers*outlierBits; bits < least {
			best, least = more, bits
		}
	}
	return best
}

// rescale makes integers of the values by d decimals. Those which that does not
// express exactly become outliers; their integer is that of a neighbour.
func (e *Encoder) rescale(d, limit int) bool {
	power := math.Pow10(d)
	e.scale = scale{decimals: d, divisor: power, step: 1}
	last, known := int64(0), false
	for i, v := range e.values[:e.n] {
		m, ok := scaled(v, power)
		switch {
		case !ok:
			if e.outliers.n == limit {
				return false
			}
			e.outliers.add(i)
			m = last
		case !known:
			for j := range i {
				e.ints[j] = m
			}
			known = true
		}
		e.ints[i], last = m, m
	}
	return true
}

// fitStep divides the integers by the step that all of them are multiples of,
// bar an offset.
func (e *Encoder) fitStep() {
	v := e.ints[:e.n]
	step := uint64(0)
	for _, x := range v[1:] {
		if step = gcd(step, magnitude(x-v[0])); step == 1 {
			return
		}
	}
	if step == 0 {
		return
	}
	s := &e.scale
	s.step = int64(step)
	s.anchor = (v[0]%s.step + s.step) % s.step
	for i, x := range v {
		v[i] = (x - s.anchor) / s.step
	}
}

// gcd returns the greatest common divisor of a and b, the other one if one is 0.
func gcd(a, b uint64) uint64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

func magnitude(x int64) uint64 {
	if x < 0 {
		return uint64(-x)
	}
	return uint64(x)
}
