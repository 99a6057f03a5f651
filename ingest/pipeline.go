package ingest

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"

	"cc-metric-store/ingest/lineproto"
)

const (
	// entriesInFlight and, for each worker, bytesPerWorker bound what is between the
	// consumer and the store: enough to keep all workers busy.
	entriesInFlight = 512
	bytesPerWorker  = 4 << 20
	// largeEntry is the size from which an entry's memory is not kept for others.
	largeEntry = 1 << 20
)

// pipeline applies entries: they are decoded in parallel, then each host's batches are
// appended in the order of the log, by the one appender that owns the host. It is the
// second half of the way in:
//
//	publishers ─► intake ─► packer ─┐               ┌─ joiner, free ◄─ REST
//	                                ▼               ▼
//	publishers ──────────────► the stream that is the log ◄─ outbox, if it was out of reach
//	 (external broker)              │
//	                                ▼
//	                        ordered consumer        one, in order; moves the cursor
//	                                │ put
//	                    ┌───────────┤
//	                    ▼           │ order
//	                 decoders       │               many, in parallel
//	                    │ decoded   │
//	                    └──────►dispatcher          one, in order; a free request waits here
//	                           │    │    │ append
//	                           ▼    ▼    ▼
//	                            appenders ─► store  many; a host has one
//	                                │ applied
//	                                ▼
//	                            finisher            one, in order: dead letters, replay, waiters
//
// All queues are bounded, so that a slow store shows as lag of the log: obtain waits
// when as much is in flight as may be.
type pipeline struct {
	in      *Ingest
	stream  *logStream
	room    int64 // bytes that may be in flight
	bytes   *semaphore.Weighted
	unused  *entryPool
	decode  chan *entry
	order   chan *entry   // as fetched
	append  []chan task   // by appender
	finish  chan *entry   // as fetched
	barrier chan struct{} // answers of the appenders to a barrier
}

// task is one batch of an entry, or without an entry a barrier.
type task struct {
	e     *entry
	batch int
}

func newPipeline(in *Ingest, l *logStream) *pipeline {
	room := int64(in.cfg.Workers) * bytesPerWorker
	p := &pipeline{
		in: in, stream: l,
		room:    room,
		bytes:   semaphore.NewWeighted(room),
		unused:  newEntryPool(entriesInFlight),
		decode:  make(chan *entry, entriesInFlight),
		order:   make(chan *entry, entriesInFlight),
		append:  make([]chan task, in.cfg.Workers),
		finish:  make(chan *entry, entriesInFlight),
		barrier: make(chan struct{}, in.cfg.Workers),
	}
	for i := range p.append {
		p.append[i] = make(chan task, entriesInFlight)
	}
	return p
}

// obtain returns an entry to be filled, which it waits for until ctx ends. The
// caller hands it to put.
func (p *pipeline) obtain(ctx context.Context, size int) (*entry, error) {
	weight := min(int64(size), p.room)
	if err := p.bytes.Acquire(ctx, weight); err != nil {
		return nil, err
	}
	e, err := p.unused.get(ctx)
	if err != nil {
		p.bytes.Release(weight)
		return nil, err
	}
	e.weight = weight
	return e, nil
}

// put hands over an entry. It is called by one goroutine, in the order of the
// log, and does not wait: there is room in the queues for all entries.
func (p *pipeline) put(e *entry) {
	p.decode <- e
	p.order <- e
}

// drainTimeout bounds how long a stop waits for the entries that were fetched.
const drainTimeout = 10 * time.Second

// drain returns when all entries that were put are in the store, or after
// drainTimeout. None are put any more.
func (p *pipeline) drain() {
	ctx, cancel := context.WithTimeout(context.Background(), drainTimeout)
	defer cancel()
	for range entriesInFlight {
		if _, err := p.unused.get(ctx); err != nil {
			return
		}
	}
}

// run works until ctx ends. What is in the queues then is left to the next
// replay.
func (p *pipeline) run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	for range p.in.cfg.Workers {
		g.Go(func() error { p.runDecoder(ctx); return nil })
	}
	for _, tasks := range p.append {
		g.Go(func() error { p.runAppender(ctx, tasks); return nil })
	}
	g.Go(func() error { p.runDispatcher(ctx); return nil })
	g.Go(func() error { p.runFinisher(ctx); return nil })
	return g.Wait()
}

func (p *pipeline) runDecoder(ctx context.Context) {
	d := lineproto.NewDecoder(p.in.store, p.in.series, p.in.cfg.FutureTolerance)
	for {
		select {
		case e := <-p.decode:
			d = p.decodeGuarded(d, e)
			e.decoded <- struct{}{}
		case <-ctx.Done():
			return
		}
	}
}

// decodeEntry decodes the lines of an entry.
func decodeEntry(d *lineproto.Decoder, e *entry) {
	if len(e.data) == 0 && (!e.byIntake || e.status != "") { // no writer of ours makes such a one
		detail := "the message is empty"
		if e.status != "" {
			detail += ", with the header Status: " + e.status
		}
		e.out.Refuse(lineproto.Fault{Line: 1, Reason: lineproto.BadSyntax, Detail: detail, Cluster: e.cluster})
		return
	}
	if !e.compressed {
		e.out.decode(d, e.data, e.shares, e.cluster, e.written)
		return
	}
	lines, err := decompress(e.lines, e.data)
	if err != nil {
		e.out.Refuse(lineproto.Fault{Line: 1, Reason: lineproto.BadSyntax, Detail: err.Error(), Text: e.data, Cluster: e.cluster})
		return
	}
	e.lines = lines
	e.out.decode(d, lines, e.shares, e.cluster, e.written)
}
