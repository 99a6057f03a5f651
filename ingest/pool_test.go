package ingest

import (
	"context"
	"errors"
	"testing"
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
	cancel()
	if e, err := p.get(ctx); e != nil || !errors.Is(err, context.Canceled) {
		t.Errorf("an empty pool gives %v, %v", e, err)
	}
}
