package ingest

import (
	"sync/atomic"

	"cc-metric-store/ingest/lineproto"
	"cc-metric-store/store"
)

// decodedEntry is what an entry holds, and what the store did not take of it. Its
// memory is used again for other entries.
type decodedEntry struct {
	lineproto.Decoded
	over    atomic.Int64 // samples beyond a limit of the store
	invalid atomic.Int64 // samples that the store cannot hold
}

// reset makes d ready for another entry.
func (d *decodedEntry) reset() {
	d.Reset()
	d.over.Store(0)
	d.invalid.Store(0)
}

// outcome is what the writer is told.
func (d *decodedEntry) outcome() outcome {
	return outcome{
		refused: d.RefusedLines(), first: d.First.Line, detail: d.First.Detail,
		over: int(d.over.Load()) + d.OverMetrics, invalid: int(d.invalid.Load()),
	}
}

// apply appends a batch, and learns its lines. For a host it is called by one
// goroutine at a time.
func (in *Ingest) apply(d *decodedEntry, batch int) {
	done := in.append(d, batch)
	in.reports.recordShared(&d.Batches[batch], in.series.Learn(&d.Decoded, batch, done))
}

// append appends a batch.
func (in *Ingest) append(d *decodedEntry, batch int) store.Appended {
	b := &d.Batches[batch]
	done := in.store.Append(b)
	if n := done.Over(); n > 0 {
		d.over.Add(int64(n))
		in.reports.recordOver(b, &done)
	}
	if done.Invalid > 0 {
		d.invalid.Add(int64(done.Invalid))
	}
	return done
}
