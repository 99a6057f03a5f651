package lineproto

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

// TestFastPathReadsWhatIsCached sends what comes again and again: from the second time
// on nothing of it is parsed, nothing allocates.
func TestFastPathReadsWhatIsCached(t *testing.T) {
	r := newCachedDecoder(t, newTestStore(t))
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
			t.Errorf("%s: %d lines were parsed", name, r.slow)
		}
		if strings.Contains(name, "blank") {
			continue
		}
		var out Decoded
		decode := func() {
			out.Reset()
			r.decoder.Decode(entry, "dc", entryTime, &out)
		}
		if n := testing.AllocsPerRun(10, decode); n > 0 {
			t.Errorf("%s: decoding takes %v allocations", name, n)
		}
		n := testing.AllocsPerRun(10, func() {
			decode()
			for i := range out.Batches {
				b := &out.Batches[i]
				r.cache.Learn(&out, i, r.store.Append(b))
			}
		})
		if n > 3*float64(len(out.Batches)) { // none, but the race detector makes pools forget what they have
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

// TestDefaultClustersAreToldApart sends the same line by two subscriptions.
func TestDefaultClustersAreToldApart(t *testing.T) {
	r := newCachedDecoder(t, newTestStore(t))
	for i := range 3 {
		for _, cluster := range []string{"one", "two"} {
			r.entry(t, []byte("cpu_load,hostname=a value=1 17\ncpu_load,cluster=one,hostname=a value=2 17\n"), cluster)
			if r.slow > 0 && i > 0 {
				t.Errorf("%d lines were parsed", r.slow)
			}
		}
	}
	r.cache.limits.clusters = 2
	for range 2 {
		if r.entry(t, []byte("cpu_load,hostname=a value=1 17\n"), "three"); r.slow != 1 {
			t.Error("a line of one default cluster too many was cached")
		}
	}
}

// TestCacheIsBounded sends ever new keys: of one host, and of ever new hosts.
func TestCacheIsBounded(t *testing.T) {
	s, err := store.New(store.Config{Metrics: testMetricConfigs(), MaxHosts: 50, MaxSeries: 100, MemoryCap: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	r := newCachedDecoder(t, s)
	r.cache.limits = cacheLimits{clusters: 2, spellings: 2, spareLines: 10, spareTemplates: 100, spareBytes: 4096}
	// check counts what the cache has by hand, too.
	check := func(keysOfHost, templates int) {
		t.Helper()
		c := r.cache
		var bytes int64
		for _, h := range c.hosts {
			bytes += h.bytes()
			if len(h.lines) > keysOfHost {
				t.Fatalf("%d keys of a host", len(h.lines))
			}
		}
		refs := int32(0)
		for _, n := range c.templates {
			_, info := c.template(n)
			bytes += templateBytes
			refs += info.refs
		}
		keys := 0
		for _, h := range c.hosts {
			keys += len(h.lines)
		}
		if bytes != c.bytes.Load() || keys != int(refs) || len(c.templates) > templates || len(c.hosts) > 150 {
			t.Fatalf("%d bytes, counted %d; %d keys, %d references to %d templates, %d hosts", bytes, c.bytes.Load(), keys, refs, len(c.templates), len(c.hosts))
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

// TestCacheForgets frees hosts, and lets them be silent.
func TestCacheForgets(t *testing.T) {
	r := newCachedDecoder(t, newTestStore(t))
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
	r.cache.sweep(false)
	know(false, "a")
	know(true, "b")
	r.cache.sweep(true)
	know(true, "b")
	r.cache.sweep(true)
	know(true, "b")
	know(false, "a")
	r.cache.sweep(true)
	r.cache.sweep(true)
	if c := r.cache; c.bytes.Load() != 0 || len(c.hosts) != 0 || len(c.templates) != 0 || c.series != 0 {
		t.Errorf("what nobody uses takes %d bytes: %d hosts, %d templates, %d series", c.bytes.Load(), len(c.hosts), len(c.templates), c.series)
	}
}

// TestAHostThatChangesIsLearntAnew renames a tag of all lines again and again.
func TestAHostThatChangesIsLearntAnew(t *testing.T) {
	r := newCachedDecoder(t, newTestStore(t))
	r.cache.limits.spellings, r.cache.limits.spareLines = 2, 10
	for rack := range 10 {
		entry := []byte(strings.ReplaceAll(string(tick("a", 0)), ",type=", fmt.Sprintf(",rack=%d,type=", rack)))
		for range 3 {
			r.entry(t, entry, "dc")
		}
		if r.slow > 0 {
			t.Errorf("rack %d: %d lines are parsed", rack, r.slow)
		}
	}
}

// TestDecodersShareACache decodes entries of the same hosts at the same time,
// while what they learn is forgotten and hosts are freed, and compares the store
// in the end.
func TestDecodersShareACache(t *testing.T) {
	s := newTestStore(t)
	c := NewSeriesCache()
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
			c.sweep(i%2 == 0)
			s.Free([][]string{[]string{"dc", "c"}}, math.MaxInt64, store.Entry{})
			time.Sleep(time.Millisecond)
		}
	})
	for n := range decoders {
		wg.Go(func() {
			d := NewDecoder(s, c, testFuture)
			var out Decoded
			for i := n; i < ticks; i += decoders {
				for range 20 {
					out.Reset()
					d.Decode(slices.Concat(tick("a", i), tick("b", i), tick("c", i)), "dc", entryTime, &out)
					appending.Lock()
					for j := range out.Batches {
						b := &out.Batches[j]
						c.Learn(&out, j, s.Append(b))
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
