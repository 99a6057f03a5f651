package store

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cc-metric-store/test/testkit"
)

// crowd is a store in which some hosts grow tick by tick, while the oldest blocks give
// way and one host is freed. What a cell holds follows from its series and time.
type crowd struct {
	t       *testing.T
	store   *Store
	parts   []Part
	metrics []string
	ticks   [4]atomic.Int64 // by host: those that are stored
	done    atomic.Bool     // the readers have seen enough
}

const (
	freedHost  = 3 // of the crowd: it loses samples, and is not complete
	leastTicks = 1500
)

func (c *crowd) value(host int, part, metric int, at int64) float64 {
	return float64(((host*100+part)*100+metric)*10_000_000) + float64(at-t0)
}

// write grows a host, with old samples once more among the new ones.
func (c *crowd) write(host int, rnd *rand.Rand) {
	b := &Batch{Cluster: "c", Host: fmt.Sprint("h", host), Parts: c.parts}
	for tick := int64(0); tick < leastTicks || !c.done.Load(); tick++ {
		at := t0 + 60*tick
		if tick > 0 && rnd.IntN(50) == 0 {
			at = t0 + 60*rnd.Int64N(tick)
			tick--
		}
		b.Samples, b.Names = b.Samples[:0], b.Names[:0]
		for p := range c.parts {
			for m, name := range c.metrics {
				id, _ := c.store.Metric([]byte(name))
				b.Add(int32(p), id, at, c.value(host, p, m, at))
			}
		}
		if n := c.store.Append(b).Stored; n != len(b.Samples) {
			c.t.Errorf("stored %d of %d samples", n, len(b.Samples))
		}
		c.ticks[host].Store(tick + 1)
		if host == freedHost && rnd.IntN(50) == 0 {
			c.store.Free([][]string{{"c", b.Host}}, t0+60*rnd.Int64N(tick+2), Entry{})
		}
	}
}

// read selects and reads at random.
func (c *crowd) read(rnd *rand.Rand) {
	conditions, matchers := randomConditions(c.t, rnd)
	series, err := c.store.Select(c.t.Context(), matchers...)
	if err != nil {
		c.t.Error(err)
	}
	for i, id := range series {
		if slices.ContainsFunc(conditions, func(o condition) bool { return !o.matches(id) }) {
			c.t.Errorf("%+v does not fulfil %+v", id, conditions)
		}
		if i > 0 && compareSeries(series[i-1], id) >= 0 {
			c.t.Errorf("%+v comes after %+v", id, series[i-1])
		}
	}
	if len(series) > 10 {
		series = series[rnd.IntN(len(series)-9):][:10]
	}
	var stored [len(c.ticks)]int64
	for host := range stored {
		stored[host] = c.ticks[host].Load()
	}
	from := t0 + 60*rnd.Int64N(slices.Max(stored[:])+1)
	to := from + rnd.Int64N(60*300)
	var all []map[readCell]float64
	heldFrom, err := c.store.Read(c.t.Context(), series, from, to, func(_ int, runs []Run) error {
		all = append(all, cells(c.t, runs, from, to))
		return nil
	})
	if err != nil || len(all) != len(series) {
		c.t.Errorf("%d of %d series, error %v", len(all), len(series), err)
	}
	for i, found := range all {
		c.check(series[i], found, stored, max(from, heldFrom), to)
	}
}

// check checks the cells of a series, which has to be complete from a time on.
func (c *crowd) check(id SeriesID, found map[readCell]float64, stored [4]int64, from, to int64) {
	host := int(id.Host[1] - '0')
	part, metric := slices.Index(c.parts, id.Part), slices.Index(c.metrics, id.Metric)
	for cell, v := range found {
		if want := c.value(host, part, metric, cell.at); v != want {
			c.t.Errorf("%+v has %v at %d, want %v", id, v, cell.at, want)
		}
	}
	for tick := range stored[host] {
		at := t0 + 60*tick
		if _, ok := found[readCell{60, at}]; !ok && at >= from && at < to && host != freedHost {
			c.t.Errorf("%+v lacks %d, it is complete from %d on", id, at, from)
			return
		}
	}
}

// TestReadWhileOthersWrite selects and reads while samples arrive, are freed and give
// way.
func TestReadWhileOthersWrite(t *testing.T) {
	seed := testkit.Seed(t)
	c := &crowd{
		t:       t,
		store:   newStore(t, Config{Stripes: 2, blockSlots: 16, MaxSeries: 100, MemoryCap: 256 << 10, Now: func() time.Time { return time.Unix(t0, 0) }}),
		parts:   []Part{{}, {Type: "socket", ID: "0"}, {Type: "core", ID: "0"}, {Type: "core", ID: "1", Subtype: "disk", SubID: "a"}},
		metrics: []string{"load", "flops", "clock"},
	}
	var writers, readers sync.WaitGroup
	for host := range c.ticks {
		writers.Go(func() { c.write(host, rand.New(rand.NewPCG(seed, uint64(host)))) })
	}
	for n := range 2 {
		readers.Go(func() {
			rnd := rand.New(rand.NewPCG(seed, uint64(10+n)))
			for range 300 {
				c.read(rnd)
			}
			for n := 0; n < len(c.ticks); { // to the end, when much has given way
				n = 0
				for host := range c.ticks {
					if c.ticks[host].Load() >= leastTicks {
						n++
					}
				}
				c.read(rnd)
			}
		})
	}
	readers.Wait()
	c.done.Store(true)
	writers.Wait()
	if c.store.Stats().Evicted == 0 || c.store.Stats().Freed == 0 {
		t.Errorf("nothing gave way: %+v", c.store.Stats())
	}
}
