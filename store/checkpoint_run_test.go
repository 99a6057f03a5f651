package store

import (
	"testing"

	"cc-metric-store/test/testkit"
)

// TestDueWhenTheLogStartedOver: what the store has of a log that is gone is
// nowhere else.
func TestDueWhenTheLogStartedOver(t *testing.T) {
	r := newRestarts(t, testkit.Seed(t), 128)
	want := func(due bool, when string) {
		t.Helper()
		if got := r.checkpoints.due(r.log); got != due {
			t.Errorf("%s: due %v, want %v", when, got, due)
		}
	}
	write := func() {
		t.Helper()
		if err := r.checkpoints.Write(t.Context(), r.log); err != nil {
			t.Fatal(err)
		}
	}
	r.checkpoints.newest.at = r.store.cfg.Now() // as Run does
	r.appendEntry()
	want(false, "before the first one")
	write()
	r.appendEntry()
	want(false, "after an entry")
	r.log.setApplied(Entry{2, 0})
	want(true, "when the log has started over")
	write()
	want(false, "after that")
	r.restart()
	want(false, "after a restart")
	r.log.setApplied(Entry{2, 1})
	want(true, "when the log has started over meanwhile")
}
