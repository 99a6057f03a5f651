package store

import (
	"errors"
	"fmt"
	"testing"
	"time"
)

// TestLongWindowsOfManyParts asks for the longest window of a host with many parts,
// each of which has two samples: what is combined takes time for its samples, not for
// each part the time of the window.
func TestLongWindowsOfManyParts(t *testing.T) {
	const parts = 1500
	shapes := map[string]func(i int) Part{
		"one kind":   func(i int) Part { return Part{Type: "hwthread", ID: fmt.Sprint(i)} },
		"many kinds": func(i int) Part { return Part{Type: fmt.Sprint("kind", i), ID: "0"} },
		"second levels": func(i int) Part {
			return Part{Type: "socket", ID: fmt.Sprint(i / 2), Subtype: fmt.Sprint("s", i%2), SubID: "0"}
		},
	}
	least := func(s *Store, q *Query) time.Duration {
		best := time.Duration(1<<63 - 1)
		for range 3 {
			begin := cpuTime()
			if _, err := s.Query(q); err != nil && !errors.Is(err, ErrInvalidAggregation) {
				t.Fatal(err)
			}
			best = min(best, cpuTime()-begin)
		}
		return best
	}
	for shape, part := range shapes {
		for _, metric := range []string{"flops", "clock", "load"} {
			t.Run(shape+" of "+metric, func(t *testing.T) {
				s := newStore(t, Config{})
				config, _ := s.metrics.config(metric)
				q := &Query{Cluster: "c", Host: "one", Metric: metric, From: t0 - (MaxCells-10)*config.Frequency, To: t0 + config.Frequency}
				for _, at := range []int64{t0 - MaxCells/2*config.Frequency, t0} {
					put(t, s, "one", Part{}, metric, at, 1)
					for i := range parts {
						put(t, s, "many", part(i), metric, at, 1)
					}
				}
				one := least(s, q)
				q.Host = "many"
				if many := least(s, q); many > 20*one+50*time.Millisecond {
					t.Errorf("%d parts take %v of processor time, one series %v", parts, many, one)
				}
			})
		}
	}
}
