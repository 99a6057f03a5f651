package rest

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"

	"cc-metric-store/store"
)

// Rows of a request that takes long are answered by helpers on all cores, part by part, and
// sent in their order. The cost of a row is about the time of so many cells, and at least a
// twenty-fifth of its bytes.
const (
	// rowCost is what a row costs besides, and seriesCost each of its series. Of the runs of
	// its host, some are combined. An error repeats the metric, each byte in up to six.
	rowCost      = 64
	seriesCost   = 16
	runsPerCell  = 8
	bytesPerCell = 4
	// partCost is about what a part costs, some 0.2 ms: to hand it over takes some
	// microseconds. Most parts of this size fit a buffer.
	partCost = 1 << 13
	// Up to fewParts, the goroutine of the request makes the answer alone: it takes a
	// millisecond, and on busy cores helpers would cost more CPU than they save.
	fewParts = 5
	// directCost is the cost from which a row is not kept in memory: the goroutine of
	// the request makes it, and sends it meanwhile.
	directCost = 1 << 16
)

// helpers bounds what helpers take of the machine. It is safe for concurrent use.
type helpers struct {
	// cores has a token for each part that is being made, as many as there are cores. It is
	// held for the work alone, and not while a client reads.
	cores chan struct{}
	// requests has a token for each request with parts in memory. A request that finds none
	// goes without helpers.
	requests chan struct{}
}

// requestsPerCore bounds the requests with parts in memory: clients that do not read may keep
// theirs for a while.
const requestsPerCore = 8

func newHelpers(cores int) *helpers {
	if cores < 2 {
		return &helpers{} // nothing can be sent to a nil channel
	}
	return &helpers{make(chan struct{}, cores), make(chan struct{}, requestsPerCore*cores)}
}

// enter reports whether a request may have helpers. Then the caller calls leave in the end.
func (h *helpers) enter() bool {
	select {
	case h.requests <- struct{}{}:
		return true
	default:
		return false
	}
}

func (h *helpers) leave() { <-h.requests }

// answerPart is a row, or some in a row, on their way to the answer.
type answerPart struct {
	first, end int
	isDirect   bool
	reply      *reply        // what a helper made of it
	done       chan struct{} // closed when a helper has done it, or given up
	err        error
	panicked   string // with the stack
}

// setCost sets what a query costs that is checked.
func (i *queryItem) setCost(c store.Cost) {
	i.cost = rowCost + c.Cells + c.Series*seriesCost + c.Runs/runsPerCell + len(i.Metric)/bytesPerCell
}

// isDirect reports whether the goroutine of the request makes the row, and no helper.
func (i *queryItem) isDirect() bool { return i.cost >= directCost }

// answerRows appends all rows.
func (q *queryRun) answerRows(ctx context.Context) error {
	rows := q.countRows()
	if parts := q.helpCost / partCost; rows > 1 && parts > fewParts && q.helpers.enter() {
		defer q.helpers.leave()
		return q.answerParts(ctx, min(parts, rows, cap(q.helpers.cores)))
	}
	var room queryItem
	cost := 0 // since the last look at the clock
	for row := range rows {
		item := q.row(row, &room)
		if cost += item.cost; cost > partCost {
			cost = 0
			if err := q.yield(ctx, row); err != nil {
				return err
			}
		}
		if err := q.answerer.answer(ctx, row, item); err != nil {
			return err
		}
	}
	return nil
}

// answerParts is answerRows with helpers. So many parts and one more are in memory at once.
func (q *queryRun) answerParts(ctx context.Context, helpers int) error {
	ahead := helpers + 1
	jobs := make(chan *answerPart, ahead)
	ctx, cancel := context.WithCancel(ctx)
	var helping sync.WaitGroup
	for range helpers {
		helping.Go(func() {
			w := newRowAnswerer(q.store, q.req, q.answerer.resampling)
			for p := range jobs {
				q.help(ctx, w, p)
			}
		})
	}
	var pending []*answerPart
	defer func() {
		cancel()
		close(jobs)
		helping.Wait()
		for _, p := range pending { // after an error
			p.reply.release()
		}
	}()
	rows, next := q.countRows(), 0
	for next < rows || len(pending) > 0 {
		for next < rows && len(pending) < ahead {
			p := q.nextPart(next, rows)
			next = p.end
			pending = append(pending, p)
			if !p.isDirect {
				jobs <- p // there is room for all that are pending
			}
		}
		p := pending[0]
		if err := q.yield(ctx, p.first); err != nil {
			return err
		}
		if err := q.finishPart(ctx, p); err != nil {
			return err
		}
		p.reply.release()
		pending = pending[1:]
	}
	return nil
}

// nextPart returns the part that begins with a row.
func (q *queryRun) nextPart(first, rows int) *answerPart {
	p := &answerPart{first: first, end: first, reply: q.reply.newPart(), done: make(chan struct{})}
	var room queryItem
	for cost := 0; p.end < rows; p.end++ {
		item := q.row(p.end, &room)
		if item.isDirect() {
			if p.isDirect = p.end == first; p.isDirect {
				p.end++
			}
			break
		}
		if cost += item.cost; cost > partCost && p.end > first {
			break
		}
	}
	return p
}

// help makes a part, when a core is free for that.
func (q *queryRun) help(ctx context.Context, w *rowAnswerer, p *answerPart) {
	defer close(p.done)
	select {
	case q.helpers.cores <- struct{}{}:
		defer func() { <-q.helpers.cores }()
	case <-ctx.Done():
		p.err = fmt.Errorf("answer query %d: %w", p.first, ctx.Err())
		return
	}
	defer func() {
		if cause := recover(); cause != nil {
			p.panicked = fmt.Sprintf("%v\n%s", cause, debug.Stack())
		}
	}()
	w.reply = p.reply
	var room queryItem
	for row := p.first; row < p.end && p.err == nil; row++ {
		p.err = w.answer(ctx, row, q.row(row, &room))
	}
}

// finishPart appends a part to the answer when a helper has made it, or makes it.
func (q *queryRun) finishPart(ctx context.Context, p *answerPart) error {
	if p.isDirect {
		var room queryItem
		return q.answerer.answer(ctx, p.first, q.row(p.first, &room))
	}
	<-p.done // helpers end with ctx
	if p.panicked != "" {
		panic(p.panicked)
	}
	if p.err != nil {
		return p.err
	}
	return q.reply.join(p.reply)
}
