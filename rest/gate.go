package rest

import (
	"cmp"
	"container/list"
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

// errBusy says that a request could not be begun.
var errBusy = errors.New("too many requests of this kind are under way")

// evictInterval is how often those who wait look for clients to take the place of.
const evictInterval = 250 * time.Millisecond

// gate lets a number of requests in at once; others wait in their order. Who waits
// takes the place of a client that is much slower than others, so that nobody keeps
// the others out by doing nothing. It is safe for concurrent use.
type gate struct {
	places int
	queue  int             // most that may wait, 0: any number
	closed <-chan struct{} // when it is, nobody waits any more; nil: never

	mu sync.Mutex
	// Guarded by mu.
	inside  map[*turn]bool
	waiting list.List // of *turn
}

// turn is a place of a gate, or the wait for one.
type turn struct {
	gate    *gate
	client  *client
	granted chan struct{}
	since   time.Time // when it was granted
}

func newGate(places, queue int) *gate {
	return &gate{places: places, queue: queue, inside: map[*turn]bool{}}
}

// enter returns when the client has a place, which the caller leaves, or with an error:
// that of ctx, or errBusy if too many wait.
func (g *gate) enter(ctx context.Context, c *client) (*turn, error) {
	t := &turn{gate: g, client: c, granted: make(chan struct{})}
	g.mu.Lock()
	if g.queue > 0 && g.waiting.Len() >= g.queue {
		g.mu.Unlock()
		return nil, errBusy
	}
	at := g.waiting.PushBack(t)
	g.admitLocked()
	g.mu.Unlock()
	if err := t.wait(ctx, at); err != nil {
		return nil, err
	}
	return t, nil
}

// wait returns when the turn is granted.
func (t *turn) wait(ctx context.Context, at *list.Element) error {
	select {
	case <-t.granted:
		return nil
	default:
	}
	tick := time.NewTicker(evictInterval)
	defer tick.Stop()
	for {
		select {
		case <-t.granted:
			return nil
		case <-tick.C:
			t.gate.evictSlow(at)
		case <-ctx.Done():
			if t.gate.leaveQueue(t, at) {
				return ctx.Err()
			}
			return nil
		case <-t.gate.closed:
			if t.gate.leaveQueue(t, at) {
				return errBusy
			}
			return nil
		}
	}
}

// admitLocked lets in as many as there are places.
func (g *gate) admitLocked() {
	for len(g.inside) < g.places && g.waiting.Len() > 0 {
		t := g.waiting.Remove(g.waiting.Front()).(*turn)
		t.since = time.Now()
		g.inside[t] = true
		close(t.granted)
	}
}

// leaveQueue takes a turn out of the queue. It returns false if it was granted meanwhile.
func (g *gate) leaveQueue(t *turn, at *list.Element) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.inside[t] {
		return false
	}
	g.waiting.Remove(at)
	return true
}

// evictSlow ends the waiting for the slowest clients, one for each that waits. The first
// one in the queue does it for all.
func (g *gate) evictSlow(at *list.Element) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.waiting.Front() != at {
		return
	}
	type slow struct {
		client *client
		rate   float64
	}
	var found []slow
	for t := range g.inside {
		if rate, ok := t.client.slowness(); ok {
			found = append(found, slow{t.client, rate})
		}
	}
	slices.SortFunc(found, func(a, b slow) int { return cmp.Compare(a.rate, b.rate) })
	for _, s := range found[:min(len(found), g.waiting.Len())] {
		s.client.giveUp()
	}
}

// leave gives the place to the next one. A nil turn has none.
func (t *turn) leave() {
	if t == nil {
		return
	}
	t.gate.mu.Lock()
	defer t.gate.mu.Unlock()
	delete(t.gate.inside, t)
	t.gate.admitLocked()
}

// yield lets those in who wait if the turn has been held for a while, and waits for the
// next one. It returns the turn to be left, nil with an error.
func (t *turn) yield(ctx context.Context) (*turn, error) {
	if t == nil || time.Since(t.since) < quantum {
		return t, nil
	}
	g := t.gate
	g.mu.Lock()
	if g.waiting.Len() == 0 {
		g.mu.Unlock()
		return t, nil
	}
	delete(g.inside, t)
	next := &turn{gate: g, client: t.client, granted: make(chan struct{})}
	at := g.waiting.PushBack(next) // the bound of the queue is for those who have not begun
	g.admitLocked()
	g.mu.Unlock()
	if err := next.wait(ctx, at); err != nil {
		return nil, err
	}
	return next, nil
}
