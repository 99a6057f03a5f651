package checkpoint

import (
	"fmt"
	"os"
	"path/filepath"
)

// Intact returns nil if the newest checkpoint is still there, with all of its segments, and
// otherwise says what is missing: somebody may have removed or renamed the directory, or files
// in it. It is called by the goroutine that reads and writes.
func (d *Dir) Intact() error {
	if err := d.inPlace(); err != nil {
		return err
	}
	if len(d.kept) == 0 {
		return nil
	}
	newest := d.kept[len(d.kept)-1]
	if _, err := os.Stat(d.Path(newest.id)); err != nil {
		return err
	}
	for _, u := range newest.end.Segments {
		if err := d.segmentInPlace(u); err != nil {
			return err
		}
	}
	return nil
}

// inPlace returns nil if the directory is the one that this process has locked, or if none is
// locked.
func (d *Dir) inPlace() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.lock == nil {
		return nil
	}
	path := filepath.Join(d.path, lockName)
	there, err := os.Stat(path)
	if err != nil {
		return err
	}
	if ours, err := d.lock.Stat(); err == nil && !os.SameFile(ours, there) {
		return fmt.Errorf("%s is not the one that this program made", path)
	}
	return nil
}

// segmentInPlace returns nil if the segment is there, and not shorter than it was.
func (d *Dir) segmentInPlace(u SegmentUse) error {
	path := filepath.Join(d.path, fileName(u.ID, segmentSuffix))
	info, err := os.Stat(path)
	if err == nil && info.Size() < u.Bytes {
		err = fmt.Errorf("%s has %d bytes, it had %d", path, info.Size(), u.Bytes)
	}
	return err
}

// findGone finds the segments that are not there any more, or not whole: their blocks are
// written again. A directory that is gone is unlocked, so that enter makes it anew.
func (d *Dir) findGone() {
	if d.inPlace() != nil {
		d.Close()
	}
	d.gone = map[uint64]bool{}
	for _, k := range d.kept {
		for _, u := range k.end.Segments {
			if d.segmentInPlace(u) != nil {
				d.gone[u.ID] = true
			}
		}
	}
}
