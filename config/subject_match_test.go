package config

import "testing"

func TestCoversAndOverlap(t *testing.T) {
	tests := []struct {
		a, b                   string
		aCovers, bCovers, both bool
	}{
		{"a", "a", true, true, true},
		{"a", "b", false, false, false},
		{"a", "a.b", false, false, false},
		{"a.>", "a", false, false, false},
		{"a.>", "a.b", true, false, true},
		{"a.>", "a.*", true, false, true},
		{"a.>", "a.*.>", true, false, true},
		{"a.*", "a.b", true, false, true},
		{"a.*", "a.b.c", false, false, false},
		{"a.*", "*.b", false, false, true},
		{"*.b.>", "a.>", false, false, true},
		{"*.b", "a.c", false, false, false},
		{"*", "*", true, true, true},
		{"*.*", "a.b", true, false, true},
	}
	for _, test := range tests {
		if covers(test.a, test.b) != test.aCovers || covers(test.b, test.a) != test.bCovers ||
			overlap(test.a, test.b) != test.both || overlap(test.b, test.a) != test.both {
			t.Errorf("%s and %s: covers %v and %v, overlap %v and %v", test.a, test.b,
				covers(test.a, test.b), covers(test.b, test.a), overlap(test.a, test.b), overlap(test.b, test.a))
		}
	}
}
