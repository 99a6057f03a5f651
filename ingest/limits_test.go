package ingest

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"cc-metric-store/ingest/lineproto"
	"cc-metric-store/store"
)

// TestInventedNames sends samples of a million hosts that do not exist: what the
// store, and what knows the senders' lines, take stays bounded, and the real host
// is served on.
func TestInventedNames(t *testing.T) {
	const invented, perEntry, maxHosts = 1_000_000, 1000, 1000
	s, err := store.New(store.Config{Metrics: map[string]store.MetricConfig{"cpu_load": {Frequency: 60}}, MaxHosts: maxHosts, MaxSeries: 100})
	if err != nil {
		t.Fatal(err)
	}
	in, err := New(Config{Embedded: cannotEmbed}, s)
	if err != nil {
		t.Fatal(err)
	}
	d := lineproto.NewDecoder(s, in.series, time.Hour)
	var out decodedEntry
	apply := func(text string) {
		out.reset()
		d.Decode([]byte(text), "", time.Unix(base, 0), &out.Decoded)
		for i := range out.Batches {
			in.apply(&out, i)
		}
	}
	apply(fmt.Sprintf("cpu_load,cluster=c,hostname=real value=1 %d\n", base))
	before := heapBytes()
	var text strings.Builder
	for i := 0; i < invented; i += perEntry {
		text.Reset()
		for j := range perEntry {
			// Names, clusters and parts are all made up.
			fmt.Fprintf(&text, "cpu_load,cluster=c%d,hostname=h%x,type=t%d value=1 %d\n", (i+j)%1500, (i+j)*7919, i+j, base)
		}
		apply(text.String())
	}
	grown := heapBytes() - before
	stats := s.Stats()
	t.Logf("%d hosts; the store holds %d bytes, the cache %d; the heap has grown by %d", stats.Hosts, stats.Bytes, in.Stats().CacheBytes, grown)
	if stats.Hosts > 4*maxHosts {
		t.Errorf("%d hosts", stats.Hosts)
	}
	refused := int64(0)
	for _, r := range stats.Refused {
		refused += r.Samples
	}
	if stats.Samples+refused != invented+1 || len(stats.Refused) > 100 {
		t.Errorf("%d samples are stored and %d refused, of %d", stats.Samples, refused, invented+1)
	}
	if grown > 32<<20 {
		t.Errorf("the heap has grown by %d bytes", grown)
	}
	apply(fmt.Sprintf("cpu_load,cluster=c,hostname=real value=2 %d\n", base))
	if v := value(t, s, "c", "real", "cpu_load", base); v != 2 {
		t.Errorf("value %v, want 2", v)
	}
}

func heapBytes() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// TestWriterIsToldOfLimits: what is beyond them is refused by the line.
func TestWriterIsToldOfLimits(t *testing.T) {
	s, err := store.New(store.Config{Metrics: map[string]store.MetricConfig{"cpu_load": {Frequency: 60}}, MaxSeries: 2})
	if err != nil {
		t.Fatal(err)
	}
	n := run(t, s, Config{Embedded: embed(broker(t, t.TempDir(), true, -1))})
	eventually(t, "ready", func() bool { return n.Ready() == nil })
	var body strings.Builder
	for i := range 5 {
		fmt.Fprintf(&body, "cpu_load,hostname=h,type=core,type-id=%d value=1 %d\n", i, base)
	}
	err = n.Write(context.Background(), "c", strings.NewReader(body.String()))
	refused, ok := err.(*store.RefusedError)
	if !ok || refused.Lines != 3 || !strings.Contains(err.Error(), "max-series-per-host") || !strings.Contains(err.Error(), "all other lines are stored") {
		t.Errorf("error %v", err)
	}
	tags := "cpu_load,hostname=h"
	for i := range lineproto.MaxTags {
		tags += fmt.Sprintf(",t%d=x", i)
	}
	err = n.Write(context.Background(), "c", strings.NewReader(fmt.Sprintf("%s value=1 %d\n", tags, base)))
	if err == nil || !strings.Contains(err.Error(), "line 1: 65 tags are more than the limit of 64") {
		t.Errorf("error %v", err)
	}
}
