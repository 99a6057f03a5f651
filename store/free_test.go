package store

import (
	"math"
	"testing"
)

// TestFreeMeetsAGridWithoutSeries: while a free of many blocks lets others in, the
// host may get a grid whose first series is refused.
func TestFreeMeetsAGridWithoutSeries(t *testing.T) {
	s := newStore(t, Config{blockSlots: 1, MaxSeries: 1})
	for i := range int64(freeRun + 10) {
		put(t, s, "h", Part{}, "temp", t0+i, 1)
	}
	key := hostKey{"c", "h"}
	one := freeing{store: s, host: s.stripeOf(key).hosts[key], selector: newSelectorTree([][]string{{"c", "h"}}).host(key), before: t0 + 1e6, from: -math.MaxInt64}
	freed, more := one.runLocked()
	if freed != freeRun || !more {
		t.Fatalf("freed %d, more: %v", freed, more)
	}
	for _, metric := range []string{"load", "power"} {
		id, _ := s.Metric([]byte(metric))
		if done := s.Append(&Batch{Cluster: "c", Host: "h", Parts: []Part{{}}, Names: []Name{{Metric: id}}, Samples: []Sample{{Time: t0}}}); done.OverSeries != 1 {
			t.Fatalf("%s: %+v", metric, done)
		}
	}
	if freed, more = one.runLocked(); freed != 10 || more {
		t.Errorf("freed %d, more: %v", freed, more)
	}
}
