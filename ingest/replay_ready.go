package ingest

import (
	"errors"
	"fmt"
	"time"
)

// err returns what is missing until the first replay is complete, nil if it is. notReached
// is why the log is not open, nil if it is.
func (r *replay) err(notReached error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	why := r.missingLocked(notReached)
	if why != nil && r.partial {
		return fmt.Errorf("%w; queries are answered with what is here since %s", why, r.progress.UTC().Format(time.RFC3339))
	}
	return why
}

// missingLocked is err without a word about queries.
func (r *replay) missingLocked(notReached error) error {
	switch still := r.reading.err; {
	case r.complete:
		return nil
	case notReached != nil:
		return fmt.Errorf("the log is not reached: %w", notReached)
	case !r.known && still == nil:
		return errors.New("reading the state of the log")
	case !r.known:
		return fmt.Errorf("reading the state of the log: %w", advised(still))
	case still != nil:
		return fmt.Errorf("replaying the log: entry %d of %d: %w", r.applied, r.target, advised(still))
	case r.applied < r.target:
		return fmt.Errorf("replaying the log: entry %d of %d", r.applied, r.target)
	}
	return errors.New("forwarding writes over REST from the outbox to the log")
}

// isClean reports whether what the store held at the start agrees with all that was ever
// answered.
func (r *replay) isClean() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.clean
}

// answerPartly reports whether queries are answered although the first replay is not
// complete: no entry has come into the store for so long. What was answered once is
// answered for ever. first says that it was decided now.
func (r *replay) answerPartly(after time.Duration) (answer, first bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.partial && !r.progress.IsZero() && time.Since(r.progress) >= after {
		r.partial, r.progress = true, time.Now()
		first = true
	}
	return r.partial, first
}

// Ready returns nil once the store shows all that the log held when the program
// reached it, otherwise an error that says what is missing.
func (in *Ingest) Ready() error {
	if err := in.replay.err(in.state.notReached()); err != nil || !in.cfg.Clustered {
		return err
	}
	// The consumer may be on a server that is behind the others, and count what that has.
	if at, _, _ := in.confirmed.read(); at.IsZero() {
		return errUnconfirmed
	}
	return nil
}

// Consistent returns nil if no answer can contradict an earlier one: the program
// is ready, or it was stopped in order before and shows what it showed then, and
// more. Otherwise the error says what is missing.
func (in *Ingest) Consistent() error {
	if in.replay.isClean() {
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
	answer, first := in.replay.answerPartly(in.cfg.timings.answer)
	if first {
		in.logger.Warn("nothing has come from the broker's log for a while: queries are answered from the newest checkpoint and what was written over REST since, "+
			"and may lack what only the log has until it is read", "reason", why)
	}
	if answer {
		return nil
	}
	return why
}
