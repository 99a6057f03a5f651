package lineproto

import (
	"testing"

	"cc-metric-store/store"
)

// TestLearnKeysKeepsWhatItCan hands over keys of all kinds together: two of one
// series, one of a series that the store does not hold, and one that there is no room
// for. Each reference to a template belongs to a key.
func TestLearnKeysKeepsWhatItCan(t *testing.T) {
	r := newCachedDecoder(t, newTestStore(t))
	r.entry(t, []byte("cpu_load,hostname=a value=1 17\n"), "dc")
	c := r.cache
	c.sweep(true)
	c.sweep(true)
	if len(c.hosts) > 0 {
		t.Fatal("the host is not forgotten")
	}
	r.out.Reset()
	r.decoder.Decode([]byte("cpu_load,hostname=a value=1 17\ncpu_load,hostname=a,type=core,type-id=7 value=1 17\n"+
		"no_such,hostname=a value=1 17\ncpu_load,rack=1,hostname=a value=1 17\n"), "dc", entryTime, &r.out)
	b, candidates := &r.out.Batches[0], r.out.learning[0].candidates
	if len(candidates) != 4 {
		t.Fatalf("%d candidates", len(candidates))
	}
	c.limits.spareTemplates = 3 - c.series
	if done := r.store.Append(b); done.Stored != 3 {
		t.Fatalf("%+v", done)
	}
	b.Samples[1].Ref = 0 // as of a series that the store does not hold
	ref := int32(b.Samples[0].Ref)
	h := &hostCache{key: hostCacheKey{r.out.clusterIndex, "dc", "a"}, refs: b.Refs}
	for range 2 { // the second time all is known
		c.learnKeys(h, b, candidates)
		refs := 0
		for _, n := range c.templates {
			_, info := c.templateLocked(n)
			refs += int(info.refs)
		}
		if len(h.lines) != 2 || ref == 0 || h.lines[0].series != ref || h.lines[1].series != ref || len(c.templates) != 2 || refs != 2 {
			t.Fatalf("keys %+v, %d references to %d templates", h.lines, refs, len(c.templates))
		}
		candidates = candidates[:3] // there is room now
	}
	h.isForgotten = true // forgotten by another decoder at the same time
	c.learnKeys(h, b, candidates[:1])
	if k := len(c.templates); k != 2 {
		t.Errorf("%d templates", k)
	}
	_, info := c.templateLocked(h.lines[0].template)
	if info.refs != 1 {
		t.Errorf("%d references", info.refs)
	}
}

// TestSkippedEntriesAreLearnt: a replay begins with entries that the hosts have already.
func TestSkippedEntriesAreLearnt(t *testing.T) {
	s := newTestStore(t)
	for _, r := range []*cachedDecoder{newCachedDecoder(t, s), newCachedDecoder(t, s)} { // the second one as after a restart
		for seq := uint64(1); seq < 3; seq++ {
			r.out.Reset()
			r.decoder.Decode([]byte("cpu_load,hostname=a value=1 17\nno_such,hostname=a value=1 17\n"), "dc", entryTime, &r.out)
			b := &r.out.Batches[0]
			b.Entry = store.Entry{Epoch: 1, Seq: seq}
			if known := b.Samples[0].Ref != 0; known != (seq > 1) {
				t.Errorf("the lines of entry %d are known: %v", seq, known)
			}
			r.cache.Learn(&r.out, 0, s.Append(b))
		}
	}
}
