// Package store keeps the last days of all samples in memory and answers
// queries about them.
//
// A host's samples lie on one grid of time slots for each sampling interval,
// shared by all series of the host with this interval, so that combining
// series is adding columns. A grid is cut into blocks, the unit of compression,
// of retention and of eviction. Hosts are spread over stripes, each with a lock of its own;
// an operation holds one stripe lock at a time.
//
// All methods of a Store are safe for concurrent use. Appends of one host take
// effect in the order in which they are called.
package store

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"log/slog"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"cc-metric-store/store/chunk"
)

// Config describes a Store. The zero value of each optional field means its
// default.
type Config struct {
	// Metrics names the metrics that are kept. Required, unless AnyMetric is.
	Metrics map[string]MetricConfig
	// AnyMetric, if it is not nil, says how to keep metrics that Metrics does not name. There
	// are at most MaxMetrics of these, default 10,000; samples of further ones are refused.
	// The next retention pass makes room for as many names as no host has a series of.
	AnyMetric  *MetricConfig
	MaxMetrics int
	// Retention is how long samples are kept; what is older goes with the
	// retention passes that Run makes. Default 48 h, at least 1 s.
	Retention time.Duration
	// MemoryCap bounds the bytes of hosts, series and samples. The oldest blocks are evicted
	// first, those of hosts in use last. 0 means no bound; otherwise it is at least 64 KiB
	// and 256 bytes for each series that a host may have.
	MemoryCap int64
	// MaxSeries bounds the series of a host, MaxHosts the hosts of a cluster:
	// samples of further ones are refused. All clusters together may have four
	// times MaxHosts. Defaults 100,000 and 100,000.
	MaxSeries, MaxHosts int
	// MaxNewSeries bounds the series that the entries of one second of the log may add.
	// Default 10 million.
	MaxNewSeries int
	// Stripes is the number of locks that hosts are spread over, a power of
	// two. Default 256.
	Stripes int
	// blockSlots is the number of slots of a block, at most chunk.MaxSlots. Default 128;
	// only tests set it.
	blockSlots int
	// totalParts is of how many series a total is made at least. Default manyParts; only tests
	// set it.
	totalParts int
	// knownSlots bounds the slots whose archived samples a pass knows at a time. Default
	// maxKnownSlots; only tests take another one.
	knownSlots int64
	// smallRecall is how many bytes a recall takes without a place, and recallPatience how long it waits for
	// one. Defaults smallRecall and recallPatience; only tests take others.
	smallRecall    int
	recallPatience time.Duration
	// InUse returns the hosts, by cluster, that have jobs which began before the
	// given time: their samples outlive the retention. It is asked before each
	// retention pass. Default: none.
	InUse func(ctx context.Context, before time.Time) (map[string]map[string]bool, error)
	// Now is the clock of retention and of Health. Default time.Now.
	Now func() time.Time
	// Logger receives a line for each retention pass that freed something, and warnings: of
	// hosts that send more often than a metric's interval says, and of too many metrics.
	// Default: discard.
	Logger *slog.Logger
}

