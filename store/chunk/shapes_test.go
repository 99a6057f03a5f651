package chunk

import (
	"math"
	"math/rand/v2"
)

// shape makes n values that behave as one kind of metric does.
type shape struct {
	name string
	make func(r *rand.Rand, n int) []float64
}

func each(n int, value func(i int) float64) []float64 {
	v := make([]float64, n)
	for i := range v {
		v[i] = value(i)
	}
	return v
}

// decimalsOf rounds v as printing it with d decimals does.
func decimalsOf(v float64, d int) float64 {
	return math.Round(v*math.Pow10(d)) / math.Pow10(d)
}

// sumOfWalks adds so many random walks with d decimals, in float64 and in their order.
func sumOfWalks(r *rand.Rand, walks, d, n int) []float64 {
	sum := make([]float64, n)
	for range walks {
		x := r.Float64() * 1000
		for i := range sum {
			x = math.Abs(x + r.NormFloat64())
			sum[i] += decimalsOf(x, d)
		}
	}
	return sum
}

// shapes covers every mode and every part of the format.
var shapes = []shape{
	{"gaps only", func(_ *rand.Rand, n int) []float64 {
		return each(n, func(int) float64 { return math.NaN() })
	}},
	{"constant", func(r *rand.Rand, n int) []float64 {
		c := decimalsOf(r.NormFloat64()*1e3, r.IntN(8))
		return each(n, func(int) float64 { return c })
	}},
	{"constant bits", func(r *rand.Rand, n int) []float64 {
		c := math.Float64frombits(r.Uint64())
		return each(n, func(int) float64 { return c })
	}},
	{"noise", func(r *rand.Rand, n int) []float64 {
		d := r.IntN(7)
		return each(n, func(int) float64 { return decimalsOf(r.NormFloat64()*50+100, d) })
	}},
	{"noise with peaks", func(r *rand.Rand, n int) []float64 {
		return each(n, func(int) float64 {
			if r.IntN(12) == 0 {
				return decimalsOf(r.ExpFloat64()*1e6-1e6, 2)
			}
			return decimalsOf(2600+r.NormFloat64()/10, 2)
		})
	}},
	{"walk", func(r *rand.Rand, n int) []float64 {
		x, d := r.Float64()*1e5, r.IntN(7)
		return each(n, func(int) float64 {
			x += r.NormFloat64()
			return decimalsOf(x, d)
		})
	}},
	{"sawtooth", func(r *rand.Rand, n int) []float64 {
		return each(n, func(i int) float64 { return decimalsOf(float64(i%40)*3+r.Float64(), 2) })
	}},
	{"counter", func(r *rand.Rand, n int) []float64 {
		x := math.Floor(r.Float64() * 1e15)
		return each(n, func(int) float64 {
			x += float64(r.IntN(5000))
			return x
		})
	}},
	{"huge counter", func(r *rand.Rand, n int) []float64 {
		x := 1e18
		return each(n, func(int) float64 {
			x += float64(r.IntN(1 << 30))
			return x
		})
	}},
	{"pages", func(r *rand.Rand, n int) []float64 {
		x := 4096*float64(r.IntN(1<<25)) + 512
		return each(n, func(int) float64 {
			x += 4096 * float64(r.IntN(200)-100)
			return x
		})
	}},
	{"few quotients", func(r *rand.Rand, n int) []float64 {
		return each(n, func(int) float64 { return 100 / float64(60+r.IntN(30)) })
	}},
	{"quotients", func(r *rand.Rand, n int) []float64 {
		return each(n, func(int) float64 {
			return math.Floor(1e6+r.NormFloat64()*1e4) / (60 + r.Float64()*0.002)
		})
	}},
	{"quotients and zeros", func(r *rand.Rand, n int) []float64 {
		return each(n, func(int) float64 {
			return float64(r.IntN(4)/3*r.IntN(100)) / (60 + r.Float64()*0.002)
		})
	}},
	{"float32", func(r *rand.Rand, n int) []float64 {
		return each(n, func(int) float64 { return float64(float32(40 + r.NormFloat64())) })
	}},
	{"outliers", func(r *rand.Rand, n int) []float64 {
		strange := []float64{math.Copysign(0, -1), math.Inf(1), math.Inf(-1), math.Pi, 5e-324, math.MaxFloat64}
		return each(n, func(int) float64 {
			if r.IntN(20) == 0 {
				return strange[r.IntN(len(strange))]
			}
			return decimalsOf(r.NormFloat64(), 1)
		})
	}},
	{"more decimals at times", func(r *rand.Rand, n int) []float64 {
		return each(n, func(int) float64 {
			if r.IntN(30) == 0 {
				return decimalsOf(r.NormFloat64(), 9)
			}
			return decimalsOf(r.NormFloat64(), 1)
		})
	}},
	{"subnormal", func(r *rand.Rand, n int) []float64 {
		return each(n, func(int) float64 { return math.Float64frombits(r.Uint64N(1 << 20)) })
	}},
	{"bits", func(r *rand.Rand, n int) []float64 {
		return each(n, func(int) float64 { return math.Float64frombits(r.Uint64()) })
	}},
	{"sums", func(r *rand.Rand, n int) []float64 {
		return sumOfWalks(r, 2+r.IntN(100), r.IntN(7), n)
	}},
	{"sums of noise", func(r *rand.Rand, n int) []float64 {
		x, d := r.Float64()*1e6, 1+r.IntN(4)
		return each(n, func(int) float64 { return moved(decimalsOf(x+r.NormFloat64(), d), r.Int64N(9)-4) })
	}},
	{"few sums", func(r *rand.Rand, n int) []float64 {
		few := sumOfWalks(r, 72, 3, 5)
		return each(n, func(int) float64 { return few[r.IntN(len(few))] })
	}},
	{"constant sum", func(r *rand.Rand, n int) []float64 {
		c := sumOfWalks(r, 72, 3, 1)
		return each(n, func(int) float64 { return c[0] })
	}},
	{"sums around zero", func(r *rand.Rand, n int) []float64 {
		strange := []float64{math.Copysign(0, -1), 5e-324, -5e-324, math.Inf(1), math.Inf(-1), math.MaxFloat64, 1e-17}
		return each(n, func(int) float64 {
			if r.IntN(15) == 0 {
				return strange[r.IntN(len(strange))]
			}
			return moved(decimalsOf(r.NormFloat64(), 2), r.Int64N(9)-4)
		})
	}},
	{"two values", func(r *rand.Rand, n int) []float64 {
		a, b := r.NormFloat64(), r.NormFloat64()
		return each(n, func(int) float64 {
			if r.IntN(2) == 0 {
				return a
			}
			return b
		})
	}},
}

// puncture turns a share of the values into gaps, in runs of about the length.
func puncture(r *rand.Rand, v []float64, share float64, run int) {
	for i := 0; i < len(v); i++ {
		if r.Float64() < share/float64(run) {
			for end := min(len(v), i+1+r.IntN(2*run)); i < end; i++ {
				// Any NaN is a gap, quiet or not, of either sign.
				v[i] = math.Float64frombits(0x7ff0000000000001 | r.Uint64())
			}
		}
	}
}

// randomBlock returns a block of a random shape, length and gaps.
func randomBlock(r *rand.Rand) (string, []float64) {
	n := 1 + r.IntN(MaxSlots)
	if r.IntN(2) == 0 {
		n = 64 << r.IntN(3)
	}
	s := shapes[r.IntN(len(shapes))]
	v := s.make(r, n)
	if r.IntN(2) == 0 {
		puncture(r, v, []float64{0.01, 0.1, 0.5, 0.95}[r.IntN(4)], 1+r.IntN(20))
	}
	return s.name, v
}
