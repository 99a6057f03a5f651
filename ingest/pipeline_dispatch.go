package ingest

import (
	"context"

	"cc-metric-store/ingest/lineproto"
	"cc-metric-store/store"
)

// runDispatcher gives each batch to the appender that owns its host. A free request may
// touch all hosts: it waits until all entries before it are in the store, and all entries
// behind it wait for it.
func (p *pipeline) runDispatcher(ctx context.Context) {
	for {
		var e *entry
		select {
		case e = <-p.order:
		case <-ctx.Done():
			return
		}
		select {
		case <-e.decoded:
		case <-ctx.Done():
			return
		}
		if e.free {
			if !p.awaitAppenders(ctx) {
				return
			}
			e.freed = p.applyFree(e)
		}
		p.finish <- e
		e.pendingBatches.Store(int32(len(e.out.Batches)))
		if len(e.out.Batches) == 0 {
			e.applied <- struct{}{}
			continue
		}
		for i := range e.out.Batches {
			b := &e.out.Batches[i]
			select {
			case p.append[p.owner(b)] <- task{e, i}:
			case <-ctx.Done():
				return
			}
		}
	}
}

func (p *pipeline) owner(b *store.Batch) int {
	return int(store.HashHost(b.Cluster, b.Host) % uint64(len(p.append)))
}

// awaitAppenders returns when the appenders have done all tasks so far, or
// false if ctx ends before.
func (p *pipeline) awaitAppenders(ctx context.Context) bool {
	for _, tasks := range p.append {
		select {
		case tasks <- task{}:
		case <-ctx.Done():
			return false
		}
	}
	for range p.append {
		select {
		case <-p.barrier:
		case <-ctx.Done():
			return false
		}
	}
	return true
}

func (p *pipeline) runAppender(ctx context.Context, tasks <-chan task) {
	for {
		select {
		case t := <-tasks:
			if t.e == nil {
				p.barrier <- struct{}{}
				continue
			}
			t.e.out.Batches[t.batch].Entry = t.e.storeEntry()
			p.in.apply(&t.e.out, t.batch)
			if t.e.pendingBatches.Add(-1) == 0 {
				t.e.applied <- struct{}{}
			}
		case <-ctx.Done():
			return
		}
	}
}

func (p *pipeline) applyFree(e *entry) int {
	if e.requestFault != nil {
		e.out.Refuse(lineproto.Fault{Line: 1, Reason: lineproto.BadSyntax, Detail: "the entry is no free request: " + e.requestFault.Error(), Text: e.data})
		return 0
	}
	return p.in.store.Free(e.request.Selectors, e.request.Before, e.storeEntry())
}
