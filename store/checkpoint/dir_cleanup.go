package checkpoint

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
)

// rewrites reports whether the blocks in a segment are to be written again: the segment is
// damaged or gone, or more than half of it is not needed any more.
func (d *Dir) rewrites(id uint64) bool {
	if d.damaged[id] || d.gone[id] {
		return true
	}
	if len(d.kept) == 0 {
		return false
	}
	for _, u := range d.kept[len(d.kept)-1].end.Segments {
		if u.ID == id {
			return u.Used < u.Bytes/2
		}
	}
	return false
}

// committed adds a new checkpoint to those that are kept, two at most, and removes the files that
// none of them needs. Files of a newer version of the program stay.
func (d *Dir) committed(k kept) error {
	d.kept = append(d.kept, k)
	d.kept = d.kept[max(len(d.kept)-2, 0):]
	d.next = k.id + 1
	needed := map[uint64]bool{}
	for _, k := range d.kept {
		for _, u := range k.end.Segments {
			needed[u.ID] = true
		}
	}
	entries, err := os.ReadDir(d.path)
	if err != nil {
		return err
	}
	var faults []error
	for _, e := range entries {
		path := filepath.Join(d.path, e.Name())
		if id, ok := fileID(e.Name(), checkpointSuffix); ok && id < d.kept[0].id && !isNewer(path, kindCheckpoint) {
			faults = append(faults, remove(path))
		}
		if id, ok := fileID(e.Name(), segmentSuffix); ok && !needed[id] && !isNewer(path, kindSegment) {
			if d.damaged[id] {
				faults = append(faults, os.Rename(path, path+damagedSuffix))
			} else {
				faults = append(faults, remove(path))
			}
		}
	}
	return errors.Join(faults...)
}

// removeTemporary removes the unfinished files that a crash left behind.
func (d *Dir) removeTemporary() {
	entries, _ := os.ReadDir(d.path) // they take some room, no more
	for _, e := range entries {
		name, ok := strings.CutSuffix(e.Name(), temporarySuffix)
		_, isCheckpoint := fileID(name, checkpointSuffix)
		_, isSegment := fileID(name, segmentSuffix)
		if ok && (isCheckpoint || isSegment || name == cleanName || name == erasName) {
			_ = remove(filepath.Join(d.path, e.Name()))
		}
	}
}
