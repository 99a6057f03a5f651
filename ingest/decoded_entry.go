package ingest

import (
	"sync"
	"sync/atomic"
	"time"

	"cc-metric-store/ingest/lineproto"
	"cc-metric-store/store"
)

// decodedEntry is what an entry holds, and what the store did not take of it. Its
// memory is used again for other entries.
type decodedEntry struct {
	lineproto.Decoded
	over    atomic.Int64 // samples beyond a limit of the store
	invalid atomic.Int64 // samples that the store cannot hold

	mu      sync.Mutex
	partial []int // batches with such samples, if there are Shares; guarded by mu until all are appended
}

// reset makes d ready for another entry.
func (d *decodedEntry) reset() {
	d.Reset()
	d.over.Store(0)
	d.invalid.Store(0)
	d.partial = d.partial[:0]
}

// decode reads lines, of several writers if there are shares, whose ends these are. What came
// back from the log under the id of our entry and is another one has no shares.
func (d *decodedEntry) decode(with *lineproto.Decoder, lines []byte, shares []int, cluster string, at time.Time) {
	if len(shares) == 0 || shares[len(shares)-1] != len(lines) {
		with.Decode(lines, cluster, at, &d.Decoded)
		return
	}
	with.DecodeShares(lines, shares, cluster, at, &d.Decoded)
}

// outcome is what the writer is told.
func (d *decodedEntry) outcome() outcome {
	return outcome{
		refused: d.RefusedLines(), first: d.First.Line, detail: d.First.Detail,
		over: int(d.over.Load()) + d.OverMetrics, invalid: int(d.invalid.Load()),
	}
}

// tell gives each writer the outcome of its share. All batches are appended.
func (d *decodedEntry) tell(w *writers) {
	if len(d.Shares) != len(w.done) { // there is one writer, or the entry could not be read at all
		w.tellAll(d.outcome())
		return
	}
	notTaken := d.notTaken()
	for i := range d.Shares {
		s := &d.Shares[i]
		o := outcome{refused: s.Refused, over: s.OverMetrics}
		if s.Refused > 0 {
			o.first, o.detail = s.First.Line-s.Line+1, s.First.Detail
		}
		if notTaken != nil {
			o.over += notTaken[i].over
			o.invalid = notTaken[i].invalid
		}
		w.tell(i, o)
	}
}

// notTaken returns, by share, the samples that the store did not take, nil if it took all. Those
// are the ones without a reference (see store.Batch).
func (d *decodedEntry) notTaken() (by []outcome) {
	if len(d.partial) == 0 {
		return nil
	}
	by = make([]outcome, len(d.Shares))
	for _, batch := range d.partial {
		d.EachShare(batch, func(share int, samples []store.Sample) {
			for i := range samples {
				switch s := &samples[i]; {
				case s.Ref != 0:
				case s.IsValid():
					by[share].over++
				default:
					by[share].invalid++
				}
			}
		})
	}
	return by
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
	if done.Over()+done.Invalid > 0 && len(d.Shares) > 0 {
		d.mu.Lock()
		d.partial = append(d.partial, batch)
		d.mu.Unlock()
	}
	return done
}
