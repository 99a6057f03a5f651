package embedded

import (
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// A server whose files were removed or renamed goes on with those that it has open,
// for a while: what it acknowledges is nowhere after its end. So it is looked for
// the files themselves.

// missing returns what is gone of the files of the running server, nil if nothing
// is.
func (s *Server) missing() error {
	if s.lock == nil {
		return nil
	}
	path := filepath.Join(s.cfg.Directory, lockName)
	there, err := os.Stat(path)
	if err != nil {
		return err
	}
	if ours, err := s.lock.Stat(); err == nil && !os.SameFile(ours, there) {
		return fmt.Errorf("%s is not the one that this program made", path)
	}
	ns := s.current()
	if ns == nil {
		return nil
	}
	for name, state := range states(ns) {
		if _, ours := s.ourStream(name); !ours {
			continue
		}
		if err := s.missingOf(name, state); err != nil {
			if now, ok := states(ns)[name]; !ok || !now.created.Equal(state.created) {
				continue // it was removed through the server
			}
			return err
		}
	}
	return nil
}

// missingOf returns what is gone of the files of a stream.
func (s *Server) missingOf(name string, state streamState) error {
	dir := s.streamDir(name)
	for _, path := range []string{filepath.Join(dir, server.JetStreamMetaFile), filepath.Join(dir, server.JetStreamMetaFileSum), filepath.Join(dir, messagesName)} {
		if _, err := os.Stat(path); err != nil {
			return err
		}
	}
	if state.first > state.last {
		return nil // it is empty
	}
	blocks, _, err := s.listBlocks(name)
	if err != nil {
		return err
	}
	if len(blocks) == 0 {
		return fmt.Errorf("the blocks in %s are gone", filepath.Join(dir, messagesName))
	}
	for i, b := range blocks {
		if i > 0 && b.number != blocks[i-1].number+1 && !s.knownGaps[b.path] {
			return fmt.Errorf("blocks before %s are gone", b.path)
		}
	}
	// When a stream was emptied or made anew, the numbers of its blocks may start over.
	newest, before := blocks[len(blocks)-1], s.ends[name]
	if before.created.Equal(state.created) && newest.number < before.block && state.first <= before.last {
		return fmt.Errorf("the blocks after %s are gone", newest.path)
	}
	s.ends[name] = streamEnd{state.created, newest.number, state.last}
	if first, ok := firstSequence(blocks[0].path); ok && first > state.first {
		return fmt.Errorf("the blocks before %s are gone", blocks[0].path)
	}
	return nil
}

// findKnownGaps notes which blocks are missing already: they are not missed again.
func (s *Server) findKnownGaps() {
	s.knownGaps = map[string]bool{}
	for _, stream := range s.streams {
		blocks, _, _ := s.listBlocks(stream.Name) // later looks say so
		for i, b := range blocks {
			if i > 0 && b.number != blocks[i-1].number+1 {
				s.knownGaps[b.path] = true
			}
		}
	}
}

// streamEnd is the end of a stream when it was last looked at.
type streamEnd struct {
	created time.Time // the stream
	block   int       // number
	last    uint64    // entry
}

// firstSequence returns the sequence number of the first message of a block, if that is
// easily found.
func firstSequence(path string) (seq uint64, ok bool) {
	f, err := os.Open(path)
	if err != nil {
		return 0, false
	}
	defer f.Close()
	var header [recordHeader]byte
	if _, err := io.ReadFull(f, header[:]); err != nil || string(header[:3]) == "cmp" {
		return 0, false
	}
	seq = binary.LittleEndian.Uint64(header[4:])
	return seq, seq < tombstoneBit
}
