package embedded

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// nats-server cuts a block off at its first damaged record, and does not say what it drops with
// that. So the blocks are read before it starts: only the damaged record is lost, and it is known
// what is lost.

const (
	// A log is read completely up to this size, as a failing disk leaves no other trace. A
	// longer log that was stopped in order is read only where it was changed since.
	readUnchangedUpTo = 1 << 30
	// After a crash, only the changed blocks of a log longer than this are read:
	// nats-server reads all of it then, and reading it twice takes too long.
	readAllUpTo = 8 << 30
)

// survey goes through the blocks of a stream in their order.
type survey struct {
	s      *Server
	stream string
	known  []span // gaps that were reported before
	losses []loss
	quiet  []loss // gaps between whole blocks: their entries may have been removed in order

	last    uint64          // the newest entry that was read
	at      time.Time       // when the log stored it
	damaged string          // what is damaged behind it, empty: nothing
	empty   string          // path of an empty block behind it
	begins  bool            // nothing of the present block was read yet
	counts  bool            // entries that are missing behind last are lost
	vague   bool            // some of them may have been dropped in order
	unread  bool            // some blocks were not read
	removed map[uint64]bool // entries for which there is a record of their removal
}

// errReplica says that blocks of a server in a cluster are damaged. They are not mended: the other
// servers have whole ones, but would not send what lies between entries that are there.
var errReplica = errors.New("a replica is damaged")

// checkReplica returns errReplica if entries are gone out of the middle of the stream, or from its
// end: the other servers would take this one for whole. After a power cut, the end may be missing
// unless it was flushed before it counted; then the server asks the others for it by itself.
func (s *Server) checkReplica(v *survey, manifest streamManifest) error {
	if len(v.losses) > 0 {
		return fmt.Errorf("%w: %s", errReplica, v.losses[0].Why)
	}
	if s.cfg.SyncInterval > 0 || v.unread || !manifest.holds() || v.last >= manifest.Last || v.removed[manifest.Last] {
		return nil
	}
	var info server.FileStreamInfo
	text, err := validMetadata(s.streamDir(v.stream), v.stream)
	if err != nil || json.Unmarshal(text, &info) != nil || !info.Created.Equal(manifest.Created) {
		return nil // it is another stream than the one of the manifest
	}
	return fmt.Errorf("%w: the newest files in %s are gone or end too early", errReplica, s.streamDir(v.stream))
}

// mostRemovals bounds survey.removed. If there are more, gaps without damage are ignored.
const mostRemovals = 1 << 16

// mendBlocks reads the blocks of a stream that changed since the manifest was written, takes
// damaged records out of them, and finds the entries that are lost.
func (s *Server) mendBlocks(ctx context.Context, stream string, manifest streamManifest) (*survey, error) {
	v := &survey{s: s, stream: stream, known: manifest.Gaps, removed: map[uint64]bool{}}
	blocks, odd, err := s.listBlocks(stream)
	if err != nil {
		return v, err
	}
	for path, why := range odd {
		if s.cfg.Cluster != nil {
			return v, fmt.Errorf("%w: %s: %s", errReplica, path, why)
		}
		if err := s.quarantine(path, why); err != nil {
			return v, err
		}
		if n, ok := blockNumber(path); ok && (len(blocks) == 0 || n < blocks[0].number) {
			v.damage(path + " was set aside")
		}
	}
	size := int64(0)
	for _, b := range blocks {
		size += b.stamp.Size
	}
	if v.unread = size > readUnchangedUpTo && unchanged(blocks, manifest.Blocks); v.unread {
		return v, nil
	}
	if manifest.holds() { // what is gone before the first entry that is there
		v.last, v.counts, v.vague = manifest.First-1, true, manifest.Blocks == nil
	}
	var buf []byte
	for i, b := range blocks {
		if ctx.Err() != nil {
			return v, ctx.Err()
		}
		s.setPhase(fmt.Sprintf("reading block %d of %d of stream %s in %s", i+1, len(blocks), stream, s.cfg.Directory))
		newest, apart := i == len(blocks)-1, i > 0 && b.number != blocks[i-1].number+1
		if apart {
			v.damage(fmt.Sprintf("blocks between %s and %s are gone", blocks[i-1].path, filepath.Base(b.path)))
		}
		if size > readAllUpTo && !b.isOverlong() && manifest.At.After(time.Unix(0, b.stamp.Mtime)) {
			v.unread, v.counts, v.last, v.damaged = true, false, 0, ""
			continue
		}
		if buf, err = readBlock(b, buf); err != nil {
			return v, fmt.Errorf("read the log: %w", err)
		}
		before := v.last
		if err := v.block(b, buf, newest); err != nil {
			return v, err
		}
		if newest && apart && v.last == before {
			v.damaged = "" // it is none of the stream's blocks
		}
	}
	if s.cfg.Cluster != nil {
		return v, s.checkReplica(v, manifest)
	}
	for _, l := range v.quiet {
		if len(v.removed) < mostRemovals && !v.removed[l.First] && !v.removed[l.Last] {
			v.losses = append(v.losses, l)
		}
	}
	return v, nil
}

