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

// errBusy says that too many requests wait at a gate, or that waiting was ended.
var errBusy = errors.New("too many requests of this kind are under way")

// evictInterval is how often the first one that waits looks for slow clients.
const evictInterval = 250 * time.Millisecond

// gate lets a number of requests in at once. Others wait in their order, but who has little to
// do passes those who have much: they are let in in the order in which they would come to an
// end if all were served side by side. Who has waited for maxPassed gets every second place, so
// that nobody is passed for ever. While requests wait,
// those inside whose clients are slow are ended, so that nobody keeps others out by doing
// nothing. It is safe for concurrent use.
type gate struct {
	places int
	queue  int             // how many may wait, 0: any number
	closed <-chan struct{} // when it is closed, nobody waits any more; nil: never

	mu sync.Mutex
	// Guarded by mu.
	inside  map[*turn]bool
	waiting list.List // of *turn, by their due
	served  float64   // work of each request, if all had been served side by side
	byAge   bool      // the last one was let in as it had waited for long
}

// turn is a place of a gate, or the wait for one. It belongs to one goroutine.
type turn struct {
	gate    *gate
	client  *client
	work    float64 // that is to be done in this turn, in the unit of enterFor
	due     float64 // how much will be served when it ends, if all are served side by side
	asked   time.Time
	granted chan struct{}
	since   time.Time // when it was granted
}

func newGate(places, queue int) *gate {
	return &gate{places: places, queue: queue, inside: map[*turn]bool{}}
}

// enter waits for a place for the client, for as long as ctx and most allow; with 0 as long as ctx
// does. The caller leaves the turn that it returns. It fails with the error of the context that
// ended, or with errBusy if too many wait.
func (g *gate) enter(ctx context.Context, c *client, most time.Duration) (*turn, error) {
	return g.enterFor(ctx, c, most, 0)
}

// enterFor is enter for so much work, in whatever unit all who enter this gate use.
func (g *gate) enterFor(ctx context.Context, c *client, most time.Duration, work float64) (*turn, error) {
	g.mu.Lock()
	if g.queue > 0 && g.waiting.Len() >= g.queue {
		g.mu.Unlock()
		return nil, errBusy
	}
	t, at := g.queueLocked(c, work)
	g.admitLocked()
	g.mu.Unlock()
	if err := t.wait(ctx, at, most); err != nil {
		return nil, err
	}
	return t, nil
}

// queueLocked makes a turn that waits. at is its element in the queue.
func (g *gate) queueLocked(c *client, work float64) (t *turn, at *list.Element) {
	t = &turn{gate: g, client: c, work: work, due: g.served + work, asked: time.Now(), granted: make(chan struct{})}
	for at = g.waiting.Back(); at != nil; at = at.Prev() {
		if at.Value.(*turn).due <= t.due {
			return t, g.waiting.InsertAfter(t, at)
		}
	}
	return t, g.waiting.PushFront(t)
}

// wait returns when the turn is granted. at is its element in the queue, most is as for enter.
func (t *turn) wait(ctx context.Context, at *list.Element, most time.Duration) error {
	select {
	case <-t.granted:
		return nil
	default:
	}
	if most > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, most)
		defer cancel()
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

// admitLocked lets in the first ones in the queue, as many as there are places.
func (g *gate) admitLocked() {
	for len(g.inside) < g.places && g.waiting.Len() > 0 {
		at, now := g.waiting.Front(), time.Now()
		oldest := g.oldestLocked()
		if g.byAge = !g.byAge && now.Sub(oldest.Value.(*turn).asked) >= maxPassed; g.byAge {
			at = oldest
		}
		t := at.Value.(*turn)
		g.served += t.work / float64(len(g.inside)+g.waiting.Len())
		g.waiting.Remove(at)
		t.since = now
		g.inside[t] = true
		close(t.granted)
	}
}

// oldestLocked returns the one that has waited for longest. There is one.
func (g *gate) oldestLocked() *list.Element {
	oldest := g.waiting.Front()
	for at := oldest.Next(); at != nil; at = at.Next() {
		if at.Value.(*turn).asked.Before(oldest.Value.(*turn).asked) {
			oldest = at
		}
	}
	return oldest
}

// leaveQueue takes a turn out of the queue. It returns false if the turn was granted
// meanwhile.
func (g *gate) leaveQueue(t *turn, at *list.Element) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.inside[t] {
		return false
	}
	g.waiting.Remove(at)
	return true
}

// evictSlow ends the requests of the slowest clients, one for each request that waits. It
// does nothing unless at is the first element of the queue: one does it for all.
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

// leave gives the place to the next one in the queue. A nil turn has none.
func (t *turn) leave() {
	if t == nil {
		return
	}
	t.gate.mu.Lock()
	defer t.gate.mu.Unlock()
	delete(t.gate.inside, t)
	t.gate.admitLocked()
}

// yield gives the place to the next one in the queue if the turn has lasted for quantum,
// and waits for another turn. It returns the turn that the caller leaves instead, nil with
// an error. A nil turn stays nil.
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
	next, at := g.queueLocked(t.client, t.work) // g.queue bounds those that have not begun
	g.admitLocked()
	g.mu.Unlock()
	if err := next.wait(ctx, at, 0); err != nil {
		return nil, err
	}
	return next, nil
}
