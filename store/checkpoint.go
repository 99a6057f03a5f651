package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"cc-metric-store/store/checkpoint"
)

// CheckpointConfig describes Checkpoints. The zero value of each optional field
// means its default.
type CheckpointConfig struct {
	// Directory holds the checkpoints; one process uses it at a time. Required.
	Directory string
	// Interval is the longest time between two checkpoints. Default 30 min. A checkpoint
	// is written earlier when the log has grown by much.
	Interval time.Duration
	// Logger receives what an operator has to know. Default: discard.
	Logger *slog.Logger
}

// LogPosition is an entry of the log, with what tells it from another one with the same
// sequence number.
type LogPosition struct {
	Entry   Entry
	Stream  string
	Created time.Time // of the stream; zero: nothing is known of the log
	At      time.Time // when the log stored the entry
}

// Log is what Checkpoints need to know of the log.
type Log interface {
	// Applied returns the newest entry up to which everything is in the store, and how many
	// bytes of entries were read since the program began.
	Applied() (p LogPosition, read int64)
	// Await returns when Applied has reached e. It also returns if a new epoch has begun, in
	// which e cannot be reached. It fails if ctx ends before.
	Await(ctx context.Context, e Entry) error
	// Release says that two checkpoints contain all entries before p: no start needs them
	// any more.
	Release(ctx context.Context, p LogPosition)
}

// Checkpoints keeps copies of a Store on disk. Make one with OpenCheckpoints.
//
// writing is acquired first, and then mu or a lock of the Store; mu is acquired last. A
// method with the suffix Locked is called with writing held.
type Checkpoints struct {
	store  *Store
	cfg    CheckpointConfig
	logger *slog.Logger
	dir    *checkpoint.Dir

	writing sync.Mutex // held while a checkpoint is read or written
	// Guarded by writing.
	partial   bool  // a load broke off: the store holds a part of a checkpoint
	replaying bool  // the tombstones are open until the replay has reached highWater
	highWater Entry // of the checkpoint that was loaded
	newest    savedState
	positions []LogPosition // of the checkpoints that are kept, if of this epoch, ascending
	retry     time.Time     // no attempt is made before, as one has failed
	epoch     uint32        // of the newest checkpoint or, without one, of the start

	loadedEras                 []checkpoint.Era // of the checkpoint that was loaded
	erasUnsaved, unsavedLogged bool             // the file lacks the present era; that was logged

	mu    sync.Mutex
	stats CheckpointStats // guarded by mu
}

// savedState describes the newest checkpoint.
type savedState struct {
	at      time.Time // by the clock of the store
	read    int64     // bytes of the log that were read by then
	bytes   int64     // of the checkpoint
	changes changes
}

// changes has another value whenever the content of the store has changed.
type changes struct {
	entry                   Entry
	samples, freed, evicted int64
}

// CheckpointStats describes the checkpoints of this run.
type CheckpointStats struct {
	Written, Failed int64
	// Err is why the newest attempt failed, nil if it did not.
	Err error
	// Last is when the newest complete checkpoint was written or, if that was
	// before this run, begun. Zero: there is none.
	Last time.Time
	// Duration, Bytes and SegmentBytes describe the newest one of this run: the
	// checkpoint itself, and the sealed blocks that were written with it.
	Duration            time.Duration
	Bytes, SegmentBytes int64
}

// OpenCheckpoints locks the directory of cfg, and makes it if need be. It fails if another
// process uses it. A directory that cannot be written fails only the first checkpoint. It
// starts nothing.
func OpenCheckpoints(s *Store, cfg CheckpointConfig) (*Checkpoints, error) {
	if cfg.Interval == 0 {
		cfg.Interval = 30 * time.Minute
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	var faults []error
	if cfg.Directory == "" {
		faults = append(faults, errors.New("no directory"))
	}
	if cfg.Interval < 0 {
		faults = append(faults, errors.New("a negative interval"))
	}
	if len(faults) > 0 {
		return nil, fmt.Errorf("configure checkpoints: %w", errors.Join(faults...))
	}
	dir, err := checkpoint.Open(cfg.Directory)
	if err != nil {
		return nil, err
	}
	return &Checkpoints{store: s, cfg: cfg, logger: cfg.Logger, dir: dir}, nil
}

// Close unlocks the directory.
func (c *Checkpoints) Close() { c.dir.Close() }

// Foreign looks for files of ClusterCockpit's metric store, if the directory has no
// checkpoint yet. They are not read.
func (c *Checkpoints) Foreign() checkpoint.Foreign { return c.dir.Foreign() }

// Stats describes the checkpoints of this run.
func (c *Checkpoints) Stats() CheckpointStats {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.stats
}
