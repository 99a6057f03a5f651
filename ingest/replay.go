package ingest

import (
	"context"
	"errors"
	"sync"
	"time"

	"cc-metric-store/store"
)

// replay is how far the store has come with the log, and what is missing until the program
// is ready. Whatever happens on the way from the log is told to it as an event. Those that
// may complete the first replay return whether they did. It is safe for concurrent use.
type replay struct {
	begun chan struct{} // closed when the store holds what it is to hold at the start

	mu sync.Mutex
	// Guarded by mu.
	pos   store.LogPosition // the newest entry in the store, or where reading began
	moved chan struct{}     // not nil: somebody waits for pos to move
	ended bool              // pos will not move any more

	// Entries of this run, counted as they are read: their sequence numbers may start over.
	read    uint64 // fetched
	applied uint64 // in the store
	target  uint64 // the first replay is complete when applied reaches it
	known   bool   // target is set
	waiting uint64 // in the log, behind those that were fetched

	outbox   bool // writes that a former run left in the outbox are not in the store yet
	complete bool // the first replay is; it stays so
	clean    bool // the last stop was orderly, so the checkpoint is not older than any answer
	reading  standstill

	progress time.Time // of the last entry that came into the store, or the start
	partial  bool      // queries are answered although the first replay is not complete
}

// standstill is why the log is not read at the moment.
type standstill struct {
	err   error // nil: it is read
	since time.Time
}

func (r *replay) init() { r.begun = make(chan struct{}) }

// begin: the store holds the checkpoint. outbox says whether a former run left writes that
// have to be forwarded before all that was answered is in the store again.
func (r *replay) begin(from store.Restored, outbox bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	close(r.begun)
	r.pos, r.clean, r.outbox = from.From, from.Clean, outbox
	r.progress = time.Now()
}

func (r *replay) hasBegun() bool {
	select {
	case <-r.begun:
		return true
	default:
		return false
	}
}

// startAt: the first entry will be the one after p. No entry is on its way to the store.
func (r *replay) startAt(p store.LogPosition) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.moveLocked(p)
}

// created: a consumer was created when entries were fetched in this run, and so many were
// waiting. The newest call counts until the first replay is complete.
func (r *replay) created(entries, waiting uint64) (completed bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.target, r.known, r.read, r.waiting = entries+waiting, true, entries, waiting
	return r.completeLocked()
}

// fetched: entries were fetched in this run, the newest of them just now, and so many wait
// behind it. If none do, also because the stream has dropped some, the target is reached
// when those fetched are in the store.
func (r *replay) fetched(entries, waiting uint64) (completed bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.read, r.waiting = entries, waiting
	if waiting == 0 {
		r.target, r.known = entries, true
	}
	return r.completeLocked()
}

// recounted: the stream was asked how many entries wait, as none came for a while. The
// number that came with the newest entry is too high if the stream has dropped some since.
func (r *replay) recounted(entries, waiting uint64) (completed bool) {
	return r.fetched(entries, waiting)
}

// addApplied: the entry at p is in the store.
func (r *replay) addApplied(p store.LogPosition) (completed bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.moveLocked(p)
	r.applied++
	if !r.complete && !r.partial {
		r.progress = time.Now()
	}
	return r.completeLocked()
}

// outboxEmpty: all that a former run left in the outbox is in the store.
func (r *replay) outboxEmpty() (completed bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.outbox = false
	return r.completeLocked()
}

// reads: reading the log goes on, or stands still because of err.
func (r *replay) reads(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case err == nil:
		r.reading = standstill{}
	case r.reading.err == nil:
		r.reading = standstill{err, time.Now()}
	case !errors.Is(err, errInterrupted): // which says less than what is known
		r.reading.err = err
	}
}

// end: no entry will be applied any more.
func (r *replay) end() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ended = true
	r.wakeLocked()
}

func (r *replay) moveLocked(p store.LogPosition) {
	r.pos = p
	r.wakeLocked()
}

func (r *replay) wakeLocked() {
	if r.moved != nil {
		close(r.moved)
		r.moved = nil
	}
}

func (r *replay) completeLocked() (completed bool) {
	if r.complete || r.outbox || !r.known || r.applied < r.target {
		return false
	}
	r.complete = true
	return true
}

// awaitsOutbox reports whether outboxEmpty has to come yet.
func (r *replay) awaitsOutbox() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.outbox
}

// lag returns how many entries wait in the log behind those that were fetched.
func (r *replay) lag() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.waiting
}

// standstill returns why the log is not read.
func (r *replay) standstill() standstill {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.reading
}

// await returns when the store has come to e, or to another log.
func (r *replay) await(ctx context.Context, e store.Entry) error {
	return r.awaitMoved(ctx, func(at store.LogPosition) bool {
		return at.Entry.Epoch > e.Epoch || at.Entry.Epoch == e.Epoch && at.Entry.Seq >= e.Seq
	})
}

// awaitSeq returns when the store has come to an entry of the log that is being read.
func (r *replay) awaitSeq(ctx context.Context, seq uint64) error {
	r.mu.Lock()
	e := store.Entry{Epoch: r.pos.Entry.Epoch, Seq: seq}
	r.mu.Unlock()
	return r.await(ctx, e)
}

// Applied implements store.Log.
func (in *Ingest) Applied() (p store.LogPosition, read int64) {
	in.replay.mu.Lock()
	defer in.replay.mu.Unlock()
	return in.replay.pos, in.counters.bytes.Load()
}

// Await implements store.Log. It fails also when Run has returned before.
func (in *Ingest) Await(ctx context.Context, e store.Entry) error { return in.replay.await(ctx, e) }
