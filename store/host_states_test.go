package store

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"cc-metric-store/test/testkit"
)

// TestHostStatesAgreeWithAMap sends metrics of random hosts, of which each ends at a random time,
// for the host itself or for random parts, and compares with what a plain map says.
func TestHostStatesAgreeWithAMap(t *testing.T) {
	const begin, ticks = 1_700_000_000, 40
	rnd := testkit.Rand(t)
	now := time.Unix(begin+ticks*60, 0)
	metrics := map[string]MetricConfig{}
	for m := range 9 {
		metrics[fmt.Sprint("m", m)] = MetricConfig{Frequency: []int64{10, 60}[m%2]}
	}
	for range 20 {
		s := newStore(t, Config{Now: func() time.Time { return now }, Metrics: metrics, blockSlots: 8})
		hosts := 1 + rnd.IntN(6)
		last := map[string]map[string]int64{} // newest times, by host and metric
		for h := range hosts {
			host := fmt.Sprint("h", h)
			last[host] = map[string]int64{}
			for name, m := range metrics {
				if rnd.IntN(4) == 0 {
					continue
				}
				parts := []Part{{}}
				if rnd.IntN(2) == 0 {
					parts = nil
					for i := range 1 + rnd.IntN(4) {
						parts = append(parts, Part{Type: "socket", ID: fmt.Sprint(i)})
					}
				}
				id, _ := s.Metric([]byte(name))
				end := begin + 60*int64(1+rnd.IntN(ticks))
				for at := int64(begin); at <= end; at += m.Frequency {
					b := Batch{Cluster: "c", Host: host, Parts: parts}
					for p := range parts {
						b.Add(int32(p), id, at, 1)
					}
					s.Append(&b)
					last[host][name] = at
				}
			}
		}
		checkStates(t, s, metrics, last, now.Unix())
	}
}

func checkStates(t *testing.T, s *Store, metrics map[string]MetricConfig, last map[string]map[string]int64, now int64) {
	t.Helper()
	having, there := map[string]int{}, 0
	for _, times := range last {
		if len(times) > 0 {
			there++
		}
		for name := range times {
			having[name]++
		}
	}
	states, err := s.HostStates(t.Context(), "c")
	if err != nil || len(states) != there {
		t.Fatalf("%d states of %d hosts: %v", len(states), there, err)
	}
	for i, got := range states {
		if i > 0 && states[i-1].Host >= got.Host {
			t.Errorf("%s comes before %s", states[i-1].Host, got.Host)
		}
		want := HostState{Host: got.Host, Series: got.Series}
		for name := range metrics {
			at, has := last[got.Host][name]
			f := metrics[name].Frequency
			switch {
			case has && at > now-(staleAfter+1)*f-f/2:
				want.Fresh++
			case has:
				want.Stale++
			case 2*having[name] >= there && having[name] > 0:
				want.Missing++
			}
			if has {
				want.Newest = max(want.Newest, at)
			}
		}
		if got.Fresh != want.Fresh || got.Stale != want.Stale || got.Missing != want.Missing {
			t.Errorf("got %+v, want %+v", got, want)
		}
		// A sealed block tells by some columns: less than one block is missing.
		if got.Newest > want.Newest || got.Newest < want.Newest-8*60 {
			t.Errorf("%s: the newest sample is of %d, want %d", got.Host, got.Newest, want.Newest)
		}
	}
}

// TestHostStatesNewest: where all metrics of a host come together, the newest time is exact, in an
// open block and in a sealed one.
func TestHostStatesNewest(t *testing.T) {
	const begin = 1_700_000_000
	s := newStore(t, Config{Now: func() time.Time { return time.Unix(begin, 0) }, Metrics: map[string]MetricConfig{"a": {Frequency: 60}, "b": {Frequency: 60}}, blockSlots: 8})
	a, _ := s.Metric([]byte("a"))
	b, _ := s.Metric([]byte("b"))
	for i := range int64(20) {
		batch := Batch{Cluster: "c", Host: "h", Parts: []Part{{}}}
		batch.Add(0, a, begin+60*i, 1)
		batch.Add(0, b, begin+60*i, 2)
		s.Append(&batch)
		states, err := s.HostStates(t.Context(), "c")
		if err != nil || len(states) != 1 || states[0].Newest != begin+60*i {
			t.Fatalf("after sample %d: %+v, %v", i, states, err)
		}
	}
}

func TestHostStatesEnd(t *testing.T) {
	s := newStore(t, Config{Metrics: map[string]MetricConfig{"a": {Frequency: 60}}})
	if states, err := s.HostStates(t.Context(), "nobody"); err != nil || len(states) != 0 {
		t.Errorf("%v, %v", states, err)
	}
	id, _ := s.Metric([]byte("a"))
	batch := Batch{Cluster: "c", Host: "h", Parts: []Part{{}}}
	batch.Add(0, id, 60, 1)
	s.Append(&batch)
	if got := fmt.Sprint(s.Clusters(), s.CountHosts("c"), s.CountHosts("d"), s.Newest("c", "h"), s.Newest("c", "i")); got != "[c] 1 0 60 0" {
		t.Error(got)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.HostStates(ctx, "c"); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

// BenchmarkHostStates is a cluster of 1,000 hosts with 518 series each.
func BenchmarkHostStates(b *testing.B) {
	const begin = 1_700_000_000
	metrics := map[string]MetricConfig{}
	for m := range 23 {
		metrics[fmt.Sprint("m", m)] = MetricConfig{Frequency: 60}
	}
	s := newStore(b, Config{Now: func() time.Time { return time.Unix(begin+600, 0) }, Metrics: metrics})
	parts := []Part{{}}
	for i := range 72 {
		parts = append(parts, Part{Type: "hwthread", ID: fmt.Sprint(i)})
	}
	for h := range 1000 {
		for tick := range int64(10) {
			batch := Batch{Cluster: "c", Host: fmt.Sprintf("h%04d", h), Parts: parts}
			for m := range 23 {
				id, _ := s.Metric([]byte(fmt.Sprint("m", m)))
				if m < 16 {
					batch.Add(0, id, begin+60*tick, 1)
					continue
				}
				for p := range parts[1:] {
					batch.Add(int32(p)+1, id, begin+60*tick, 1)
				}
			}
			s.Append(&batch)
		}
	}
	for b.Loop() {
		if states, err := s.HostStates(b.Context(), "c"); err != nil || len(states) != 1000 || states[0].Fresh != 23 {
			b.Fatal(err, states[0])
		}
	}
}