func (c Config) withDefaults() Config {
	if c.Retention == 0 {
		c.Retention = 48 * time.Hour
	}
	if c.Stripes == 0 {
		c.Stripes = 256
	}
	if c.blockSlots == 0 {
		c.blockSlots = 128
	}
	if c.knownSlots == 0 {
		c.knownSlots = maxKnownSlots
	}
	if c.smallRecall == 0 {
		c.smallRecall = smallRecall
	}
	if c.recallPatience == 0 {
		c.recallPatience = recallPatience
	}
	if c.totalParts == 0 {
		c.totalParts = manyParts
	}
	if c.MaxSeries == 0 {
		c.MaxSeries = 100_000
	}
	if c.MaxMetrics == 0 {
		c.MaxMetrics = 10_000
	}
	if c.MaxHosts == 0 {
		c.MaxHosts = 100_000
	}
	if c.MaxNewSeries == 0 {
		c.MaxNewSeries = 10_000_000
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	return c
}

func (c Config) validate() []error {
	var faults []error
	if c.Retention < time.Second {
		faults = append(faults, fmt.Errorf("retention %v is shorter than 1 s", c.Retention))
	}
	// The open rows of the largest host have to fit several times.
	if least := max(4*chunkRows*valueBytes*int64(c.MaxSeries), 64<<10); c.MemoryCap != 0 && c.MemoryCap < least {
		faults = append(faults, fmt.Errorf("memory cap of %d bytes is neither 0 nor at least %d, which hosts of %d series need", c.MemoryCap, least, c.MaxSeries))
	}
	if c.Stripes < 1 || c.Stripes&(c.Stripes-1) != 0 {
		faults = append(faults, fmt.Errorf("%d stripes are no power of two", c.Stripes))
	}
	if c.blockSlots < 1 || c.blockSlots > chunk.MaxSlots {
		faults = append(faults, fmt.Errorf("blocks of %d slots are not within 1 and %d", c.blockSlots, chunk.MaxSlots))
	}
	if c.MaxSeries < 1 {
		faults = append(faults, fmt.Errorf("a limit of %d series for a host", c.MaxSeries))
	}
	if c.MaxNewSeries < 1 {
		faults = append(faults, fmt.Errorf("a limit of %d new series in a second", c.MaxNewSeries))
	}
	if c.MaxHosts < 1 {
		faults = append(faults, fmt.Errorf("a limit of %d hosts for a cluster", c.MaxHosts))
	}
	return faults
}

// Store is the in-memory store. Make one with New.
//
// A function with the suffix Locked is called with the lock of its host's stripe held, for
// writing unless it says otherwise. Hosts, grids, blocks and what is in them are guarded by
// that lock as a whole; their methods do not say so again.
//
// Locks are acquired in this order: Checkpoints.writing, archived.writing, evicting, the lock of one stripe
// (never of two), and then one of the locks inside hosts, metrics, tombstones, newSeries and archived.leaving,
// under which no other lock is acquired. The locks of refusals and replacements are acquired
// alone. Nothing slow is done under the lock of a stripe, and nothing is logged.
type Store struct {
	cfg        Config
	metrics    *metricTable
	eras       atomic.Pointer[eras] // nil: all entries are of the present era
	seed       maphash.Seed
	stripes    []stripe
	hosts      hostIndex
	tombstones tombstones
	sealers    sync.Pool // of *chunk.GroupBuilder
	appends    sync.Pool // of *appender
	queries    sync.Pool // of *queryMemory

	newSeries     newSeries
	refusals      refusals
	replacements  replacements
	metricsWarned atomic.Int64 // Unix seconds: when it was last logged that there are too many

	usedBytes atomic.Int64 // bytes that are accounted for
	evictedTo atomic.Int64 // no sample from this time on was evicted, Unix seconds
	evicting  sync.Mutex   // held by the one append that makes room
	inUse     atomic.Pointer[hostSet]

	archived     archived
	largeRecalls chan struct{} // one for each, see enterRecall
	recallsLeft  atomic.Int64  // how many of them have come to an end

	counters  counters
	testHooks testHooks
}

// testHooks are called at moments that tests cannot see from outside; nil ones are not
// called, as in the program.
type testHooks struct {
	// onEvict is called before a block is evicted, with its host and frequency, under the
	// lock of its stripe.
	onEvict func(hostKey, int64, *block)
	// onTaken is called when the blocks of a host are to be written to the archive, without a lock.
	onTaken func(hostKey)
	// onAsked is called when it was asked whether the archive has samples, before the answer is
	// known to the caller, without a lock.
	onAsked func()
	// onCopy is called after a host was copied for a checkpoint, without a lock.
	onCopy func()
}

// New returns an empty Store, or one error that names all faults of cfg. It
// starts nothing.
func New(cfg Config) (*Store, error) {
	cfg = cfg.withDefaults()
	faults := append(validateMetrics(&cfg), cfg.validate()...)
	if len(faults) > 0 {
		return nil, fmt.Errorf("configure store: %w", errors.Join(faults...))
	}
	s := &Store{
		cfg:     cfg,
		metrics: newMetricTable(&cfg),
		seed:    maphash.MakeSeed(),
		stripes: make([]stripe, cfg.Stripes),
		hosts:   hostIndex{clusters: map[string]map[string]struct{}{}},
		sealers: sync.Pool{New: func() any { return new(chunk.GroupBuilder) }},
		appends: sync.Pool{New: func() any { return new(appender) }},
		queries: sync.Pool{New: func() any { return new(queryMemory) }},

		largeRecalls: make(chan struct{}, largeRecalls),
	}
	s.evictedTo.Store(math.MinInt64)
	for i := range s.stripes {
		s.stripes[i].hosts = map[hostKey]*host{}
	}
	return s, nil
}
