package checkpoint

import (
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"

	"cc-metric-store/store/chunk"
)

// record is one sealed block in a segment, with what says whose it is.
type record struct {
	cluster, host string
	frequency     int64
	start         int64
	slots         int
	values        chunk.Group
	totals        chunk.Keyed
}

func appendRecord(f fields, r *record) fields {
	f.text(r.cluster)
	f.text(r.host)
	f.uint(uint64(r.frequency))
	f.int(r.start)
	f.uint(uint64(r.slots))
	f.bytes(r.values)
	return append(f, r.totals...)
}

// parseRecord reads the payload of a record of a segment of some version. The values are a part
// of it.
func parseRecord(payload []byte, version byte) (*record, error) {
	s := &scanner{rest: payload}
	r := &record{cluster: s.text(), host: s.text(), frequency: int64(s.uint()), start: s.int(), slots: int(s.index(chunk.MaxSlots + 1))}
	values, totals := s.rest, []byte(nil)
	if version > 1 {
		values = s.bytes()
		totals = s.rest
	}
	if s.err != nil {
		return nil, s.err
	}
	var err error
	if r.values, err = chunk.ParseGroup(values, r.slots); err != nil {
		return nil, fmt.Errorf("%w: %w", err, ErrDamaged)
	}
	if r.totals, err = chunk.ParseKeyed(totals, r.slots); err != nil {
		return nil, fmt.Errorf("%w: %w", err, ErrDamaged)
	}
	return r, nil
}

// segments reads records, and keeps the segments open. It is safe for concurrent use.
type segments struct {
	dir string

	mu   sync.Mutex
	open map[uint64]*segment // guarded by mu
}

type segment struct {
	file    *os.File
	version byte
	size    int64
	err     error // why it cannot be read
}

func newSegments(dir string) *segments { return &segments{dir: dir, open: map[uint64]*segment{}} }

func (s *segments) close() {
	for _, f := range s.open {
		if f.file != nil {
			f.file.Close()
		}
	}
}

func (s *segments) get(id uint64) *segment {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.open[id]
	if f == nil {
		f = openSegment(filepath.Join(s.dir, fileName(id, segmentSuffix)))
		s.open[id] = f
	}
	return f
}

func openSegment(path string) *segment {
	file, err := openFile(path)
	if err != nil {
		return &segment{err: err}
	}
	f := &segment{file: file}
	header := make([]byte, headerBytes)
	if _, err := io.ReadFull(io.NewSectionReader(file, 0, headerBytes), header); err != nil {
		f.err = fmt.Errorf("no header: %w", ErrDamaged)
		return f
	}
	f.version, f.err = header[5], checkFileHeader(header, kindSegment)
	if info, err := file.Stat(); err == nil {
		f.size = info.Size()
	}
	return f
}

// read fills in the values of a sealed block of the host.
func (s *segments) read(h *Host, frequency int64, b *Block) error {
	f := s.get(b.Ref.Segment)
	r, err := f.read(b.Ref)
	if err == nil && (r.cluster != h.Cluster || r.host != h.Name || r.frequency != frequency || r.start != b.Start || r.slots != b.Slots) {
		err = fmt.Errorf("it is another block's: %w", ErrDamaged)
	}
	if err != nil {
		return fmt.Errorf("segment %s at %d: %w", fileName(b.Ref.Segment, segmentSuffix), b.Ref.Offset, err)
	}
	b.Values, b.Totals = r.values, r.totals
	return nil
}

func (f *segment) read(p BlockRef) (*record, error) {
	if f.err != nil {
		return nil, f.err
	}
	if p.Offset < headerBytes || p.Offset > f.size-prefixBytes-int64(p.Length) {
		return nil, fmt.Errorf("it breaks off: %w", ErrDamaged)
	}
	buf := make([]byte, prefixBytes+p.Length)
	if _, err := f.file.ReadAt(buf, p.Offset); err != nil {
		return nil, err
	}
	payload := buf[prefixBytes:]
	if binary.LittleEndian.Uint32(buf) != p.Length || binary.LittleEndian.Uint32(buf[4:]) != checksum(uint64(p.Offset), payload) {
		return nil, fmt.Errorf("wrong checksum: %w", ErrDamaged)
	}
	return parseRecord(payload, f.version)
}