// damage records what is damaged behind the newest entry; the first damage counts.
func (v *survey) damage(what string) {
	if v.damaged == "" {
		v.damaged = what
	}
}

// see records that a record is there, and finds what is missing before it.
func (v *survey) see(r record) {
	if r.removal {
		if len(v.removed) < mostRemovals {
			v.removed[r.seq] = true
		}
		return
	}
	if r.seq <= v.last {
		return
	}
	if v.counts && r.seq > v.last+1 && !slices.Contains(v.known, span{v.last + 1, r.seq - 1}) {
		l := loss{v.stream, v.last + 1, r.seq - 1, v.at, r.time, v.damaged}
		if v.damaged == "" && v.empty != "" {
			l.Why = v.empty + " is empty"
		}
		switch {
		case l.Why != "":
			v.losses = append(v.losses, l)
		case v.begins && !v.vague:
			l.Why = "a block in " + v.s.streamDir(v.stream) + " is gone or ends too early"
			v.quiet = append(v.quiet, l)
		}
	}
	v.last, v.at, v.damaged, v.empty = r.seq, r.time, "", ""
	v.counts, v.vague, v.begins = true, false, false
}

// block reads one block and mends it if it is damaged.
func (v *survey) block(b block, data []byte, newest bool) error {
	records, err := unpackBlock(data)
	if err != nil {
		v.damage(b.path + " cannot be unpacked")
		if v.s.cfg.Cluster != nil {
			return fmt.Errorf("%w: %s", errReplica, v.damaged)
		}
		return v.s.quarantine(b.path, fmt.Sprintf("it is a block that cannot be unpacked (%v)", err))
	}
	if len(records) == 0 && !newest {
		v.empty = b.path // nats-server removes it; it may have been empty before
	}
	reader, err := newRecordReader(v.stream, b.number)
	if err != nil {
		return err
	}
	var good [][]byte // ranges of whole records
	mend := b.isOverlong()
	if mend {
		v.damage(b.path + " is too long")
	}
	v.begins = true
	for len(records) > 0 {
		n := 0
		for r, ok := reader.read(records); ok; r, ok = reader.read(records[n:]) {
			n += r.length
			v.see(r)
		}
		good, records = append(good, records[:n]), records[n:]
		if len(records) == 0 {
			break
		}
		skip := reader.next(records)
		if skip == len(records) && newest && !b.isOverlong() && reader.cutOff(records) {
			break // it was never acknowledged: nats-server cuts it off in the same way
		}
		mend = true
		v.damage(b.path + " was damaged")
		records = records[skip:]
	}
	switch {
	case !mend:
		return nil
	case v.s.cfg.Cluster != nil:
		return fmt.Errorf("%w: %s was damaged", errReplica, b.path)
	}
	return v.s.mendBlock(b, bytes.Join(good, nil))
}

// mendBlock replaces a block by its good records, and keeps the old file in the quarantine.
func (s *Server) mendBlock(b block, good []byte) error {
	// The index describes the block as it was.
	if err := os.Remove(filepath.Join(filepath.Dir(b.path), indexName)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("mend block %s: %w", b.path, err)
	}
	if len(good) == 0 {
		return s.quarantine(b.path, "it is a block without one whole entry")
	}
	kept, err := s.quarantinePath(b.path)
	if err == nil {
		err = os.Link(b.path, kept)
	}
	if err == nil {
		err = replaceFile(b.path, good, true)
	}
	if err != nil {
		return fmt.Errorf("take damaged entries out of block %s: %w", b.path, err)
	}
	s.cfg.Logger.Error("a block of the log was damaged: its whole entries are kept, and what it was is in the quarantine", "path", b.path, "was", kept)
	return nil
}
