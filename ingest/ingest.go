// Package ingest is the way from the log into the store: it connects to the
// broker, keeps the stream that is the log, reads it in order and applies its
// entries; and it is the way into the log for writers over REST.
//
// The log is a JetStream stream. It lies on the external broker if that has
// JetStream, otherwise in the embedded server.
package ingest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"cc-metric-store/ingest/lineproto"
	"cc-metric-store/store"
)

// Config describes an Ingest. The zero value of each optional field means its
// default.
type Config struct {
	// Broker is the external NATS server. Without a URL there is none.
	Broker Broker
	// Embedded starts the embedded server, if it does not run yet, and returns
	// it. It is called if there is no external broker, or if that has no
	// JetStream. Required.
	Embedded func(ctx context.Context) (InProcess, error)
	// EmbeddedUser and EmbeddedPassword are what the embedded server asks for.
	EmbeddedUser, EmbeddedPassword string
	// EmbeddedHolds returns the directory of the embedded server and the names of
	// the streams in it, whether it runs or not. Optional: without it, what a
	// former run has left there is not noticed before it is used.
	EmbeddedHolds func() (dir string, streams []string)
	// Subscriptions are the subjects that carry metrics. No subject covers
	// another one partly.
	Subscriptions []Subscription
	// Stream describes the log.
	Stream Stream
	// Workers is the number of goroutines that decode, and of those that
	// append. Default: one for each processor.
	Workers int
	// FutureTolerance is how far a sample may be ahead of its entry's time in
	// the log. Default 10 min.
	FutureTolerance time.Duration
	// Logger receives what an operator has to know. Default: discard.
	Logger *slog.Logger

	pace pace
}

// pace says how long some things take that tests have no time for.
type pace struct {
	refusals time.Duration // a broker says so long that it will not have the log before that is believed
	ask      time.Duration // it is asked again in this interval
	proof    time.Duration // a log that took no entry is tried in this interval
	outbox   time.Duration // a write waits so long for the log before the outbox takes it
	report   time.Duration // what is wrong with lines is told in this interval
	recount  time.Duration // when no entry arrives for so long, it is asked whether some wait
	answer   time.Duration // when nothing comes from a broker's log for so long, queries are answered without it
	stuck    time.Duration // one entry may be tried for so long
}

// Broker says how to reach an external NATS server or cluster.
type Broker struct {
	URL                string // several, separated by commas, of one cluster
	Username, Password string
	CredsFile          string
	// SeedFile holds the seed of an NKey, to log in with.
	SeedFile string
}

// InProcess is a NATS server in this process.
type InProcess interface {
	InProcessConn() (net.Conn, error)
	// Listen lets others connect, if that is configured. It is called when what
	// they send is taken, again when the server was started anew, and may be called
	// more often.
	Listen() error
	// MaxBuffered returns how many bytes that others send may wait for the log.
	MaxBuffered() int64
	// MaxStore returns what its streams may take on disk together, in bytes; 0
	// if that is not bounded.
	MaxStore() int64
}

// Subscription is a subject that carries metrics.
type Subscription struct {
	Subject string
	// Cluster is the cluster of lines without a cluster tag.
	Cluster string
}

// Stream describes the log.
type Stream struct {
	Name        string        // default CC_METRICS
	Replicas    int           // default 1
	MaxAge      time.Duration // 0: no limit
	MaxBytes    int64         // 0: no limit
	Compression bool          // of what publishers send to the external broker
	// Trim lets Release remove entries from the embedded log.
	Trim bool
}

