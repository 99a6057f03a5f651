package store

import (
	"testing"

	"cc-metric-store/test/testkit"
)

// TestRelease: the log may drop what is before the older one of two checkpoints
// that can be read, of the log that is being read, and nothing else.
func TestRelease(t *testing.T) {
	r := newRestarts(t, testkit.Seed(t), 5)
	step := func(what string, want Entry) {
		t.Helper()
		r.log.released = Entry{}
		r.appendEntry()
		r.mustWrite()
		if r.log.released != want {
			t.Errorf("%s: what is before %v was released, want %v", what, r.log.released, want)
		}
	}
	step("one checkpoint", Entry{})
	step("two checkpoints", Entry{1, 1})
	step("three", Entry{1, 2})
	r.restart() // of that at 3
	step("after a restart", Entry{1, 3})
	r.log.setApplied(Entry{2, 0}) // the numbers have started over
	step("another log", Entry{})
	step("two of it", Entry{2, 5})
}
