package ingest

import (
	"errors"
	"sync"
)

// streamState says where the log is. It is safe for concurrent use.
type streamState struct {
	mu sync.Mutex
	// Guarded by mu.
	stream  *logStream    // nil: not reached yet
	reached chan struct{} // closed when log is set
	problem error         // why it is not reached
	refusal error         // why it is not on the broker, nil if it is or there is none
}

func (s *streamState) init() {
	s.reached = make(chan struct{})
	s.problem = errStarting
}

// errStarting is the problem of one that has not begun.
var errStarting = errors.New("starting")

// setLog says where the log is, nil when it is closed.
func (s *streamState) setLog(l *logStream) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stream = l
	if l != nil {
		close(s.reached)
	} else {
		s.reached = make(chan struct{})
		s.problem = errors.New("stopping")
	}
}

// setProblem says why the log is not reached yet.
func (s *streamState) setProblem(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.problem = err
}

// setRefusal says why the broker does not have the log.
func (s *streamState) setRefusal(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refusal = err
}

// refused returns why the broker does not have the log, nil if it does or there is none.
func (s *streamState) refused() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.refusal
}

// current returns the log if it is reached, otherwise a channel that is closed
// when it is, and the reason why it is not.
func (s *streamState) current() (l *logStream, reached <-chan struct{}, problem error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stream, s.reached, s.problem
}

// notReached returns why the log is not reached, nil if it is.
func (s *streamState) notReached() error {
	if l, _, problem := s.current(); l == nil {
		return problem
	}
	return nil
}
