package ingest

import (
	"errors"
	"fmt"
	"sync"
)

// state is how far the way into the log and the first replay have come.
type state struct {
	mu sync.Mutex
	// Guarded by mu.
	log     *logStream    // nil: not reached yet
	reached chan struct{} // closed when log is set
	problem error         // why it is not reached
	// Entries of this run, in the order of reading. Their numbers in the log
	// may start over.
	applied uint64 // how many are in the store
	target  uint64 // as many complete the first replay
	known   bool   // target is set
	ready   bool
}

func (s *state) init() {
	s.reached = make(chan struct{})
	s.problem = errors.New("starting")
}

// setLog says where the log is, nil when it is closed.
func (s *state) setLog(l *logStream) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log = l
	if l != nil {
		close(s.reached)
	} else {
		s.reached = make(chan struct{})
		s.problem = errors.New("stopping")
	}
}

// setProblem says why the log is not reached yet.
func (s *state) setProblem(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.problem = err
}

// current returns the log if it is reached, otherwise a channel that is closed
// when it is, and the reason why it is not.
func (s *state) current() (l *logStream, reached <-chan struct{}, problem error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.log, s.reached, s.problem
}

// setTarget says how many entries complete the first replay: those read so far
// and those that wait in the log. The newest call counts, until it is complete.
func (s *state) setTarget(entries uint64) (ready bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.target, s.known = entries, true
	return s.update()
}

// addApplied says that one more entry is in the store. It reports whether that
// completed the first replay.
func (s *state) addApplied() (ready bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.applied++
	return s.update()
}

func (s *state) update() (became bool) {
	if s.ready || !s.known || s.applied < s.target {
		return false
	}
	s.ready = true
	return true
}

// err returns what is missing until the first replay is complete.
func (s *state) err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.ready:
		return nil
	case s.known:
		return fmt.Errorf("replaying the log: entry %d of %d", s.applied, s.target)
	case s.log != nil:
		return errors.New("reading the state of the log")
	default:
		return fmt.Errorf("the log is not reached: %w", s.problem)
	}
}

// Ready returns nil once the store shows all that the log held when the program
// reached it, otherwise an error that says what is missing.
func (in *Ingest) Ready() error { return in.state.err() }
