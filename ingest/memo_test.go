package ingest

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"cc-metric-store/store"
	"cc-metric-store/test/testkit"
)

// tick renders one tick of a host, with metrics that are not configured.
func tick(host string, at int) []byte {
	var b strings.Builder
	for _, metric := range []string{"cpu_load", "no_such", "cpu_user", "flops_any", "no_such_either"} {
		for core := range 4 {
			fmt.Fprintf(&b, "%s,hostname=%s,type=core,type-id=%d value=%d.5 %d\n", metric, host, core, core+at, 1_700_000_000+60*at)
		}
	}
	return []byte(b.String())
}

// TestRecallKnowsWhatItSaw sends what comes again and again: from the second time
// on nothing of it is taken apart, nothing allocates.
func TestRecallKnowsWhatItSaw(t *testing.T) {
	r := newRecaller(t, newTestStore(t))
	shuffled := slices.Collect(strings.Lines(string(tick("a", 1))))
	testkit.Rand(t).Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
	for name, entry := range map[string][]byte{
		"one host":         tick("a", 0),
		"several hosts":    slices.Concat(tick("a", 0), tick("b", 0), tick("c", 0), tick("b", 1)),
		"in another order": []byte(strings.Join(shuffled, "")),
		"line by line":     []byte("cpu_load,hostname=a value=1i 5\ncpu_load,hostname=b value=1e5\ncpu_load,hostname=a value=0.1234567890123456789\n"),
		"no end":           []byte("cpu_load,hostname=z value=1"),
		"blank lines":      []byte("\n\ncpu_load,hostname=y value=1\n \n\ncpu_load,hostname=y value=2\n\n"),
		"two names":        []byte("cpu_load,host=x,hostname=y value=1\n"),
	} {
		r.entry(t, entry, "dc")
		r.entry(t, entry, "dc")
		if r.slow > 0 {
			t.Errorf("%s: %d lines were taken apart", name, r.slow)
		}
		if strings.Contains(name, "blank") {
			continue
		}
		var out decoded
		decode := func() {
			out.reset()
			r.decoder.decode(entry, "dc", entryTime, &out)
		}
		if n := testing.AllocsPerRun(10, decode); n > 0 {
			t.Errorf("%s: decoding takes %v allocations", name, n)
		}
		n := testing.AllocsPerRun(10, func() {
			decode()
			for i := range out.batches {
				b := &out.batches[i]
				r.memo.learn(&out, i, r.store.Append(b))
			}
		})
		if n > 3*float64(len(out.batches)) { // none, but the race detector makes pools forget what they have
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

// TestRecallTellsDefaultClustersApart sends the same line by two subscriptions.
func TestRecallTellsDefaultClustersApart(t *testing.T) {
	r := newRecaller(t, newTestStore(t))
	for i := range 3 {
		for _, cluster := range []string{"one", "two"} {
			r.entry(t, []byte("cpu_load,hostname=a value=1 17\ncpu_load,cluster=one,hostname=a value=2 17\n"), cluster)
			if r.slow > 0 && i > 0 {
				t.Errorf("%d lines were taken apart", r.slow)
			}
		}
	}
	r.memo.limits.scopes = 2
	for range 2 {
		if r.entry(t, []byte("cpu_load,hostname=a value=1 17\n"), "three"); r.slow != 1 {
			t.Error("a line of one default cluster too many was remembered")
		}
	}
}

// TestMemoIsBounded sends ever new keys: of one host, and of ever new hosts.
func TestMemoIsBounded(t *testing.T) {
	s, err := store.New(store.Config{Metrics: testMetricConfigs(), MaxHosts: 50, MaxSeries: 100, MemoryCap: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	r := newRecaller(t, s)
	r.memo.limits = memoLimits{scopes: 2, spellings: 2, spareKeys: 10, spareShapes: 100, spareBytes: 4096}
	// check counts what the memo has by hand, too.
	check := func(keysOfHost, shapes int) {
		t.Helper()
		m := r.memo
		var bytes int64
		for _, l := range m.layouts {
			bytes += l.bytes()
			if len(l.keys) > keysOfHost {
				t.Fatalf("%d keys of a host", len(l.keys))
			}
		}
		refs := int32(0)
		for _, n := range m.shapes {
			_, info := m.shape(n)
			bytes += shapeBytes
			refs += info.refs
		}
		keys := 0
		for _, l := range m.layouts {
			keys += len(l.keys)
		}
		if bytes != m.bytes.Load() || keys != int(refs) || len(m.shapes) > shapes || len(m.layouts) > 150 {
			t.Fatalf("%d bytes, counted %d; %d keys, %d references to %d shapes, %d layouts", bytes, m.bytes.Load(), keys, refs, len(m.shapes), len(m.layouts))
		}
	}
	for i := range 500 {
		r.entry(t, fmt.Appendf(nil, "cpu_load,hostname=h,x=%d value=1 17\n", i), "dc")
		check(12, 101)
		r.entry(t, fmt.Appendf(nil, "cpu_load,hostname=h value=1 17\nno_such_%d,hostname=h value=1 17\n", i), "dc")
		check(12, 101)
	}
	for i := range 5000 {
		r.entry(t, fmt.Appendf(nil, "cpu_load,hostname=h%d,type=core,type-id=%d value=1 17\n", i, i), "dc")
		if i%100 == 0 {
			check(12, 200)
		}
	}
	for i := range 5000 { // hosts come and go
		s.Free([][]string{[]string{"dc"}}, math.MaxInt64, store.Entry{})
		r.entry(t, fmt.Appendf(nil, "cpu_load,hostname=g%d value=1 17\n", i), "dc")
		check(12, 200)
	}
}

// TestMemoForgets frees hosts, and lets them be silent.
func TestMemoForgets(t *testing.T) {
	r := newRecaller(t, newTestStore(t))
	know := func(want bool, host string) {
		t.Helper()
		r.entry(t, tick(host, 0), "dc")
		if known := r.slow == 0; known != want {
			t.Errorf("host %s is known: %v", host, known)
		}
	}
	know(false, "a")
	know(true, "a")
	r.store.Free([][]string{[]string{"dc", "a"}}, math.MaxInt64, store.Entry{})
	know(true, "a")  // the references still mean what they did
	know(false, "a") // but are not used any more
	know(true, "a")
	know(false, "b")
	r.store.Free([][]string{[]string{"dc", "a"}}, math.MaxInt64, store.Entry{})
	r.memo.sweep(false)
	know(false, "a")
	know(true, "b")
	r.memo.sweep(true)
	know(true, "b")
	r.memo.sweep(true)
	know(true, "b")
	know(false, "a")
	r.memo.sweep(true)
	r.memo.sweep(true)
	if m := r.memo; m.bytes.Load() != 0 || len(m.layouts) != 0 || len(m.shapes) != 0 || m.series != 0 {
		t.Errorf("what nobody uses takes %d bytes: %d layouts, %d shapes, %d series", m.bytes.Load(), len(m.layouts), len(m.shapes), m.series)
	}
}

// TestLayoutThatChangedIsLearntAnew renames a tag of all lines again and again.
func TestLayoutThatChangedIsLearntAnew(t *testing.T) {
	r := newRecaller(t, newTestStore(t))
	r.memo.limits.spellings, r.memo.limits.spareKeys = 2, 10
	for rack := range 10 {
		entry := []byte(strings.ReplaceAll(string(tick("a", 0)), ",type=", fmt.Sprintf(",rack=%d,type=", rack)))
		for range 3 {
			r.entry(t, entry, "dc")
		}
		if r.slow > 0 {
			t.Errorf("rack %d: %d lines are taken apart", rack, r.slow)
		}
	}
}

// TestDecodersShareAMemo decodes entries of the same hosts at the same time,
// while what they learn is forgotten and hosts are freed, and compares the store
// in the end.
func TestDecodersShareAMemo(t *testing.T) {
	s := newTestStore(t)
	m := newMemo()
	const decoders, ticks = 4, 60
	hosts := []string{"a", "b", "c"}
	var appending sync.Mutex // one appender of a host at a time
	var wg, sweeper sync.WaitGroup
	stop := make(chan struct{})
	sweeper.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			m.sweep(i%2 == 0)
			s.Free([][]string{[]string{"dc", "c"}}, math.MaxInt64, store.Entry{})
			time.Sleep(time.Millisecond)
		}
	})
	for n := range decoders {
		wg.Go(func() {
			d := newDecoder(s, m, testFuture)
			var out decoded
			for i := n; i < ticks; i += decoders {
				for range 20 {
					out.reset()
					d.decode(slices.Concat(tick("a", i), tick("b", i), tick("c", i)), "dc", entryTime, &out)
					appending.Lock()
					for j := range out.batches {
						b := &out.batches[j]
						m.learn(&out, j, s.Append(b))
					}
					appending.Unlock()
				}
			}
		})
	}
	wg.Wait()
	close(stop)
	sweeper.Wait()
	for _, host := range hosts[:2] {
		for core := range 4 {
			rows, err := s.Query(&store.Query{Cluster: "dc", Host: host, Metric: "flops_any", Type: "core", TypeIDs: []string{fmt.Sprint(core)},
				From: 1_700_000_000, To: 1_700_000_000 + 60*ticks})
			if err != nil || len(rows) != 1 || len(rows[0].Values) != ticks {
				t.Fatal(rows, err)
			}
			for i, v := range rows[0].Values {
				if v != float64(core+i)+0.5 {
					t.Errorf("host %s, core %d, tick %d: %v", host, core, i, v)
				}
			}
		}
	}
}
