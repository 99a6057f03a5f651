package ingest

import "sync"

// outcome is what became of an entry that somebody waits for.
type outcome struct {
	refused int    // lines
	first   int    // the number of the first refused line in the entry, from 1
	detail  string // what is wrong with it
	over    int    // samples beyond a limit of the store
	invalid int    // samples that the store cannot hold
	freed   int    // series' blocks, by a free request
}

// waiters are those who wait until an entry is visible, by its message id.
type waiters struct {
	mu sync.Mutex
	by map[string]chan outcome // guarded by mu
}

func (w *waiters) init() { w.by = map[string]chan outcome{} }

// add registers before the entry is published. The channel gets one outcome.
func (w *waiters) add(id string) <-chan outcome {
	c := make(chan outcome, 1)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.by[id] = c
	return c
}

func (w *waiters) remove(id string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.by, id)
}

// tell gives the outcome to whoever waits for the entry.
func (w *waiters) tell(id string, o outcome) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if c := w.by[id]; c != nil {
		c <- o // the one place in its buffer is free: an id is told once
		delete(w.by, id)
	}
}
