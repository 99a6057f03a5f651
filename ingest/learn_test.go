package ingest

import "testing"

// TestLearnKeysKeepsWhatItCan hands over keys of all kinds together: two of one
// series, one of a series that the store does not hold, and one that there is no room
// for. Each reference to a shape belongs to a key.
func TestLearnKeysKeepsWhatItCan(t *testing.T) {
	r := newRecaller(t, newTestStore(t))
	r.entry(t, []byte("cpu_load,hostname=a value=1 17\n"), "dc")
	m := r.memo
	m.sweep(true)
	m.sweep(true)
	if len(m.layouts) > 0 {
		t.Fatal("the host is not forgotten")
	}
	r.out.reset()
	r.decoder.decode([]byte("cpu_load,hostname=a value=1 17\ncpu_load,hostname=a,type=core,type-id=7 value=1 17\n"+
		"no_such,hostname=a value=1 17\ncpu_load,rack=1,hostname=a value=1 17\n"), "dc", entryTime, &r.out)
	b, notes := &r.out.batches[0], r.out.learn[0].notes
	if len(notes) != 4 {
		t.Fatalf("%d notes", len(notes))
	}
	m.limits.spareShapes = 3 - m.series
	if done := r.store.Append(b); done.Stored != 3 {
		t.Fatalf("%+v", done)
	}
	b.Samples[1].Ref = 0 // as of a series that the store does not hold
	ref := int32(b.Samples[0].Ref)
	l := &layout{name: layoutName{r.out.scope, "dc", "a"}, refs: b.Refs}
	for range 2 { // the second time all is known
		m.learnKeys(l, b, notes)
		refs := 0
		for _, n := range m.shapes {
			_, info := m.shape(n)
			refs += int(info.refs)
		}
		if len(l.keys) != 2 || ref == 0 || l.keys[0].series != ref || l.keys[1].series != ref || len(m.shapes) != 2 || refs != 2 {
			t.Fatalf("keys %+v, %d references to %d shapes", l.keys, refs, len(m.shapes))
		}
		notes = notes[:3] // there is room now
	}
	l.gone = true // forgotten by another decoder at the same time
	m.learnKeys(l, b, notes[:1])
	if k := len(m.shapes); k != 2 {
		t.Errorf("%d shapes", k)
	}
	_, info := m.shape(l.keys[0].shape)
	if info.refs != 1 {
		t.Errorf("%d references", info.refs)
	}
}
