// Package ingest is the way from the log into the store: it connects to the broker, keeps
// the stream that is the log, reads it in order and applies its entries. It is also the way
// into the log for writers over REST, and for publishers to the embedded server.
//
// The log is a JetStream stream. It lies on the external broker if that has JetStream,
// otherwise in the embedded server. wire.go says what its entries look like, and pipeline
// draws their way.
package ingest

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"cc-metric-store/ingest/lineproto"
	"cc-metric-store/store"
)

// Ingest connects log and store. Make one with New; its methods are safe for
// concurrent use.
type Ingest struct {
	cfg      Config
	store    *store.Store
	series   *lineproto.SeriesCache
	logger   *slog.Logger
	state    streamState
	replay   replay
	rights   rights
	counters counters
	reports  *reports
	waiters  waiters
	joiner   *joiner
	writable writability
	// confirmed is what the cluster said, if there is one.
	confirmed confirmation
	outbox    *outbox    // nil: the log is in the embedded server itself
	starting  sync.Mutex // held while the embedded server is started

	writeMemory sync.Pool // of *writeMemory
	shortMemory sync.Pool // likewise, for short bodies
	entries     atomic.Pointer[entryPool]

	intakeTasks chan *intakeTask
	intakeReady chan struct{} // closed when the intake has subscribed
	intake      atomic.Pointer[intake]
	holdRequest atomic.Pointer[hold] // that the packer is to rest; nil: it works
	holdChanged chan struct{}        // a token when holdRequest was set
}

// New validates cfg and reports all its faults. It starts nothing.
func New(cfg Config, s *store.Store) (*Ingest, error) {
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("configure ingest: %w", err)
	}
	in := &Ingest{
		cfg: cfg, store: s, series: lineproto.NewSeriesCache(), logger: cfg.Logger,
		intakeTasks: make(chan *intakeTask, 1), intakeReady: make(chan struct{}), holdChanged: make(chan struct{}, 1),
	}
	in.reports = in.newReports()
	in.writeMemory.New = func() any { return &writeMemory{chunk: make([]byte, writeChunk)} }
	in.shortMemory.New = func() any { return &writeMemory{chunk: make([]byte, shortWrite+1)} }
	in.state.init()
	in.replay.init()
	in.rights.init()
	in.waiters.init()
	in.writable.init()
	in.joiner = newJoiner(in)
	if cfg.Broker.URL != "" {
		in.outbox = newOutbox(in)
	}
	return in, nil
}

// Run connects, reads the log from what the store holds already, and applies its entries
// until ctx ends: those that were fetched then are in the store when it returns. It waits
// for the broker for as long as it takes, and returns an error only if the embedded server
// cannot be started. RunIntake has to run beside it. It is called once.
func (in *Ingest) Run(ctx context.Context, from store.Restored) error {
	in.replay.begin(from, in.outbox != nil && in.outbox.leftBehind())
	in.counters.watermark.Store(from.From.Entry.Seq)
	in.counters.fetched.Store(from.From.Entry.Seq)
	defer in.replay.end()
	if in.outbox != nil {
		defer in.outbox.close()
		defer in.outbox.startShowing(ctx)()
	}
	defer in.joiner.start(ctx)()
	l, err := in.open(ctx)
	if err != nil || l == nil {
		return err
	}
	defer l.nc.Close()
	in.state.setStream(l) // before anything is read: who is ready has a log
	defer in.state.setStream(nil)
	p := newPipeline(in, l)
	in.entries.Store(p.unused)
	g, ctx := errgroup.WithContext(ctx)
	applying, stop := context.WithCancel(context.WithoutCancel(ctx))
	g.Go(func() error { return p.run(applying) })
	g.Go(func() error {
		defer stop()
		in.consume(ctx, l, p, startCursor(from))
		p.drain()
		return nil
	})
	g.Go(func() error { l.dead.run(applying); return nil })
	g.Go(func() error { in.series.Run(ctx); return nil })
	g.Go(func() error { in.reports.run(applying); return nil })
	g.Go(func() error { in.proveWritable(ctx, l); return nil })
	if in.cfg.Clustered {
		g.Go(func() error { in.confirm(ctx, l); return nil })
	}
	if in.outbox != nil {
		g.Go(func() error { in.outbox.run(ctx, l); return nil })
	}
	return g.Wait()
}

// UnknownMetrics lists the metrics that lines have and that are not configured:
// those with most lines first, and last, without a name, those beyond the first
// 500. It counts from the start of the program.
func (in *Ingest) UnknownMetrics() []store.UnknownMetric { return in.series.UnknownMetrics().List() }

// Shrink lets go of memory that is kept for the entries to come. It is for times
// when there are few.
func (in *Ingest) Shrink() {
	if p := in.entries.Load(); p != nil {
		p.shrink()
	}
	in.joiner.shrink()
}
