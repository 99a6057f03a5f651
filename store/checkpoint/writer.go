package checkpoint

import (
	"cmp"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
)

// Writer writes one checkpoint. Add is safe for concurrent use.
type Writer struct {
	dir *Dir
	id  uint64

	mu sync.Mutex
	// Guarded by mu.
	checkpoint *output
	segment    *output
	frames     uint64
	hosts      int
	metrics    int              // how many names of metrics are written
	used       map[uint64]int64 // bytes that the checkpoint needs, by segment
}

// Written describes a checkpoint that is complete.
type Written struct {
	ID uint64
	// Checkpoint and Segment are the bytes written to the two files.
	Checkpoint, Segment int64
}

// Begin starts a checkpoint. The caller ends it with Commit or Abort.
func (d *Dir) Begin(h Header) (*Writer, error) {
	d.findGone()
	if err := d.enter(); err != nil {
		return nil, fmt.Errorf("begin a checkpoint in %s: %w", d.path, err)
	}
	d.removeTemporary()
	w := &Writer{dir: d, id: d.next, metrics: len(h.Metrics), used: map[uint64]int64{}}
	var err error
	if w.checkpoint, err = createOutput(d.Path(w.id), kindCheckpoint); err != nil {
		return nil, fmt.Errorf("begin a checkpoint: %w", err)
	}
	segment := filepath.Join(d.path, fileName(w.id, segmentSuffix))
	if w.segment, err = createOutput(segment, kindSegment); err != nil {
		w.checkpoint.discard()
		return nil, fmt.Errorf("begin a checkpoint: %w", err)
	}
	text, err := json.Marshal(h)
	if err == nil {
		err = w.frameLocked(append([]byte{frameHeader}, text...))
	}
	if err != nil {
		w.Abort()
		return nil, fmt.Errorf("begin a checkpoint: %w", err)
	}
	return w, nil
}

// Name writes those of the names that were not written yet; the first ones are those of the
// header. It is called before the Add of a host that refers to them.
func (w *Writer) Name(metrics []string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(metrics) <= w.metrics {
		return nil
	}
	text, err := json.Marshal(metrics[w.metrics:])
	if err == nil {
		w.metrics = len(metrics)
		err = w.frameLocked(append([]byte{frameMetrics}, text...))
	}
	if err != nil {
		return fmt.Errorf("write checkpoint %s: %w", w.checkpoint.path, err)
	}
	return nil
}

// Add writes a host. A sealed block whose Ref is zero, or points into a segment
// that is to go, is written to the new segment and gets a new Ref, which is valid once
// Commit has returned.
func (w *Writer) Add(h *Host) error {
	var payload fields
	for i := range h.Grids {
		g := &h.Grids[i]
		for j := range g.Blocks {
			b := &g.Blocks[j]
			if !b.isInSegment() || b.Ref != (BlockRef{}) && !w.dir.rewrites(b.Ref.Segment) {
				continue
			}
			payload = appendRecord(payload[:0], &record{h.Cluster, h.Name, g.Frequency, b.Start, b.Slots, b.Values, b.Totals})
			var err error
			if b.Ref, err = w.record(payload); err != nil {
				return fmt.Errorf("write checkpoint %s: %w", w.segment.path, err)
			}
		}
	}
	payload = appendHost(append(payload[:0], frameHost), h)
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := range h.Grids {
		for _, b := range h.Grids[i].Blocks {
			if b.isInSegment() {
				w.used[b.Ref.Segment] += prefixBytes + int64(b.Ref.Length)
			}
		}
	}
	if !h.Gone {
		w.hosts++
	}
	if err := w.frameLocked(payload); err != nil {
		return fmt.Errorf("write checkpoint %s: %w", w.checkpoint.path, err)
	}
	return nil
}

// record appends a record to the segment.
func (w *Writer) record(payload []byte) (BlockRef, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(payload) > maxPayload {
		return BlockRef{}, fmt.Errorf("a block of %d bytes, at most %d are possible", len(payload), maxPayload)
	}
	p := BlockRef{w.id, w.segment.size, uint32(len(payload))}
	return p, w.segment.write(appendPrefix(nil, uint64(p.Offset), payload), payload)
}

// frameLocked appends a frame to the checkpoint. The caller holds mu, or is Begin.
func (w *Writer) frameLocked(payload []byte) error {
	if len(payload) > maxFrame {
		return fmt.Errorf("a frame of %d bytes, at most %d are possible", len(payload), maxFrame)
	}
	err := w.checkpoint.write(appendPrefix(nil, w.frames, payload), payload)
	w.frames++
	return err
}

// Commit completes the checkpoint: it is the newest one from then on. If old files cannot be
// removed after that, it returns both an error and a Written.
func (w *Writer) Commit(highWater LogPosition) (*Written, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	end := End{HighWater: highWater, Hosts: w.hosts, Segments: w.usesLocked()}
	text, err := json.Marshal(end)
	if err == nil {
		err = w.frameLocked(append([]byte{frameEnd}, text...))
	}
	out := &Written{ID: w.id, Checkpoint: w.checkpoint.size}
	if err == nil && w.used[w.id] > 0 {
		out.Segment = w.segment.size
		err = w.segment.complete()
	} else {
		w.segment.discard()
	}
	if err == nil { // the directory, too, before any of it is relied on
		err = syncDir(w.dir.path)
	}
	if err == nil {
		err = w.checkpoint.complete()
	}
	if err == nil {
		err = syncDir(w.dir.path)
	}
	if err != nil {
		w.checkpoint.discard()
		w.segment.discard()
		return nil, fmt.Errorf("complete checkpoint %s: %w", w.checkpoint.path, err)
	}
	if err := w.dir.committed(kept{w.id, end}); err != nil {
		return out, fmt.Errorf("remove old checkpoints: %w", err)
	}
	return out, nil
}

// usesLocked lists the segments of the checkpoint, ascending.
func (w *Writer) usesLocked() []SegmentUse {
	sizes := map[uint64]int64{w.id: w.segment.size}
	for _, k := range w.dir.kept {
		for _, u := range k.end.Segments {
			sizes[u.ID] = u.Bytes
		}
	}
	out := []SegmentUse{}
	for id, used := range w.used {
		out = append(out, SegmentUse{id, max(sizes[id], used), used})
	}
	slices.SortFunc(out, func(a, b SegmentUse) int { return cmp.Compare(a.ID, b.ID) })
	return out
}

// Abort drops the checkpoint.
func (w *Writer) Abort() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.checkpoint.discard()
	w.segment.discard()
}
