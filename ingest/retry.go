package ingest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"
)

const (
	// apiTimeout bounds each request to a server. Twice, with a pause, is less than the
	// ten seconds within which an operator is told what is wrong.
	apiTimeout = 4 * time.Second
	// writeTimeout is how long a writer waits for the log, in all for a body of one
	// entry. The collector's sink, whose bodies are small, gives up after 5 s.
	writeTimeout = 4 * time.Second
	// clusterWriteTimeout is the same in a cluster of embedded servers, which takes 4 to 9 s to
	// choose another leader for the log. To send the lines again after 5 s is harmless.
	clusterWriteTimeout = 12 * time.Second
	// ackTimeout is how long an acknowledgement may take before the entry is sent
	// again: it may have been lost on the way.
	ackTimeout = time.Second
	// repeatLog is the interval in which something that lasts is logged.
	repeatLog = time.Minute
)

// retry paces the repetition of something that a server has to do, and tells the
// operator about it: at the second failure, and then once a minute. It is used by one
// goroutine.
type retry struct {
	what   string // such as: open stream CC_METRICS
	logger *slog.Logger
	failed func(error) // is told each failure, with advice

	attempts int
	said     onceAMinute
}

// wait returns after a delay that grows with each attempt, or with the error of ctx.
func (r *retry) wait(ctx context.Context, cause error) error {
	r.failed(fmt.Errorf("%s: %w", r.what, advised(cause)))
	r.attempts++
	if r.attempts > 1 && r.said.due() {
		r.logger.Warn("trying again: "+r.what+"; "+remedy(cause), "error", cause)
	}
	return pause(ctx, reconnectDelay(r.attempts))
}

// again waits until the log is to be read again after err. There is no delay after an
// interruption with progress, a short one without, and a growing one after any other
// error. There is a short one, too, when the broker has forgotten the consumer: if the
// stream was deleted, the server is still removing its files, and would remove those of
// one that is created meanwhile.
func (r *retry) again(ctx context.Context, err error, progress bool) error {
	if progress {
		r.attempts = 0
	}
	switch {
	case !errors.Is(err, errInterrupted):
		return r.wait(ctx, err)
	case !progress || errors.Is(err, errGone):
		return pause(ctx, reconnectDelay(0))
	}
	return nil
}

// reconnectDelay grows from a quarter of a second to five seconds; the random part
// keeps the nodes of a cluster from coming back all at once.
func reconnectDelay(attempts int) time.Duration {
	d := 250 * time.Millisecond << min(attempts, 4)
	return min(d, 5*time.Second)*3/4 + rand.N(d/4)
}

// appendDelay is reconnectDelay for what is to be appended to the log. It stays below half a
// second: lines wait in memory, and another server may lead the log any moment.
func appendDelay(attempts int) time.Duration { return reconnectDelay(min(attempts, 1)) }

// pause returns after d, or with the error of ctx.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// withTimeout calls do with a context that ends after apiTimeout.
func withTimeout(ctx context.Context, do func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, apiTimeout)
	defer cancel()
	return do(ctx)
}

// budget is the time that a writer still waits for the log. What it does meanwhile on
// its own, such as reading a body, costs nothing.
type budget struct{ left, whole time.Duration }

// newBudget returns the whole time.
func (in *Ingest) newBudget() budget {
	if in.cfg.Clustered {
		return budget{clusterWriteTimeout, clusterWriteTimeout}
	}
	return budget{writeTimeout, writeTimeout}
}

// renew gives a writer of several entries the whole time again, as one of them is done.
func (b *budget) renew() { b.left = max(b.left, b.whole) }

// wait calls do with a context that ends when the budget is used up.
func (b *budget) wait(ctx context.Context, do func(context.Context) error) error {
	begin := time.Now()
	ctx, cancel := context.WithTimeout(ctx, b.left)
	defer cancel()
	err := do(ctx)
	b.left -= time.Since(begin)
	return err
}

// onceAMinute says when something that lasts is logged again. The zero value is due.
type onceAMinute struct{ last time.Time }

func (o *onceAMinute) due() bool {
	now := time.Now()
	if now.Sub(o.last) < repeatLog {
		return false
	}
	o.last = now
	return true
}

// onceAMinuteEach is onceAMinute for each of many texts. It is safe for concurrent use.
type onceAMinuteEach struct {
	mu   sync.Mutex
	last map[string]*onceAMinute // guarded by mu
}

// maxTexts bounds what is remembered of a server that says always something else.
const maxTexts = 64

func (o *onceAMinuteEach) due(text string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.last) >= maxTexts && o.last[text] == nil {
		clear(o.last)
	}
	if o.last == nil {
		o.last = map[string]*onceAMinute{}
	}
	if o.last[text] == nil {
		o.last[text] = &onceAMinute{}
	}
	return o.last[text].due()
}
