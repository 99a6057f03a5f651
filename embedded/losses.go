package embedded

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// loss is a range of entries of a stream that are gone from the disk.
type loss struct {
	Stream      string
	First, Last uint64 // sequence numbers
	// After and Before are the times of the entries before and behind the range, zero if there
	// is none.
	After, Before time.Time
	Why           string // what happened to which file
}

// entries returns how many entries the range had at most: some may have been removed before.
func (l loss) entries() uint64 { return l.Last - l.First + 1 }

// mostLosses bounds the losses that are kept in a run; all are counted and logged.
const mostLosses = 100

// findLosses compares the streams of a server that has just started with the manifest, and
// reports what is gone.
func (s *Server) findLosses(of map[string]streamState, surveys []*survey) {
	for _, stream := range s.streams {
		before, now := s.manifest.Streams[stream.Name], of[stream.Name]
		i := slices.IndexFunc(surveys, func(v *survey) bool { return v.stream == stream.Name })
		if i < 0 {
			if before.holds() {
				s.lose(loss{stream.Name, before.First, before.Last, time.Time{}, before.LastTime, s.streamDir(stream.Name) + " is gone"})
			}
			continue
		}
		v := surveys[i]
		for _, l := range v.losses {
			s.lose(l)
		}
		s.findLostEnd(v, before, now)
	}
}

// findLostEnd reports what is gone after the last entry that is there.
func (s *Server) findLostEnd(v *survey, before streamManifest, now streamState) {
	last, why := v.last, v.damaged
	if v.unread { // of the blocks that were not read, only the server knows
		last = max(last, now.last)
		if now.lostBytes > 0 {
			s.cfg.Logger.Error("a block of the log was damaged: nats-server has dropped what follows in it", "stream", v.stream, "bytes", now.lostBytes)
		}
	}
	if why == "" {
		why = "the newest files in " + s.streamDir(v.stream) + " are gone or end too early"
	}
	switch {
	case before.holds() && before.Created.Equal(now.created) && last < before.Last && !v.removed[before.Last]:
		s.lose(loss{v.stream, max(last+1, before.First), before.Last, v.at, before.LastTime, why})
	case v.damaged != "": // it is unknown how many followed: at least one
		s.lose(loss{v.stream, last + 1, last + 1, v.at, time.Time{}, why})
	}
}

// holds reports whether there were entries.
func (n streamManifest) holds() bool { return n.Last > 0 && n.First <= n.Last }

// lose logs and counts a loss.
func (s *Server) lose(l loss) {
	s.cfg.Logger.Error("entries of a stream are lost: what the checkpoints hold of them is kept", "stream", l.Stream, "entries", l.entries(),
		"first", l.First, "last", l.Last, "after", when(l.After), "before", when(l.Before), "why", l.Why)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lost == nil {
		s.lost = map[string]uint64{}
	}
	s.lost[l.Stream] += l.entries()
	if len(s.losses) < mostLosses {
		s.losses = append(s.losses, l)
	}
}

// when formats the time of an entry that may be unknown.
func when(t time.Time) string {
	if t.IsZero() {
		return "unknown"
	}
	return t.UTC().Format(time.RFC3339Nano)
}

// Lost returns how many entries of each stream this run has found lost.
func (s *Server) Lost() map[string]uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.lost)
}

// Damage describes the entries that this run has found lost, for the operator, nil if there are
// none.
func (s *Server) Damage() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.losses) == 0 {
		return nil
	}
	l := s.losses[0]
	all := uint64(0)
	for _, n := range s.lost {
		all += n
	}
	return fmt.Errorf("%d entries were lost from the disk of the embedded log, first %d to %d of stream %s, between %s and %s (%s): what no checkpoint holds of them is missing in the answers",
		all, l.First, l.Last, l.Stream, when(l.After), when(l.Before), l.Why)
}
