package embedded

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// The manifest is a file beside those of nats-server. It says what our streams held a few
// seconds ago. A start compares it with what is there: the differences are losses. Without
// it a start still works, but finds fewer losses.
const manifestName = "STREAMS"

// manifest is the content of the file.
type manifest struct {
	// MaxStore is the default that was chosen for Config.MaxStore, in bytes; 0 if that is
	// configured.
	MaxStore int64                     `json:"max_store,omitempty"`
	Streams  map[string]streamManifest `json:"streams"`
}

// streamManifest is what the server knew of a stream at the time At.
type streamManifest struct {
	Metadata []byte    `json:"metadata"` // a valid copy
	Created  time.Time `json:"created"`
	First    uint64    `json:"first"`
	Last     uint64    `json:"last"`
	LastTime time.Time `json:"last_time"`
	At       time.Time `json:"at"`
	// Gaps are entries that were reported as lost already.
	Gaps []span `json:"gaps,omitempty"`
	// Blocks has the stamps of all block files, by file name. It is set only when the
	// server was stopped in order: then all blocks are whole.
	Blocks map[string]stamp `json:"blocks,omitempty"`
}

// span is a range of entries: the sequence numbers of the first and the last one.
type span [2]uint64

// readManifest returns an empty manifest if there is none, or none that can be read.
func (s *Server) readManifest() manifest {
	m := manifest{}
	text, err := readText(filepath.Join(s.cfg.Directory, manifestName))
	if err != nil || json.Unmarshal(text, &m) != nil || m.Streams == nil {
		m = manifest{MaxStore: m.MaxStore, Streams: map[string]streamManifest{}}
	}
	return m
}

// writeManifest writes the manifest if it has changed. stopped says that the server has
// stopped in order. Only a stop and new metadata are flushed to the disk; otherwise a power
// cut may leave the file empty, which does no harm, and neither does a failure to write it.
func (s *Server) writeManifest(of map[string]streamState, stopped bool) {
	m := manifest{MaxStore: s.automatic, Streams: map[string]streamManifest{}}
	same, durable := !stopped && m.MaxStore == s.manifest.MaxStore, stopped
	for _, stream := range s.streams {
		before := s.manifest.Streams[stream.Name]
		state, there := of[stream.Name]
		if !there {
			same = same && before.Created.IsZero()
			continue
		}
		one := streamManifest{before.Metadata, state.created, state.first, state.last, state.lastTime, time.Now(), s.gaps(stream.Name, before.Gaps, state.first), nil}
		if text, why := validMetadata(s.streamDir(stream.Name), stream.Name); why == nil {
			one.Metadata = text
		}
		if stopped {
			one.Blocks = s.stamps(stream.Name)
		}
		m.Streams[stream.Name] = one
		durable = durable || string(one.Metadata) != string(before.Metadata)
		same = same && before.Blocks == nil && len(one.Gaps) == len(before.Gaps) && one.Last == before.Last && one.First == before.First && string(one.Metadata) == string(before.Metadata)
	}
	if same {
		return
	}
	text, err := json.Marshal(m)
	if err == nil {
		err = replaceFile(filepath.Join(s.cfg.Directory, manifestName), text, durable)
	}
	if err != nil {
		if !stopped && slices.ContainsFunc(s.streams, func(o Stream) bool { return s.manifest.Streams[o.Name].Blocks != nil }) {
			_ = os.Remove(filepath.Join(s.cfg.Directory, manifestName)) // its Blocks are no longer true
		}
		s.cfg.Logger.Debug("the manifest of the streams is not written", "path", filepath.Join(s.cfg.Directory, manifestName), "error", err)
		return
	}
	s.manifest = m
}

func (s *Server) stamps(stream string) map[string]stamp {
	out := map[string]stamp{}
	blocks, _, _ := s.listBlocks(stream) // after an error the stamps do not match: all is read
	for _, b := range blocks {
		out[filepath.Base(b.path)] = b.stamp
	}
	return out
}

// gaps returns the gaps that were reported and are not before the first entry.
func (s *Server) gaps(stream string, before []span, first uint64) []span {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.losses {
		if one := (span{l.First, l.Last}); l.Stream == stream && !slices.Contains(before, one) {
			before = append(before, one)
		}
	}
	before = slices.DeleteFunc(slices.Clone(before), func(one span) bool { return one[1] < first })
	return before[max(len(before)-mostLosses, 0):]
}

// updateManifest writes what the running server knows now.
func (s *Server) updateManifest(ns *server.Server) { s.writeManifest(states(ns), false) }
