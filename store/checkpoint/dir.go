package checkpoint

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
)

// Dir is a directory with checkpoints, which one process uses at a time. Make one with Open.
// One goroutine reads or writes at a time.
type Dir struct {
	path string

	mu   sync.Mutex
	lock *os.File // guarded by mu; nil: not locked yet

	next    uint64          // ID of the next checkpoint
	found   []uint64        // checkpoints, ascending
	kept    []kept          // those whose segments are needed, ascending, at most two
	damaged map[uint64]bool // segments
	gone    map[uint64]bool // segments that were missing when the newest writer began
}

// kept is a checkpoint that can be read.
type kept struct {
	id  uint64
	end End
}

// Open makes the directory if need be, and locks it. A directory that cannot be made, locked or
// written is no error, unless another process has locked it: Begin tries again.
func Open(path string) (*Dir, error) {
	d := &Dir{path: path, damaged: map[uint64]bool{}}
	var locked *lockedError
	if _, err := d.prepare(); errors.As(err, &locked) {
		return nil, fmt.Errorf("open checkpoints in %s: %w", path, err)
	}
	var err error
	if d.found, d.next, err = list(path); err != nil {
		d.Close()
		return nil, fmt.Errorf("open checkpoints: %w", err)
	}
	return d, nil
}

// list returns the checkpoints in a directory, ascending, and the first ID
// above those of all its files.
func list(path string) (found []uint64, next uint64, err error) {
	entries, err := os.ReadDir(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) && !errors.Is(err, syscall.ENOTDIR) {
		return nil, 0, err
	}
	for _, e := range entries {
		for _, suffix := range []string{checkpointSuffix, segmentSuffix, checkpointSuffix + damagedSuffix, segmentSuffix + damagedSuffix} {
			id, ok := fileID(e.Name(), suffix)
			if !ok {
				continue
			}
			next = max(next, id)
			if suffix == checkpointSuffix {
				found = append(found, id)
			}
		}
	}
	slices.Sort(found)
	return found, next + 1, nil
}

// Close unlocks the directory.
func (d *Dir) Close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.lock != nil {
		d.lock.Close()
		d.lock = nil
	}
}

// prepare makes and locks the directory, unless it is locked. now says that it just did.
func (d *Dir) prepare() (now bool, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.lock != nil {
		return false, nil
	}
	if err := os.MkdirAll(d.path, 0o750); err != nil {
		return false, err
	}
	d.lock, err = lockDir(d.path)
	return err == nil, err
}

// enter makes sure that the directory is locked, and that it has no other checkpoints than
// those of the start and ours. What others contain would be missing in the next one.
func (d *Dir) enter() error {
	now, err := d.prepare()
	if err != nil || !now {
		return err
	}
	found, next, err := list(d.path)
	if err == nil && next > d.next {
		err = fmt.Errorf("it has %d checkpoints, some of which were not there at the start, and are not replaced: restart this program to load them", len(found))
	}
	if err != nil {
		d.Close()
	}
	return err
}

// Found returns the IDs of the checkpoints that were there at the start,
// newest first.
func (d *Dir) Found() []uint64 {
	ids := slices.Clone(d.found)
	slices.Reverse(ids)
	return ids
}

// Newest returns the ID of the newest checkpoint that was read or written, 0
// if there is none.
func (d *Dir) Newest() uint64 {
	if len(d.kept) == 0 {
		return 0
	}
	return d.kept[len(d.kept)-1].id
}

// Path returns the path of a checkpoint.
func (d *Dir) Path(id uint64) string { return filepath.Join(d.path, fileName(id, checkpointSuffix)) }

// Keep says that the checkpoint with this ID is the one that was read, and the next one follows
// it.
func (d *Dir) Keep(id uint64, c *Contents) { d.kept = []kept{{id, c.End}} }

// MarkDamaged records that the segments of the lost blocks are damaged: their other blocks are
// written again with the next checkpoint, and the segments are quarantined when they are not
// needed any more.
func (d *Dir) MarkDamaged(lost []Loss) {
	for _, l := range lost {
		if errors.Is(l.Err, ErrDamaged) {
			d.damaged[l.Segment] = true
		}
	}
}

// Quarantine renames a checkpoint that cannot be read, so that it is not tried
// again, and returns its new path. Nothing quarantined is read or removed any more.
func (d *Dir) Quarantine(id uint64) (string, error) {
	path := d.Path(id)
	return path + damagedSuffix, os.Rename(path, path+damagedSuffix)
}
