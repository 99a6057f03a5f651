package load

// golden is 2^64 divided by the golden ratio: its multiples spread evenly over
// the 64-bit range, so that consecutive ticks give unrelated inputs to mix.
const golden = 0x9e3779b97f4a7c15

// mix scatters the bits of x (the finaliser of splitmix64), so that inputs that
// differ in one bit give unrelated outputs.
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// hashString folds s into h (FNV-1a, scattered by mix). The result is part of
// what a seed promises: another hash would change every generated value.
func hashString(h uint64, s string) uint64 {
	h ^= 0xcbf29ce484222325
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 0x100000001b3
	}
	return mix(h)
}

// unit maps the upper 53 bits of r to [0, 1).
func unit(r uint64) float64 {
	return float64(r>>11) / (1 << 53)
}
