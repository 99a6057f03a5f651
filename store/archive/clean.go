package archive

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"
)

// Clean removes files whose newest sample is older than Config.Keep, before the newest sample of all if that
// is before now: a clock that leaps ahead deletes nothing. Then it removes those with the oldest
// samples until all take Config.MaxBytes at most. It goes on after a file that cannot be removed. Reads that
// are under way read on.
func (a *Archive) Clean(ctx context.Context) (removed int, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed.Load() {
		return 0, fmt.Errorf("clean archive %s: %w", a.directory, errClosed)
	}
	s := a.state.Load()
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
	if err := errors.Join(append(faults, ctx.Err())...); err != nil {
		return removed, fmt.Errorf("clean archive %s: %w", a.directory, err)
	}
	return removed, nil
}
