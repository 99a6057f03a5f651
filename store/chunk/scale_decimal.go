package chunk

import "math"

// maxExact bounds the integers of a decimal scale: up to it float64 holds every
// integer.
const maxExact = 1 << 53

// At most one in outlierShare of the values of a block may be an outlier of a decimal scale.
const outlierShare = 8

// outlierBits estimates the size of an outlier with its index.
const outlierBits = 64 + 6

// decimals returns the smallest number of decimals, at least least, with which v is exact. It
// returns maxDecimals+1 if there is none.
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
	// A value that is too large for an int64 becomes an integer that is too large here.
	exact := uint64(m+maxExact) <= 2*maxExact
	return m, exact && math.Float64bits(float64(m)/power) == math.Float64bits(v)
}

// fitDecimals turns the values of the block into integers by the number of their decimals. It
// returns false if they are no decimal numbers, apart from a few outliers.
func (e *encoder) fitDecimals() bool {
	d := e.sampleDecimals()
	if d > maxDecimals {
		return false
	}
	if d <= inverseDecimals && e.fitQuickly(d) {
		return true
	}
	// need[n] counts the values that need n decimals, for n above d.
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
	if need != [maxDecimals + 2]int{} && !e.rescale(betterDecimals(d, e.n, &need), limit) {
		return false
	}
	e.within = limitsOf(e.ints[:e.n])
	return true
}

// fitQuickly is fitDecimals for values that all have at most d decimals, and whose integers can
// be turned back with an inverse of the divisor. It neither divides nor branches. It returns
// false if the values are not so.
func (e *encoder) fitQuickly(d int) bool {
	power := math.Pow10(d)
	by := inverses[d]
	values := e.values[:e.n]
	ints := e.ints[:len(values)]
	wrong := uint64(0)
	within := limits{math.MaxInt64, math.MinInt64}
	for i, v := range values {
		// The sum rounds to an integer, which is then in its lowest bits. A value that is too
		// large for that becomes an integer beyond the limit.
		sum := float64(v*power) + integerOrigin
		wrong |= math.Float64bits(by.quotient(sum-integerOrigin)) ^ math.Float64bits(v)
		m := int64(math.Float64bits(sum) - integerBias)
		within.add(m)
		ints[i] = m
	}
	if wrong != 0 || within.lo <= -inverseLimit || within.hi >= inverseLimit {
		return false
	}
	e.scale = scale{decimals: d, divisor: power, step: 1}
	e.outliers.n = 0
	e.within = within
	return true
}

// sampleDecimals returns the decimals that all but one of a few values need.
func (e *encoder) sampleDecimals() int {
	const samples = 8
	var most, second, none int
	stride := max(1, e.n/samples)
	for i := stride / 2; i < e.n; i += stride {
		v := e.values[i]
		if _, ok := scaled(v, math.Pow10(second)); ok {
			continue // a value without more decimals changes nothing
		}
		d := decimals(v, 0)
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

// betterDecimals returns the number of decimals, at least d, that makes the block smallest. One
// more decimal costs about 10/3 bits for each of the n values; a value that needs more decimals
// than chosen becomes an outlier.
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

// rescale turns the values into integers by d decimals. Values that are not exact with them
// become outliers, whose integer is that of a neighbour. It returns false if there are more
// than limit.
func (e *encoder) rescale(d, limit int) bool {
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

// fitStep divides the integers by their step, if all of them are multiples of one plus an
// offset.
func (e *encoder) fitStep() {
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
	e.within = limits{(e.within.lo - s.anchor) / s.step, (e.within.hi - s.anchor) / s.step}
}

// gcd returns the greatest common divisor of a and b. If one is 0, that is the other one.
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
