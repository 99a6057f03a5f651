// Package archive keeps samples that have left memory in Parquet files, one directory of files for
// each cluster, and finds them again. FORMAT.md describes the files, which any program for Parquet
// reads. Files that the original cc-metric-store has written are read as well.
package archive

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"os"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Config says where an archive is and how large it may become. Only Directory has no default.
type Config struct {
	// Directory has a directory for each cluster. It is made if need be.
	Directory string
	// ReadOnly takes no lock, makes and removes nothing, so that it may be used beside the process that
	// owns the directory, and Directory may also be a single file. Files that come or go meanwhile
	// may be there or not.
	ReadOnly bool
	// Keep is for how long files are kept: a file goes when its newest sample is older. 0 is for ever. It
	// counts back from the newest sample of all files, or from now if that is earlier.
	Keep time.Duration
	// MaxBytes bounds all files together: beyond it those with the oldest samples go first. 0 is no bound.
	MaxBytes int64
	// Readers is how many reads there may be at a time. The default is half the cores, 1 at least.
	Readers int
	// MaxGroups bounds the row groups of a file, the footer of which is in memory as a whole. The default, and
	// the most, is 4,096.
	MaxGroups int
	// ForeignPart takes the names of parts apart that files of the original program have as types
	// without an id, for Read. The default leaves them as they are.
	ForeignPart func(Part) Part
	// Logger hears of files that cannot be read. The default is slog.Default.
	Logger *slog.Logger
	// Now is the clock for Keep. The default is time.Now.
	Now func() time.Time
}

// Part names a part of a host: the host itself (the zero value), a socket, a hardware thread, ..., or a
// second level below one of these.
type Part struct{ Type, ID, Subtype, SubID string }

// Block is a row of slots, in Unix seconds. Slot i begins at Start + i*Frequency, and its sample is
// expected at Start + Frequency/2 + i*Frequency, with an integer division. End may cut the last slot short.
type Block struct{ Start, End, Frequency int64 }

// FileInfo says what a file holds.
type FileInfo struct {
	Path    string
	Cluster string
	Rows    int64 // samples
	Bytes   int64
	First   int64 // time of the oldest sample, Unix seconds
	Last    int64 // time of the newest sample
	Hosts   int   // how many; 0 if the file does not say, as those of the original program
	// Foreign says that another program has written the file.
	Foreign bool
	// Single says that the values are float32 in the file.
	Single bool
}

// Stats is what an archive holds.
type Stats struct {
	Files, Rows, Bytes int64
	// Left is how many files and directories are left out, as they are damaged, no files of samples or not to be read. The other numbers are
	// without them.
	Left int64
	// Oldest and Newest are the times of the oldest and the newest sample, 0 if there is none.
	Oldest, Newest int64
}

// Archive is a directory of files, which one process writes at a time. All methods may be called
// concurrently.
type Archive struct {
	directory string
	readOnly  bool
	keep      time.Duration
	maxBytes  int64
	part      func(Part) Part
	logger    *slog.Logger
	now       func() time.Time
	places    chan struct{} // one for each read
	maxGroups int
	pages     *pageReader
	readers   sync.Pool // of *groupReader
	cache     *cache
	closed    atomic.Bool
	closing   chan struct{}         // closed by Close
	state     atomic.Pointer[state] // what readers see; mu guards its replacement
	isSmall   atomic.Bool           // the file system, for maxBytes, when it was last asked
	room      room
	cleanedTo atomic.Int64 // the time after the newest sample that Clean has removed

	mu       sync.Mutex
	lock     *os.File
	sequence uint64 // of the newest file
}

var errClosed = errors.New("it is closed")

// Open makes the directory if need be and locks it for this process, removes what a crash has left
// incomplete, and reads the footers of all files. Files that are damaged or hold no samples are logged, left
// alone and left out.
func Open(c Config) (*Archive, error) {
	if err := c.check(); err != nil {
		return nil, fmt.Errorf("open archive: %w", err)
	}
	a := &Archive{directory: c.Directory, readOnly: c.ReadOnly, keep: c.Keep, maxBytes: c.MaxBytes, part: c.ForeignPart, logger: c.Logger, now: c.Now}
	if a.logger == nil {
		a.logger = slog.Default()
	}
	if a.now == nil {
		a.now = time.Now
	}
	readers := c.Readers
	if readers == 0 {
		readers = max(runtime.GOMAXPROCS(0)/2, 1)
	}
	a.cleanedTo.Store(math.MinInt64)
	if a.maxGroups = c.MaxGroups; a.maxGroups == 0 {
		a.maxGroups = maxGroups
	}
	a.places = make(chan struct{}, readers)
	a.cache = newCache()
	a.closing = make(chan struct{})
	a.room.ask = func() (int64, error) { return freeBytes(a.directory) }
	var err error
	if a.pages, err = newPageReader(); err != nil {
		return nil, fmt.Errorf("open archive %s: %w", c.Directory, err)
	}
	a.readers.New = func() any { return newGroupReader(a.pages) }
	if !c.ReadOnly {
		if err := os.MkdirAll(c.Directory, 0o750); err != nil {
			return nil, fmt.Errorf("open archive: %w", err)
		}
		if a.lock, err = lockDirectory(c.Directory); err != nil {
			return nil, fmt.Errorf("open archive %s: %w", c.Directory, err)
		}
	}
	if err := a.load(); err != nil {
		_ = a.unlock()
		return nil, fmt.Errorf("open archive %s: %w", c.Directory, err)
	}
	a.checkRoom()
	return a, nil
}

