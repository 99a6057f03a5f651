package ingest

import "testing"

func TestCovers(t *testing.T) {
	for _, test := range []struct {
		a, b string
		want bool
	}{
		{"a", "a", true}, {"a", "b", false}, {"a.*", "a.b", true}, {"a.*", "a.*", true}, {"a.b", "a.*", false},
		{"a.>", "a", false}, {"a.>", "a.b.c", true}, {"a.>", "a.>", true}, {"a.*", "a.>", false}, {"*.b", "a.b", true}, {"a.*", "a.b.c", false},
	} {
		if got := covers(test.a, test.b); got != test.want {
			t.Errorf("covers(%q, %q) = %v", test.a, test.b, got)
		}
	}
}
