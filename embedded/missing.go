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

// A server whose files were removed or renamed goes on with the open ones for a while. But what it
// acknowledges then is lost when it ends. So Watch looks for the files themselves.

// missing returns an error that names a file of the running server that is gone, nil if all are
// there.
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
				continue // the stream was removed through the server
			}
			return err
		}
	}
	return nil
}

// missingOf is missing for the files of one stream.
func (s *Server) missingOf(name string, state streamState) error {
	dir := s.streamDir(name)
	for _, path := range []string{filepath.Join(dir, server.JetStreamMetaFile), filepath.Join(dir, server.JetStreamMetaFileSum), filepath.Join(dir, messagesName)} {
		if _, err := os.Stat(path); err != nil {
			return err
		}
	}
	if state.first > state.last || s.cfg.Cluster != nil {
		return nil // it is empty, or may be copied anew from the other servers just now
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
	// When a stream is emptied or created anew, the numbers of its blocks may start over.
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

// findKnownGaps finds the gaps in the numbers of blocks that are there at the start: they are not
// reported as missing.
func (s *Server) findKnownGaps() {
	s.knownGaps = map[string]bool{}
	for _, stream := range s.streams {
		blocks, _, _ := s.listBlocks(stream.Name) // missing reports that
		for i, b := range blocks {
			if i > 0 && b.number != blocks[i-1].number+1 {
				s.knownGaps[b.path] = true
			}
		}
	}
}

// streamEnd is the newest block and entry of a stream when it was last looked at.
type streamEnd struct {
	created time.Time // of the stream
	block   int       // number
	last    uint64    // entry
}

// firstSequence returns the sequence number of the first message of a block, false if that takes
// more than reading its header.
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
