package archive

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"
)

// Clean takes note of files that somebody else has removed, then removes files whose newest sample is older than Config.Keep, before the newest sample of all if that
// is before now: a clock that leaps ahead deletes nothing. Then it removes those with the oldest
// samples until all take Config.MaxBytes at most. It goes on after a file that cannot be removed. Reads that
// are under way read on.
func (a *Archive) Clean(ctx context.Context) (removed int, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed.Load() {
		return 0, fmt.Errorf("clean archive %s: %w", a.directory, errClosed)
	}
	s := a.dropGone()
	var kept []*file
	var faults []error
	bytes := s.stats.Bytes
	drop := func(f *file) bool {
		if ctx.Err() != nil {
			return false
		}
		if err := os.Remove(f.info.Path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			faults = append(faults, err)
			return false
		}
		a.cache.forget(f.info.Path)
		a.cleanedTo.Store(max(a.cleanedTo.Load(), f.info.Last+1))
		bytes -= f.info.Bytes
		removed++
		return true
	}
	oldest := min(a.now().Unix(), s.stats.Newest) - int64(a.keep/time.Second)
	for _, f := range byAge(s.files()) {
		isOld := a.keep > 0 && f.info.Last < oldest
		isTooMuch := a.maxBytes > 0 && bytes > a.maxBytes
		if (isOld || isTooMuch) && drop(f) {
			continue
		}
		kept = append(kept, f)
	}
	if removed > 0 {
		a.state.Store(newState(kept, s.stats.Left))
	}
	a.checkRoom()
	if err := errors.Join(append(faults, ctx.Err())...); err != nil {
		return removed, fmt.Errorf("clean archive %s: %w", a.directory, err)
	}
	return removed, nil
}

// dropGone leaves out the files that are not there any more, so that nobody takes a gap for the whole, and says so. a.mu
// is held.
func (a *Archive) dropGone() *state {
	s := a.state.Load()
	var kept, gone []*file
	for _, f := range s.files() {
		if _, err := os.Lstat(f.info.Path); errors.Is(err, fs.ErrNotExist) {
			gone = append(gone, f)
			a.cache.forget(f.info.Path)
			a.cleanedTo.Store(max(a.cleanedTo.Load(), f.info.Last+1))
		} else {
			kept = append(kept, f)
		}
	}
	if len(gone) == 0 {
		return s
	}
	a.logger.Warn("files of the archive are gone, and what they had is not answered any more: if they are back, as a disk was away, start this program again",
		"files", len(gone), "one_of_them", gone[0].info.Path)
	s = newState(kept, s.stats.Left)
	a.state.Store(s)
	return s
}