func (c *Config) check() error {
	var faults []error
	if c.Directory == "" {
		faults = append(faults, errors.New("the directory has no name"))
	}
	if c.Keep < 0 {
		faults = append(faults, fmt.Errorf("files cannot be kept for %v: use 0 to keep them for ever", c.Keep))
	}
	if c.MaxBytes < 0 {
		faults = append(faults, fmt.Errorf("a bound of %d bytes is too low: use 0 for no bound", c.MaxBytes))
	}
	if c.Readers < 0 {
		faults = append(faults, fmt.Errorf("%d concurrent reads are too few: use 0 for the default", c.Readers))
	}
	if c.MaxGroups < 0 || c.MaxGroups > maxGroups {
		faults = append(faults, fmt.Errorf("a file cannot have %d row groups: use 0 for the default, or up to %d", c.MaxGroups, maxGroups))
	}
	return errors.Join(faults...)
}

// Close waits for the reads that are under way, then unlocks the directory. Reads and writes fail from
// then on.
func (a *Archive) Close() error {
	if a.closed.Swap(true) {
		return nil
	}
	close(a.closing)
	for range cap(a.places) {
		a.places <- struct{}{} // they are not given back
	}
	a.pages.decoder.Close()
	a.mu.Lock()
	defer a.mu.Unlock()
	a.cache.close()
	return a.unlock()
}

// unlock unlocks the directory.
func (a *Archive) unlock() error {
	if a.lock == nil {
		return nil
	}
	return a.lock.Close()
}

// Clusters returns the names of the clusters that have files, ascending.
func (a *Archive) Clusters() []string { return slices.Sorted(maps.Keys(a.state.Load().clusters)) }

// Newest returns the time after the newest sample of a cluster in Unix seconds, false if there is
// none. It is cheap: one atomic load and a look into a map.
func (a *Archive) Newest(cluster string) (int64, bool) {
	c := a.state.Load().clusters[cluster]
	if c == nil {
		return 0, false
	}
	return c.newest, true
}

// Longest returns the longest interval of samples of a cluster in seconds, 0 if none is known. It is as cheap.
func (a *Archive) Longest(cluster string) int64 {
	c := a.state.Load().clusters[cluster]
	if c == nil {
		return 0
	}
	return c.longest
}

// HeldFrom returns the time in Unix seconds from which on no samples were removed, false if there is no
// sample: that of the oldest sample, or later if there were other files with samples as old, which Clean
// has removed, or may have removed before Open for their age.
func (a *Archive) HeldFrom() (int64, bool) {
	s := a.state.Load()
	from := max(s.stats.Oldest, a.cleanedTo.Load())
	if a.keep > 0 {
		from = max(from, min(a.now().Add(-a.keep).Unix(), s.stats.Newest))
	}
	return from, s.stats.Files > 0
}

// Files returns all files, by cluster in the order in which they are read.
func (a *Archive) Files() []FileInfo {
	var all []FileInfo
	for _, f := range a.state.Load().files() {
		all = append(all, f.info)
	}
	return all
}

// Stats returns what the archive holds.
func (a *Archive) Stats() Stats { return a.state.Load().stats }

// turn is for how long a read keeps its place while others wait: most are over by then.
const turn = 100 * time.Millisecond

// place is the place of a read that goes from file to file.
type place struct {
	archive *Archive
	since   time.Time // zero: it has none
}

// enter waits for a place, also if it has had one for a turn: those that wait go first.
func (p *place) enter(ctx context.Context) error {
	if !p.since.IsZero() && time.Since(p.since) < turn {
		return ctx.Err()
	}
	p.leave()
	a := p.archive
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-a.closing:
		return errClosed
	case a.places <- struct{}{}:
	}
	p.since = time.Now()
	if a.closed.Load() {
		p.leave()
		return errClosed
	}
	return nil
}

func (p *place) leave() {
	if !p.since.IsZero() {
		<-p.archive.places
		p.since = time.Time{}
	}
}
