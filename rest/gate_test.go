package rest

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"
)

// TestTheSlowestGivesWay fills a gate with clients that are waited for: those who come
// later have the places of the slowest, and of nobody who is quick or busy.
func TestTheSlowestGivesWay(t *testing.T) {
	g := newGate(4, 0)
	now := time.Unix(1_000_000, 0)
	var clients []*client
	release := make(chan struct{})
	var inside sync.WaitGroup
	for _, rate := range []int64{10, 1000, pressedRate * 2, -1} {
		cl, _ := testClient(&now)
		clients = append(clients, cl)
		if _, err := g.enter(t.Context(), cl, 0); err != nil {
			t.Fatal(err)
		}
		if rate < 0 {
			continue // it is not waited for
		}
		cl.moved, cl.waited = rate*10, 10*time.Second
		started := make(chan struct{})
		inside.Go(func() {
			_, _ = cl.measure(true, func() (int, error) { close(started); <-release; return 0, nil })
		})
		<-started
	}
	defer inside.Wait()
	defer close(release)
	wantCut := func(want ...bool) {
		t.Helper()
		var got []bool
		for _, c := range clients {
			c.mu.Lock()
			got = append(got, c.cut)
			c.mu.Unlock()
		}
		if !slices.Equal(got, want) {
			t.Fatalf("cut: %v, want %v", got, want)
		}
	}
	evict := func() {
		g.mu.Lock()
		front := g.waiting.Front()
		g.mu.Unlock()
		g.evictSlow(front)
	}
	wait := func() (entered chan *turn) {
		entered = make(chan *turn, 1)
		ctx, cancel := context.WithCancel(t.Context())
		t.Cleanup(cancel)
		n := g.waiters()
		cl, _ := testClient(&now)
		go func() {
			turn, _ := g.enter(ctx, cl, 0)
			entered <- turn
		}()
		for g.waiters() == n {
			time.Sleep(time.Millisecond)
		}
		return entered
	}
	wantCut(false, false, false, false)
	first := wait()
	evict()
	wantCut(true, false, false, false)
	_ = wait()
	evict()
	wantCut(true, true, false, false)
	evict()
	wantCut(true, true, false, false)
	if _, err := clients[0].measure(true, func() (int, error) { return 1, nil }); !errors.Is(err, errSlow) {
		t.Errorf("a client that gave way goes on: %v", err)
	}
	g.mu.Lock()
	var of *turn
	for turn := range g.inside {
		if turn.client == clients[0] {
			of = turn
		}
	}
	g.mu.Unlock()
	of.leave()
	if turn := <-first; turn == nil {
		t.Error("the first one in the queue did not get the place")
	}
}

func (g *gate) waiters() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.waiting.Len()
}

func TestGateQueue(t *testing.T) {
	g := newGate(1, 1)
	now := time.Now()
	cl, _ := testClient(&now)
	held, err := g.enter(t.Context(), cl, 0)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	left := make(chan error)
	go func() {
		_, err := g.enter(ctx, cl, 0)
		left <- err
	}()
	for g.waiters() == 0 {
		time.Sleep(time.Millisecond)
	}
	if _, err := g.enter(t.Context(), cl, 0); !errors.Is(err, errBusy) {
		t.Errorf("one too many: %v", err)
	}
	cancel()
	if err := <-left; !errors.Is(err, context.Canceled) || g.waiters() != 0 {
		t.Errorf("who leaves: %v, %d wait", err, g.waiters())
	}
	// The place is not given back before the wait has ended.
	if _, err := g.enter(t.Context(), cl, time.Millisecond); !errors.Is(err, context.DeadlineExceeded) || g.waiters() != 0 {
		t.Errorf("who waits for a bounded time: %v, %d wait", err, g.waiters())
	}
	held.leave()
	if again, err := g.enter(t.Context(), cl, 0); err != nil {
		t.Error(err)
	} else {
		again.leave()
	}
}

// TestALongTurnIsShared lets one in who waits while another one has been at it for long.
func TestALongTurnIsShared(t *testing.T) {
	g := newGate(1, 0)
	now := time.Now()
	cl, _ := testClient(&now)
	held, err := g.enter(t.Context(), cl, 0)
	if err != nil {
		t.Fatal(err)
	}
	if same, err := held.yield(t.Context()); same != held || err != nil {
		t.Errorf("yielded to nobody: %v", err)
	}
	held.since = held.since.Add(-2 * quantum)
	entered := make(chan *turn, 1)
	go func() {
		other, _ := g.enter(t.Context(), cl, 0)
		entered <- other
		other.leave()
	}()
	for g.waiters() == 0 {
		time.Sleep(time.Millisecond)
	}
	next, err := held.yield(t.Context())
	if err != nil || len(entered) != 1 {
		t.Fatalf("%v; %d were let in", err, len(entered))
	}
	next.leave()
	(*turn)(nil).leave()
	if none, err := (*turn)(nil).yield(t.Context()); none != nil || err != nil {
		t.Errorf("no turn: %v", err)
	}
}

// TestLittleWorkPassesMuch: who has little to do waits for less, but nobody for ever.
func TestLittleWorkPassesMuch(t *testing.T) {
	g := newGate(1, 0)
	queue := func(works ...float64) {
		for _, work := range works {
			g.queueLocked(nil, work)
		}
	}
	next := func() float64 { // its work
		clear(g.inside)
		g.admitLocked()
		for turn := range g.inside {
			return turn.work
		}
		t.Fatal("nobody is let in")
		return 0
	}
	queue(1000, 1001, 10, 10, 1000, 0)
	for i, want := range []float64{0, 10, 10, 1000, 1000, 1001} {
		if got := next(); got != want {
			t.Errorf("number %d has %v to do, want %v", i, got, want)
		}
	}
	queue(1000, 100)
	for passed := 0; ; passed++ {
		queue(100)
		if next() == 1000 {
			break
		}
		if passed > 100 {
			t.Fatal("who has much to do waits for ever")
		}
	}
}

// TestAgeGetsEverySecondPlace: who has waited for long is not passed by all who have less to do, nor
// passes all of them.
func TestAgeGetsEverySecondPlace(t *testing.T) {
	g := newGate(1, 0)
	for _, work := range []float64{1000, 1001} {
		old, _ := g.queueLocked(nil, work)
		old.asked = old.asked.Add(-maxPassed)
	}
	var got []float64
	for range 6 {
		g.queueLocked(nil, 0)
		clear(g.inside)
		g.admitLocked()
		for turn := range g.inside {
			got = append(got, turn.work)
		}
	}
	if want := []float64{1000, 0, 1001, 0, 0, 0}; !slices.Equal(got, want) {
		t.Errorf("let in by their work: %v, want %v", got, want)
	}
}
