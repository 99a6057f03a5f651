package store

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"cc-metric-store/store/archive"
)

// ArchiveConfig describes where samples go that leave memory.
type ArchiveConfig struct {
	// Directory holds the files. It is made if need be, and belongs to one process.
	Directory string
	// Keep is how long files are kept: by the age of their newest sample. 0: for ever.
	Keep time.Duration
	// MaxBytes bounds all files; the oldest go first. 0: no bound.
	MaxBytes int64
	// CaughtUp reports whether the store has all that the log held at the start of the program.
	// Until then, nothing goes to the archive: blocks may lack samples that a replay brings.
	// Default: always.
	CaughtUp func() bool
	// ForeignPart takes the names of parts apart that files of ClusterCockpit's metric store have as
	// types without an id, such as filesystemhome. Default: they are as they are.
	ForeignPart func(Part) Part
	// Logger receives warnings of files that cannot be read. Default: discard.
	Logger *slog.Logger
}

// archived is the archive of a store.
type archived struct {
	config ArchiveConfig // without a directory there is none
	now    func() time.Time
	opened atomic.Pointer[archive.Archive] // nil: it is not open yet, or there is none

	writing sync.Mutex                // held by the one pass that writes to it
	leaving leavingBlocks             // what this pass writes
	err     atomic.Pointer[error]     // of the last pass
	failed  atomic.Pointer[time.Time] // when the last pass was, if it failed; by time.Now
	failing atomic.Pointer[time.Time] // since when all retention passes have failed, by Config.Now; nil: they do not
}

// isWanted reports whether samples that leave memory go to an archive, be it open or not.
func (a *archived) isWanted() bool { return a.config.Directory != "" }

// OpenArchive gives the store an archive: samples that leave memory for their age, or because the
// memory cap is near, are written there, and queries read them there. It is called before the
// store is used. The caller closes the archive with CloseArchive.
//
// It fails if another process has the directory. If the directory cannot be used for another reason,
// such as a disk that is not there, samples stay in memory as if it could not be written, ArchiveError
// says why, and each pass tries to open it again.
func (s *Store) OpenArchive(c ArchiveConfig) error {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.CaughtUp == nil {
		c.CaughtUp = func() bool { return true }
	}
	s.archived.config, s.archived.now = c, s.cfg.Now
	err := s.archived.open()
	var locked *archive.LockedError
	if errors.As(err, &locked) {
		return err
	}
	if err != nil {
		c.Logger.Error("the archive cannot be opened: samples stay in memory until it can, for two retentions at the most, and queries lack what is in it", "error", err)
		s.archived.err.Store(&err)
	}
	return nil
}

// open opens the archive if it is not open.
func (a *archived) open() error {
	if a.opened.Load() != nil {
		return nil
	}
	c := &a.config
	open := archive.Config{Directory: c.Directory, Keep: c.Keep, MaxBytes: c.MaxBytes, Logger: c.Logger, Now: a.now}
	if c.ForeignPart != nil {
		open.ForeignPart = func(p archive.Part) archive.Part { return archive.Part(c.ForeignPart(Part(p))) }
	}
	opened, err := archive.Open(open)
	if err != nil {
		return err
	}
	a.opened.Store(opened)
	return nil
}

// CloseArchive closes the archive, if there is one, after the reads that are under way. Queries of
// what is in it fail from then on.
func (s *Store) CloseArchive() error {
	a := s.archived.opened.Load()
	if a == nil {
		return nil
	}
	if err := a.Close(); err != nil {
		return fmt.Errorf("close the archive: %w", err)
	}
	return nil
}

// ArchiveStats describes the archive at one moment.
type ArchiveStats struct {
	// Files, Samples and Bytes count what is in it.
	Files, Samples, Bytes int64
	// Oldest and Newest are the times of the oldest and the newest sample in Unix seconds, 0 if
	// there is none.
	Oldest, Newest int64
	// Free is what the file system had left in bytes when this was last asked for, -1 if that is not known.
	Free int64
	// Unreadable counts files that are left out, as they are damaged or somebody else's.
	Unreadable int64
}

// ArchiveStats returns what the archive holds, false if there is to be none.
func (s *Store) ArchiveStats() (ArchiveStats, bool) {
	opened := s.archived.opened.Load()
	if opened == nil {
		return ArchiveStats{Free: -1}, s.archived.isWanted()
	}
	a := opened.Stats()
	return ArchiveStats{Files: a.Files, Samples: a.Rows, Bytes: a.Bytes, Oldest: a.Oldest, Newest: a.Newest, Free: opened.Room(), Unreadable: a.Left}, true
}

// explainFull says what there is to know if an error is one of a full disk.
func (a *archived) explainFull(err error) error {
	opened := a.opened.Load()
	if opened == nil || !errors.Is(err, syscall.ENOSPC) && !errors.Is(err, syscall.EDQUOT) {
		return err
	}
	bound := "cleanup.max-bytes bounds them: old files would go then"
	if n := a.config.MaxBytes; n > 0 {
		bound = fmt.Sprintf("cleanup.max-bytes is %d: old files go only beyond that", n)
	}
	return fmt.Errorf("%w (its files take %d bytes; %s)", err, opened.Stats().Bytes, bound)
}
