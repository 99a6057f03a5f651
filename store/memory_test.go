package store

import (
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"
)

// TestMemoryCap loads five times the cap of values that do not compress, and
// looks at it all the time. STRESS, a duration, makes it go on for as long.
func TestMemoryCap(t *testing.T) {
	stress, _ := time.ParseDuration(os.Getenv("STRESS"))
	const limit = 4 << 20
	s := newStore(t, Config{MemoryCap: limit, MaxSeries: 1000})
	flops, _ := s.Metric([]byte("flops"))
	const hosts, parts = 20, 40
	batch := Batch{Cluster: "c"}
	for p := range parts {
		batch.Parts = append(batch.Parts, Part{Type: "core", ID: strconv.Itoa(p)})
	}
	var wg sync.WaitGroup
	stop := make(chan struct{})
	wg.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				if n := s.usedBytes.Load(); n > limit {
					t.Errorf("%d bytes are held, the cap is %d", n, limit)
					return
				}
			}
		}
	})
	rnd := rand.New(rand.NewPCG(1, 2))
	ticks := 5 * limit / (hosts * parts * 8)
	tick, value := 0, 0.0
	for begin := time.Now(); tick < ticks || time.Since(begin) < stress; tick++ {
		for h := range hosts {
			batch.Host, batch.Names, batch.Samples = "h"+strconv.Itoa(h), batch.Names[:0], batch.Samples[:0]
			for p := range parts {
				value = rnd.Float64()
				batch.Add(int32(p), flops, t0+int64(tick)*60, value)
			}
			if a := s.Append(&batch); a.Stored != parts {
				t.Fatalf("tick %d: %+v", tick, a)
			}
		}
	}
	close(stop)
	wg.Wait()
	t.Logf("%d samples, %+v", tick*hosts*parts, s.Stats())
	at := t0 + int64(tick-1)*60
	for h := range hosts {
		rows, err := s.Query(&Query{Cluster: "c", Host: "h" + strconv.Itoa(h), Metric: "flops", From: at, To: at + 60})
		if err != nil || len(rows) != 1 || math.IsNaN(rows[0].Values[0]) {
			t.Fatalf("host %d lacks its newest samples: %v, %v", h, rows, err)
		}
	}
	if st := s.Stats(); st.Evicted == 0 || st.Bytes > limit {
		t.Errorf("stats %+v", st)
	}
	s.Free([][]string{nil}, math.MaxInt64, Entry{})
	if st := s.Stats(); st.Bytes != 0 || st.Hosts != 0 {
		t.Errorf("after freeing everything: %+v", st)
	}
}

func TestLimits(t *testing.T) {
	s := newStore(t, Config{MaxSeries: 3, MaxHosts: 2})
	load, _ := s.Metric([]byte("load"))
	b := Batch{Cluster: "c"}
	for p := range 5 {
		b.Parts = append(b.Parts, Part{Type: "core", ID: strconv.Itoa(p)})
		b.Add(int32(p), load, t0, 1)
	}
	for h := range 4 {
		b.Host = strconv.Itoa(h)
		want := Appended{Stored: 3, OverSeries: 2, Series: 3}
		if h >= 2 {
			want = Appended{OverHosts: 5}
		}
		if got := s.Append(&b); got != want {
			t.Errorf("host %d: %+v, want %+v", h, got, want)
		}
	}
	b.Host = "0" // known series go on
	if got := s.Append(&b); got.Stored != 3 {
		t.Errorf("known series: %+v", got)
	}
	s.Free([][]string{{"c", "0"}}, math.MaxInt64, Entry{}) // makes room
	b.Host = "3"
	if got := s.Append(&b); got.Stored != 3 {
		t.Errorf("after a host is gone: %+v", got)
	}
	for i := range 10 { // invented clusters
		b.Cluster = "x" + strconv.Itoa(i)
		s.Append(&b)
	}
	want := []Refused{{limitHosts, "c", "", 10}, {limitHosts, "x6", "", 5}, {limitHosts, "x7", "", 5}, {limitHosts, "x8", "", 5}, {limitHosts, "x9", "", 5},
		{limitSeries, "c", "0", 4}, {limitSeries, "c", "1", 2}, {limitSeries, "c", "3", 2}}
	for i := range 6 {
		want = append(want, Refused{limitSeries, "x" + strconv.Itoa(i), "3", 2})
	}
	if st := s.Stats(); st.Hosts != maxFullClusters*2 || !slices.Equal(st.Refused, want) {
		t.Errorf("%d hosts, refused %+v", st.Hosts, st.Refused)
	}
}

// TestNewSeriesPerSecond lets each second of the log bring so many series.
func TestNewSeriesPerSecond(t *testing.T) {
	s := newStore(t, Config{MaxNewSeries: 3})
	flops, _ := s.Metric([]byte("flops"))
	send := func(at int64, first, n int) Appended {
		b := Batch{At: at, Cluster: "c", Host: "h"}
		for i := range n {
			b.Parts = append(b.Parts, Part{Type: "core", ID: strconv.Itoa(first + i)})
			b.Add(int32(i), flops, t0, 1)
		}
		return s.Append(&b)
	}
	for i, test := range []struct {
		at              int64
		first, n        int
		stored, refused int
		series          int
	}{
		{1000, 0, 5, 3, 2, 3},
		{1000, 0, 4, 3, 1, 3}, // known series go on
		{999, 4, 1, 0, 1, 3},  // the other host's entry comes a little late
		{1001, 3, 3, 3, 0, 6},
		{5, 10, 1, 1, 0, 7}, // the log was created anew, on a machine with a wrong clock
	} {
		if got, want := send(test.at, test.first, test.n), (Appended{Stored: test.stored, OverNewSeries: test.refused, Series: test.series}); got != want {
			t.Errorf("%d: %+v, want %+v", i, got, want)
		}
	}
}

