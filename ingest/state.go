package ingest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"cc-metric-store/store"
)

// state is how far the way into the log and the first replay have come.
type state struct {
	begun chan struct{} // closed when the store holds what it is to hold at the start

	mu sync.Mutex
	// Guarded by mu.
	log     *logStream    // nil: not reached yet
	reached chan struct{} // closed when log is set
	problem error         // why it is not reached
	reading standstill    // why it is not read at the moment
	refusal error         // why it is not on the broker, nil if it is or there is none
	// Entries of this run, in the order of reading. Their numbers in the log
	// may start over.
	place   store.LogPosition // the newest one in the store, or where reading began
	moved   chan struct{}     // not nil: somebody waits for place to move
	ended   bool              // place will not move any more
	applied uint64            // how many are in the store
	target  uint64            // as many complete the first replay
	known   bool              // target is set
	ready   bool
	outbox  bool // what a former run has left there is not in the store yet
	clean   bool // what the store held at the start agrees with all that was ever answered

	progress time.Time // when an entry came into the store last, or the start
	partial  bool      // queries are answered although the store is not complete
}

func (s *state) init() {
	s.begun = make(chan struct{})
	s.reached = make(chan struct{})
	s.problem = errStarting
}

// errStarting is the problem of one that has not begun.
var errStarting = errors.New("starting")

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

// begin says what the store holds before the log is read.
func (s *state) begin(from store.Restored) {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.begun)
	s.place = from.From
	s.clean = from.Clean
	s.progress = time.Now()
}

func (s *state) hasBegun() bool {
	select {
	case <-s.begun:
		return true
	default:
		return false
	}
}

// setStart says where reading begins. It is called before the first entry.
func (s *state) setStart(p store.LogPosition) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.place = p
	s.wake()
}

// end says that no entry will be applied any more.
func (s *state) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	s.wake()
}

func (s *state) wake() {
	if s.moved != nil {
		close(s.moved)
		s.moved = nil
	}
}

// await returns when the place has come to e, or to another log.
func (s *state) await(ctx context.Context, e store.Entry) error {
	for {
		s.mu.Lock()
		at, ended := s.place.Entry, s.ended
		if s.moved == nil {
			s.moved = make(chan struct{})
		}
		moved := s.moved
		s.mu.Unlock()
		switch {
		case at.Epoch > e.Epoch, at.Epoch == e.Epoch && at.Seq >= e.Seq:
			return nil
		case ended:
			return fmt.Errorf("reading the log has ended at entry %d", at.Seq)
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// setOutbox says whether an outbox has to be forwarded before all that was
// answered before is in the store again.
func (s *state) setOutbox(waits bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.outbox = waits
}

func (s *state) awaitsOutbox() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.outbox
}

// outboxDone says that all of the outbox is in the store. It reports whether that
// completed the first replay.
func (s *state) outboxDone() (ready bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.outbox = false
	return s.update()
}

// awaitNumber returns when the place has come to an entry of the log that is
// being read.
func (s *state) awaitNumber(ctx context.Context, number uint64) error {
	s.mu.Lock()
	e := store.Entry{Epoch: s.place.Entry.Epoch, Seq: number}
	s.mu.Unlock()
	return s.await(ctx, e)
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
func (s *state) addApplied(p store.LogPosition) (ready bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.place = p
	s.wake()
	s.applied++
	if !s.ready && !s.partial {
		s.progress = time.Now()
	}
	return s.update()
}

func (s *state) update() (became bool) {
	if s.ready || s.outbox || !s.known || s.applied < s.target {
		return false
	}
	s.ready = true
	return true
}

// err returns what is missing until the first replay is complete.
func (s *state) err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	why := s.missing()
	if why != nil && s.partial {
		return fmt.Errorf("%w; queries are answered with what is here since %s", why, s.progress.UTC().Format(time.RFC3339))
	}
	return why
}

// missing is err without a word about queries. The caller holds mu.
func (s *state) missing() error {
	switch {
	case s.ready:
		return nil
	case s.log == nil:
		return fmt.Errorf("the log is not reached: %w", s.problem)
	case s.known && s.applied >= s.target && s.reading.err == nil:
		return errors.New("forwarding writes over REST from the outbox to the log")
	case s.known && s.reading.err == nil:
		return fmt.Errorf("replaying the log: entry %d of %d", s.applied, s.target)
	case s.known:
		return fmt.Errorf("replaying the log: entry %d of %d: %w", s.applied, s.target, advised(s.reading.err))
	case s.reading.err != nil:
		return fmt.Errorf("reading the state of the log: %w", advised(s.reading.err))
	default:
		return errors.New("reading the state of the log")
	}
}

// Applied implements store.Log.
func (in *Ingest) Applied() (p store.LogPosition, read int64) {
	in.state.mu.Lock()
	defer in.state.mu.Unlock()
	return in.state.place, in.counters.bytes.Load()
}

// Await implements store.Log. It fails also when Run has returned before.
func (in *Ingest) Await(ctx context.Context, e store.Entry) error { return in.state.await(ctx, e) }

// Ready returns nil once the store shows all that the log held when the program
// reached it, otherwise an error that says what is missing.
func (in *Ingest) Ready() error { return in.state.err() }

// Consistent returns nil if no answer can contradict an earlier one: the program
// is ready, or it was stopped in order before and shows what it showed then, and
// more. Otherwise the error says what is missing.
func (in *Ingest) Consistent() error {
	in.state.mu.Lock()
	clean := in.state.clean
	in.state.mu.Unlock()
	if clean {
		return nil
	}
	return in.Ready()
}

// Answerable returns nil if queries are to be answered: no answer can contradict an
// earlier one, or nothing has come from the log of a broker for so long that an
// answer from a part of it is better than none. Otherwise the error says what is
// missing. What was answerable stays so.
func (in *Ingest) Answerable() error {
	why := in.Consistent()
	if why == nil || in.outbox == nil {
		return why
	}
	select {
	case <-in.outbox.shown:
	default:
		return why
	}
	s := &in.state
	s.mu.Lock()
	begun, partial := !s.progress.IsZero(), s.partial
	if begun && !partial && time.Since(s.progress) >= in.cfg.pace.answer {
		s.partial, s.progress = true, time.Now()
	}
	answer := s.partial
	s.mu.Unlock()
	if !answer {
		return why
	}
	if !partial {
		in.log.Warn("nothing has come from the broker's log for a while: queries are answered from the newest checkpoint and what was written over REST since, "+
			"and may lack what only the log has until it is read", "reason", why)
	}
	return nil
}
