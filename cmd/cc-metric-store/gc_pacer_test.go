package main

import "testing"

func TestGCPercentFor(t *testing.T) {
	for _, test := range []struct {
		live uint64
		busy bool
		want int
	}{
		{0, true, 1600}, {8 << 20, true, 1600}, {64 << 20, true, 200}, {256 << 20, true, 50}, {512 << 20, true, 30}, {100 << 30, true, 30},
		{0, false, 30}, {64 << 20, false, 30},
	} {
		if got := gcPercentFor(test.live, test.busy); got != test.want {
			t.Errorf("%d bytes in use: %d, want %d", test.live, got, test.want)
		}
	}
}
