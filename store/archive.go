package store

import (
	"fmt"
	"log/slog"
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

// OpenArchive gives the store an archive: samples that leave memory for their age, or because the
// memory cap is near, are written there, and queries read them there. It is called before the
// store is used. The caller closes the archive with CloseArchive.
func (s *Store) OpenArchive(c ArchiveConfig) error {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	open := archive.Config{Directory: c.Directory, Keep: c.Keep, MaxBytes: c.MaxBytes, Logger: c.Logger, Now: s.cfg.Now}
	if c.ForeignPart != nil {
		open.ForeignPart = func(p archive.Part) archive.Part { return archive.Part(c.ForeignPart(Part(p))) }
	}
	a, err := archive.Open(open)
	if err != nil {
		return err
	}
	s.useArchive(a, c.CaughtUp)
	return nil
}

func (s *Store) useArchive(a *archive.Archive, caughtUp func() bool) {
	if caughtUp == nil {
		caughtUp = func() bool { return true }
	}
	s.archived, s.caughtUp = a, caughtUp
}

// CloseArchive closes the archive, if there is one, after the reads that are under way. Queries of
// what is in it fail from then on.
func (s *Store) CloseArchive() error {
	if s.archived == nil {
		return nil
	}
	if err := s.archived.Close(); err != nil {
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
	// Unreadable counts files that are left out, as they are damaged or somebody else's.
	Unreadable int64
}

// ArchiveStats returns what the archive holds, false if there is none.
func (s *Store) ArchiveStats() (ArchiveStats, bool) {
	if s.archived == nil {
		return ArchiveStats{}, false
	}
	a := s.archived.Stats()
	return ArchiveStats{Files: a.Files, Samples: a.Rows, Bytes: a.Bytes, Oldest: a.Oldest, Newest: a.Newest, Unreadable: a.Left}, true
}
