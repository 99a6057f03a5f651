package main

import "testing"

func TestGCPercentFor(t *testing.T) {
	for _, test := range []struct {
		live uint64
		want int
	}{{0, 1600}, {8 << 20, 1600}, {64 << 20, 200}, {256 << 20, 50}, {512 << 20, 30}, {100 << 30, 30}} {
		if got := gcPercentFor(test.live); got != test.want {
			t.Errorf("%d bytes in use: %d, want %d", test.live, got, test.want)
		}
	}
}