func (c Config) withDefaults() Config {
	if c.Workers == 0 {
		c.Workers = runtime.GOMAXPROCS(0)
	}
	if c.FutureTolerance == 0 {
		c.FutureTolerance = 10 * time.Minute
	}
	if c.Stream.Name == "" {
		c.Stream.Name = "CC_METRICS"
	}
	if c.Stream.Replicas == 0 {
		c.Stream.Replicas = 1
	}
	if c.pace == (pace{}) {
		c.pace = pace{refusals: 10 * time.Second, ask: time.Minute, proof: 5 * time.Second, recount: 5 * time.Second, outbox: 1500 * time.Millisecond,
			report: time.Minute, answer: 10 * time.Second, stuck: 5 * time.Second}
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	return c
}

func (c Config) validate() error {
	var faults []error
	if c.Embedded == nil {
		faults = append(faults, errors.New("no embedded server to fall back on"))
	}
	if c.Workers < 0 {
		faults = append(faults, fmt.Errorf("%d workers", c.Workers))
	}
	if c.FutureTolerance < 0 {
		faults = append(faults, fmt.Errorf("future tolerance %v is negative", c.FutureTolerance))
	}
	if c.Stream.Replicas < 1 || c.Stream.Replicas > 5 {
		faults = append(faults, fmt.Errorf("%d replicas are not within 1 and 5", c.Stream.Replicas))
	}
	if c.Stream.MaxAge < 0 || c.Stream.MaxBytes < 0 {
		faults = append(faults, errors.New("the limits of the stream cannot be negative"))
	}
	if c.Broker.CredsFile != "" {
		faults = append(faults, checkCredentials(c.Broker.CredsFile))
	}
	for _, s := range c.Subscriptions {
		if s.Subject == "" {
			faults = append(faults, errors.New("a subscription without a subject"))
		}
	}
	return errors.Join(faults...)
}

// Ingest connects log and store. Make one with New; its methods are safe for
// concurrent use.
type Ingest struct {
	cfg      Config
	store    *store.Store
	series   *lineproto.SeriesCache
	log      *slog.Logger
	state    state
	rights   rights
	counters counters
	reports  *reports
	waiters  waiters
	writable writability
	outbox   *outbox    // nil: the log is in the embedded server itself
	starting sync.Mutex // held while the embedded server is started

	writeMemory sync.Pool // of *writeMemory
	shortMemory sync.Pool // likewise, for short bodies
	entries     atomic.Pointer[entryPool]

	intakeTasks chan *intakeTask
	taking      chan struct{} // closed when the intake takes what is sent
	intake      atomic.Pointer[intake]
	held        atomic.Pointer[hold] // nil: the packer works
	holds       chan struct{}        // a token when that has changed
}

// New validates cfg and reports all its faults. It starts nothing.
func New(cfg Config, s *store.Store) (*Ingest, error) {
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("configure ingest: %w", err)
	}
	in := &Ingest{
		cfg: cfg, store: s, series: lineproto.NewSeriesCache(), log: cfg.Logger,
		intakeTasks: make(chan *intakeTask, 1), taking: make(chan struct{}), holds: make(chan struct{}, 1),
	}
	in.reports = in.newReports()
	in.writeMemory.New = func() any { return &writeMemory{chunk: make([]byte, writeChunk)} }
	in.shortMemory.New = func() any { return &writeMemory{chunk: make([]byte, shortWrite+1)} }
	in.state.init()
	in.rights.init()
	in.waiters.init()
	in.writable.init()
	if cfg.Broker.URL != "" {
		in.outbox = newOutbox(in)
	}
	return in, nil
}

// Run connects, reads the log from what the store holds already, and applies its
// entries until ctx ends: those that were fetched then are in the store when it
// returns. RunIntake has to run beside it. It waits for the broker as long as it takes, and returns an error only
// if the embedded server cannot be started. It is called once.
func (in *Ingest) Run(ctx context.Context, from store.Restored) error {
	in.state.begin(from)
	in.counters.watermark.Store(from.From.Entry.Seq)
	in.counters.fetched.Store(from.From.Entry.Seq)
	defer in.state.end()
	if in.outbox != nil {
		in.state.setOutbox(in.outbox.leftBehind())
		defer in.outbox.close()
		defer in.outbox.startShowing(ctx)()
	}
	l, err := in.open(ctx)
	if err != nil || l == nil {
		return err
	}
	defer l.nc.Close()
	p := newPipeline(in, l)
	in.entries.Store(p.unused)
	g, ctx := errgroup.WithContext(ctx)
	applying, stop := context.WithCancel(context.WithoutCancel(ctx))
	g.Go(func() error { return p.run(applying) })
	g.Go(func() error {
		defer stop()
		in.consume(ctx, l, p, startPosition(from))
		p.drain()
		return nil
	})
	g.Go(func() error { l.dead.run(applying); return nil })
	g.Go(func() error { in.series.Run(ctx); return nil })
	g.Go(func() error { in.reports.run(applying); return nil })
	g.Go(func() error { in.proveWritable(ctx, l); return nil })
	if in.outbox != nil {
		g.Go(func() error { in.outbox.run(ctx, l); return nil })
	}
	in.state.setLog(l)
	defer in.state.setLog(nil)
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
}
