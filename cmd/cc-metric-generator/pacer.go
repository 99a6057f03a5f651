package main

import (
	"context"
	"sync"
	"time"
)

// maxBacklog is how much of the time lost by a slow target a pacer makes up
// for. More would turn a pause into a burst.
const maxBacklog = time.Second

// pacer limits the samples per second of all connections together. It is safe for
// concurrent use.
type pacer struct {
	rate float64 // samples per second; 0 is unlimited

	mu   sync.Mutex
	next time.Time // when the next message may go; guarded by mu
}

// wait returns when n more samples may be sent, or with the cause of ctx's end.
func (p *pacer) wait(ctx context.Context, n int) error {
	if p.rate == 0 {
		return context.Cause(ctx)
	}
	now := time.Now()
	p.mu.Lock()
	if earliest := now.Add(-maxBacklog); p.next.IsZero() {
		p.next = now
	} else if p.next.Before(earliest) {
		p.next = earliest
	}
	at := p.next
	p.next = at.Add(time.Duration(float64(n) / p.rate * float64(time.Second)))
	p.mu.Unlock()
	return sleep(ctx, at.Sub(now))
}
