package ingest

import (
	"context"
	"errors"
	"testing"

	"cc-metric-store/store"
)

func TestEntryPoolGivesTheNewestOne(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	p := newEntryPool(3)
	var out [3]*entry
	for i := range out {
		e, err := p.get(ctx)
		if err != nil {
			t.Fatal(err)
		}
		out[i] = e
	}
	p.put(out[1])
	p.put(out[0])
	for _, want := range []*entry{out[0], out[1]} {
		if e, err := p.get(ctx); e != want || err != nil {
			t.Fatalf("%p, %v, want %p", e, err, want)
		}
	}
	p.put(out[0])
	out[0].lines, out[0].out.Batches = make([]byte, 1<<10), make([]store.Batch, 1)
	out[1].lines = make([]byte, 1<<10)
	p.shrink()
	if out[0].lines != nil || out[0].out.Batches != nil || out[1].lines == nil {
		t.Error("what is here keeps its memory, or what is in use loses it")
	}
	if _, err := p.get(ctx); err != nil {
		t.Fatal(err)
	}
	cancel()
	if e, err := p.get(ctx); e != nil || !errors.Is(err, context.Canceled) {
		t.Errorf("an empty pool gives %v, %v", e, err)
	}
}
