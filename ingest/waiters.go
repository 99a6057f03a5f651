package ingest

import "sync"

// outcome is what became of an entry, or of one writer's share of it.
type outcome struct {
	err     error  // it may not be in the log; the rest means nothing then
	refused int    // lines
	first   int    // the number of the first refused line in the entry, from 1
	detail  string // what is wrong with it
	over    int    // samples beyond a limit of the store
	invalid int    // samples that the store cannot hold
	freed   int    // series' blocks, by a free request
}

// writers are those who wait for an entry: several if their bodies were joined. They are not
// changed once the entry is published.
type writers struct {
	ends []int          // where the lines of each end in the entry
	done []chan outcome // each has room for one
}

// oneWriter returns the only writer of an entry, and where it gets the outcome.
func oneWriter() (w *writers, done <-chan outcome) {
	c := make(chan outcome, 1)
	return &writers{done: []chan outcome{c}}, c
}

// shares returns the ends of the lines of several writers, nil if there is only one.
func (w *writers) shares() []int {
	if w == nil || len(w.ends) < 2 {
		return nil
	}
	return w.ends
}

// tell gives one writer its outcome, unless it has one.
func (w *writers) tell(i int, o outcome) {
	select {
	case w.done[i] <- o:
	default: // the entry was told to be visible before its acknowledgement was given up
	}
}

// tellAll gives all writers the same outcome.
func (w *writers) tellAll(o outcome) {
	for i := range w.done {
		w.tell(i, o)
	}
}

// waiters are the writers over REST that wait until an entry is visible, by its message id. It
// is safe for concurrent use.
type waiters struct {
	mu sync.Mutex
	by map[string]*writers // guarded by mu
}

func (w *waiters) init() { w.by = map[string]*writers{} }

// add registers before the entry is published. The writers get one outcome.
func (w *waiters) add(id string, of *writers) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.by[id] = of
}

func (w *waiters) remove(id string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.by, id)
}

// of returns the writers of an entry, nil if nobody waits for it.
func (w *waiters) of(id string) *writers {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.by[id]
}
