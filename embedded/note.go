package embedded

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// noteName is a file beside the server's own ones with what is known of our
// streams, for the start after a damage. A start without it knows less, no more.
const noteName = "STREAMS"

// noted is what the file holds.
type noted struct {
	// MaxStore is what was chosen as Config has none, in bytes.
	MaxStore int64                  `json:"max_store,omitempty"`
	Streams  map[string]notedStream `json:"streams"`
}

// notedStream is what was known of a stream a few seconds before the end.
type notedStream struct {
	Metadata []byte    `json:"metadata"` // valid ones
	Created  time.Time `json:"created"`
	First    uint64    `json:"first"`
	Last     uint64    `json:"last"`
	LastTime time.Time `json:"last_time"`
	At       time.Time `json:"at"`
	// Gaps are entries of which was told that they are lost.
	Gaps []span `json:"gaps,omitempty"`
	// Blocks are those of a server that was stopped in order, by the names of their
	// files: they have been whole.
	Blocks map[string]stamp `json:"blocks,omitempty"`
}

// span is a row of entries, by the numbers of the first and the last one.
type span [2]uint64

func (s *Server) readNote() noted {
	n := noted{}
	text, err := readText(filepath.Join(s.cfg.Directory, noteName))
	if err != nil || json.Unmarshal(text, &n) != nil || n.Streams == nil {
		n = noted{MaxStore: n.MaxStore, Streams: map[string]notedStream{}}
	}
	return n
}

// writeNote writes what is known now, if that has changed. It does no harm if it
// cannot be written, or if a power cut makes it empty while nothing but numbers have
// changed.
func (s *Server) writeNote(of map[string]streamState, stopped bool) {
	n := noted{MaxStore: s.automatic, Streams: map[string]notedStream{}}
	same, durable := !stopped && n.MaxStore == s.noted.MaxStore, stopped
	for _, stream := range s.streams {
		before := s.noted.Streams[stream.Name]
		state, there := of[stream.Name]
		if !there {
			same = same && before.Created.IsZero()
			continue
		}
		one := notedStream{before.Metadata, state.created, state.first, state.last, state.lastTime, time.Now(), s.gaps(stream.Name, before.Gaps, state.first), nil}
		if text, why := validMetadata(s.streamDir(stream.Name), stream.Name); why == nil {
			one.Metadata = text
		}
		if stopped {
			one.Blocks = s.stamps(stream.Name)
		}
		n.Streams[stream.Name] = one
		durable = durable || string(one.Metadata) != string(before.Metadata)
		same = same && before.Blocks == nil && len(one.Gaps) == len(before.Gaps) && one.Last == before.Last && one.First == before.First && string(one.Metadata) == string(before.Metadata)
	}
	if same {
		return
	}
	text, err := json.Marshal(n)
	if err == nil {
		err = replaceFile(filepath.Join(s.cfg.Directory, noteName), text, durable)
	}
	if err != nil {
		if !stopped && slices.ContainsFunc(s.streams, func(o Stream) bool { return s.noted.Streams[o.Name].Blocks != nil }) {
			_ = os.Remove(filepath.Join(s.cfg.Directory, noteName)) // it is not so any more
		}
		s.cfg.Logger.Debug("the note about the streams is not written", "path", filepath.Join(s.cfg.Directory, noteName), "error", err)
		return
	}
	s.noted = n
}

func (s *Server) stamps(stream string) map[string]stamp {
	out := map[string]stamp{}
	blocks, _, _ := s.listBlocks(stream) // of those that are not listed nothing is known
	for _, b := range blocks {
		out[filepath.Base(b.path)] = b.stamp
	}
	return out
}

// gaps returns those that were told and are still there.
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

// note writes down what the running server knows.
func (s *Server) note(ns *server.Server) { s.writeNote(states(ns), false) }