// TestOffendersAreBounded has more of them than are remembered.
func TestOffendersAreBounded(t *testing.T) {
	var r refusals
	for i := range 10 * maxOffenders {
		r.add(hostKey{"c", strconv.Itoa(i)}, &Appended{OverSeries: 2})
	}
	list := r.list()
	total := int64(0)
	for _, o := range list {
		total += o.Samples
	}
	if len(list) > maxOffenders+1 || total != 20*maxOffenders || list[0].Host != "" {
		t.Errorf("%d offenders with %d samples: %+v", len(list), total, list[:2])
	}
}

// TestNewestBlocksAreCompressedFirst fills open blocks beyond the cap with values
// that take little once they are sealed: nothing has to go.
func TestNewestBlocksAreCompressedFirst(t *testing.T) {
	s := newStore(t, Config{MemoryCap: 4 << 20, MaxSeries: 1000})
	flops, _ := s.Metric([]byte("flops"))
	const hosts, parts, ticks = 20, 400, 100
	b := Batch{Cluster: "c"}
	for p := range parts {
		b.Parts = append(b.Parts, Part{Type: "core", ID: strconv.Itoa(p)})
		b.Add(int32(p), flops, 0, 1)
	}
	for tick := range int64(ticks) {
		for h := range hosts {
			b.Host = "h" + strconv.Itoa(h)
			for i := range b.Samples {
				b.Samples[i].Time = t0 + tick*60
			}
			s.Append(&b)
		}
	}
	if st := s.Stats(); st.Evicted != 0 || st.Sealed == 0 {
		t.Errorf("stats %+v", st)
	}
	for h := range hosts {
		rows, err := s.Query(&Query{Cluster: "c", Host: "h" + strconv.Itoa(h), Metric: "flops", From: t0, To: t0 + ticks*60})
		if err != nil || len(rows) != 1 || slices.ContainsFunc(rows[0].Values, func(v float64) bool { return v != parts }) {
			t.Fatalf("host %d lacks samples: %v, %v", h, rows, err)
		}
	}
}

// TestHostsInUseAreEvictedLast loads two hosts alike, one of which has jobs.
func TestHostsInUseAreEvictedLast(t *testing.T) {
	s := newStore(t, Config{MemoryCap: 256 << 10, MaxSeries: 100})
	s.inUse.Store(&hostSet{"c": {"busy": true}})
	rnd := rand.New(rand.NewPCG(1, 2))
	const ticks = 20_000 // 160 KB of each host's values, which do not compress
	for tick := range int64(ticks) {
		for _, host := range []string{"busy", "idle"} {
			put(t, s, host, Part{}, "load", t0+tick*60, rnd.Float64())
		}
	}
	kept := func(host string) (n int) {
		rows, err := s.Query(&Query{Cluster: "c", Host: host, Metric: "load", From: t0, To: t0 + ticks*60, Unpadded: true})
		if err != nil || len(rows) != 1 {
			t.Fatal(rows, err)
		}
		return len(rows[0].Values)
	}
	if busy, idle := kept("busy"), kept("idle"); busy != ticks || idle >= ticks || idle == 0 {
		t.Errorf("the busy host has %d of %d samples, the idle one %d", busy, ticks, idle)
	}
}

// TestSeriesWithoutRoom has room for a new series, and none for its samples: what
// is seen until there is some has no series without samples.
func TestSeriesWithoutRoom(t *testing.T) {
	s, err := New(Config{Metrics: map[string]MetricConfig{"load": {Frequency: 60}, "slow": {Frequency: 600}}, MaxSeries: 100, MemoryCap: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	load, _ := s.Metric([]byte("load"))
	slow, _ := s.Metric([]byte("slow"))
	batch := func(m MetricID, entry uint64) *Batch {
		return &Batch{Entry: Entry{1, entry}, Cluster: "c", Host: "h", Parts: []Part{{}}, Names: []Name{{Metric: m}}, Samples: []Sample{{Time: 1, Value: 1}}}
	}
	run := func(b *Batch, room int64) {
		t.Helper()
		held := s.usedBytes.Load()
		s.usedBytes.Store(s.limit() - room)
		defer func() { s.usedBytes.Add(held - s.limit() + room) }()
		var a appender
		a.begin(s, b)
		key := hostKey{"c", "h"}
		if need := a.run(s.stripeOf(key), key); need == 0 {
			t.Fatal("there was room: the test shows nothing")
		}
		s.Health("c", "h", []string{"load", "slow"})
	}
	s.tombstones.open()
	gone := Entry{1, 7}
	s.tombstones.put(hostKey{"c", "h"}, gone)
	for room := int64(hostBytes); room < hostBytes+partBytes+seriesBytes+blockBytes; room += 64 {
		run(batch(load, 8), room)
		if got := s.tombstones.last(hostKey{"c", "h"}); got != gone {
			t.Fatalf("with room for %d bytes the host went with entry %+v, before with %+v", room, got, gone)
		}
	}
	s.Append(batch(load, 9))
	run(batch(slow, 10), partBytes+seriesBytes)
	if h, _ := s.Health("c", "h", []string{"load", "slow"}); len(h.Missing) != 1 {
		t.Errorf("health %+v", h)
	}
}
