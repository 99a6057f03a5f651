package ingest

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"
)

const (
	// maxJoined joined entries are on their way to the log at once, one that the log syncs and
	// one that comes next. Meanwhile what arrives is collected, as the packer does with messages.
	maxJoined = 2
	// joinedBacklog bounds the bytes of the bodies that wait, or are on their way. Others wait
	// for room, as long as their writers do.
	joinedBacklog = 16 << 20
	// bodyWeight is what a body counts for besides its bytes: its writer, and its share of an entry.
	bodyWeight = 512
)

// joiner makes entries of the bodies that are written over REST: one entry of many bodies if many
// arrive while others are on their way to the log. A body that arrives while nothing is on its
// way waits for nobody. Bodies of one entry have one default cluster. Each writer gets what
// became of its own lines. It is safe for concurrent use.
//
// The order of bodies matters only to one writer, who waits for each before the next one: so that
// the joiner, other than the packer, may give an entry to the log again without those behind it.
type joiner struct {
	in   *Ingest
	room *semaphore.Weighted // bytes
	due  chan struct{}       // tokens: there is an entry to be published

	mu sync.Mutex
	// Guarded by mu.
	open   map[string]*joinedEntry // those that take more bodies, by cluster
	queue  []*joinedEntry          // to be published, in the order of their first bodies
	unused [][]byte                // memory of lines
}

// joinedEntry is an entry of the bodies of one writer or several.
type joinedEntry struct {
	published chan struct{} // closed when the log has it or did not take it

	// Guarded by joiner.mu until it is taken from the queue, and not changed afterwards.
	cluster string
	lines   []byte
	weight  int64 // of its bodies
	writers writers
	until   time.Time // the last writer waits so long

	// Guarded by joiner.mu.
	staying int    // writers that wait
	id      string // under which they wait for it to be visible, if it was published
}

func newJoiner(in *Ingest) *joiner {
	return &joiner{
		in: in, room: semaphore.NewWeighted(joinedBacklog), due: make(chan struct{}, maxJoined), open: map[string]*joinedEntry{},
	}
}

// add puts the lines of one body, which are joinable, into an entry of at most size bytes. The
// caller calls leave when it does not wait any more. The outcome comes when the lines are visible
// or the entry is not in the log.
func (j *joiner) add(ctx context.Context, b *budget, cluster string, lines []byte, size int) (e *joinedEntry, done <-chan outcome, err error) {
	weight := int64(len(lines)) + bodyWeight
	if !j.room.TryAcquire(weight) {
		err := b.wait(ctx, func(ctx context.Context) error { return j.room.Acquire(ctx, weight) })
		if err != nil {
			return nil, nil, fmt.Errorf("append to %s: %d MiB of other writes wait already, nothing was written: %w", j.in.whereNow(), joinedBacklog>>20, j.in.whyNot(err))
		}
	}
	outcomes := make(chan outcome, 1)
	j.mu.Lock()
	defer j.mu.Unlock()
	e = j.open[cluster]
	if e == nil || len(e.lines)+len(lines)+len("\n") > size {
		e = &joinedEntry{published: make(chan struct{}), cluster: cluster}
		if last := len(j.unused) - 1; last >= 0 {
			e.lines = j.unused[last]
			j.unused = j.unused[:last]
		}
		j.open[cluster] = e
		j.queue = append(j.queue, e)
		j.wake()
	}
	e.lines = joinLines(e.lines, lines)
	e.weight += weight
	e.writers.ends = append(e.writers.ends, len(e.lines))
	e.writers.done = append(e.writers.done, outcomes)
	e.staying++
	if until := time.Now().Add(b.left); until.After(e.until) {
		e.until = until
	}
	return e, outcomes, nil
}

// leave says that one of the writers does not wait any more.
func (j *joiner) leave(e *joinedEntry) {
	j.mu.Lock()
	defer j.mu.Unlock()
	e.staying--
	j.forgetLocked(e)
}

// forgetLocked ends the wait for an entry to be visible if nobody waits.
func (j *joiner) forgetLocked(e *joinedEntry) {
	if e.staying == 0 && e.id != "" {
		j.in.waiters.remove(e.id)
	}
}

// wake tells run that there is an entry to be published.
func (j *joiner) wake() {
	select {
	case j.due <- struct{}{}:
	default: // all of them are told
	}
}

// start publishes entries until stop is called or ctx ends. When stop returns, nothing is on its
// way any more.
func (j *joiner) start(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var g sync.WaitGroup
	for range maxJoined {
		g.Go(func() { j.run(ctx) })
	}
	return func() {
		cancel()
		g.Wait()
	}
}

func (j *joiner) run(ctx context.Context) {
	var compressed []byte
	for ctx.Err() == nil {
		if e := j.take(); e != nil {
			j.publish(ctx, e, &compressed)
			continue
		}
		select {
		case <-j.due:
		case <-ctx.Done():
		}
	}
}

// take returns the entry that comes next, nil if there is none. It takes no more bodies.
func (j *joiner) take() *joinedEntry {
	j.mu.Lock()
	defer j.mu.Unlock()
	for len(j.queue) > 0 {
		e := j.queue[0]
		j.queue = slices.Delete(j.queue, 0, 1)
		if j.open[e.cluster] == e {
			delete(j.open, e.cluster)
		}
		if e.staying > 0 {
			return e
		}
		j.recycleLocked(e)
	}
	return nil
}

// publish gives an entry to the log, or the outbox, and tells its writers if neither takes it.
// One attempt is made, also for a writer who hardly waits any more.
func (j *joiner) publish(ctx context.Context, e *joinedEntry, compressed *[]byte) {
	b := budget{left: max(time.Until(e.until), ackTimeout)}
	id, err := j.in.publish(ctx, &b, &outgoing{cluster: e.cluster, writers: &e.writers, data: e.lines, scratch: compressed})
	if err != nil {
		e.writers.tellAll(outcome{err: err})
	}
	close(e.published)
	j.mu.Lock()
	defer j.mu.Unlock()
	e.id = id
	j.forgetLocked(e)
	j.recycleLocked(e)
}

// recycleLocked lets go of the lines of an entry.
func (j *joiner) recycleLocked(e *joinedEntry) {
	j.room.Release(e.weight)
	if len(j.unused) < 2*maxJoined {
		j.unused = append(j.unused, e.lines[:0])
	}
	e.lines = nil
}

// shrink lets go of the memory for lines that is not in use.
func (j *joiner) shrink() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.unused = nil
}
