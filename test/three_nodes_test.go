package test

import (
	"testing"

	"cc-metric-store/test/testkit"
)

// TestThreeNodes: whatever hits one of three nodes that keep the log together, nothing that was
// acknowledged is lost, somebody answers, and all answer alike afterwards. STRESS does far more of
// it.
func TestThreeNodes(t *testing.T) {
	t.Parallel()
	h := &hits{rnd: testkit.Rand(t), c: startCluster(t)}
	h.l = h.c.collect()
	h.l.during(t, "quiet", func() {})
	kills := 1
	if stressed() {
		kills = 20
	}
	for range kills {
		h.l.during(t, "kill -9 of the leader", func() { h.kill(h.c.leader()) })
		h.l.during(t, "kill -9 of a follower", func() { h.kill(h.follower()) })
	}
	for range min(kills, 3) {
		rolling := h.l.during(t, "rolling restart", h.restartAll)
		if rolling.noReady > 0 {
			t.Errorf("in a rolling restart no node was ready for %v", rolling.noReady)
		}
	}
	h.l.during(t, "a cable is pulled for 20 s", func() { h.unplug(h.rnd.IntN(3), 100) })
	if stressed() {
		h.stress(t)
	}
	for _, n := range h.c.nodes {
		if skipped := n.metric("log_skipped_entries_total"); skipped > 0 {
			t.Errorf("%s skipped %v entries of the log", n.URL, skipped)
		}
	}
}
