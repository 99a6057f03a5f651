package test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
)

// stressed reports whether the tests are to take their time: make stress.
func stressed() bool { return os.Getenv("STRESS") != "" }

// writer writes the samples of one host: new slots, and later values for slots
// that have one, in sealed blocks as well as in open ones.
type writer struct {
	host  string
	rnd   *rand.Rand
	next  int     // new slot
	last  float64 // value: each is another one
	send  func(ctx context.Context, lines string) error
	fresh bool // only new slots
	// firm: a message that fails, or is not acknowledged within resendAfter, is sent
	// again until it is acknowledged or the load ends. Otherwise the first failure
	// ends the writer.
	firm bool
}

// resendAfter is for acknowledgements that may have gone with a broker.
const resendAfter = 10 * time.Second

// lastSlot is the last slot that a writer begins: later ones would lie in the future, and be
// refused. A quick machine comes there in a long run.
const lastSlot = 500_000

// message returns what is sent at once.
func (w *writer) message() (samples []sample) {
	for range 1 + w.rnd.IntN(12) {
		w.last++
		s := sample{w.next, w.last}
		if w.next > lastSlot || w.next > 0 && !w.fresh && w.rnd.IntN(4) == 0 {
			s.slot = max(w.next-1-w.rnd.IntN(300), 0)
		} else {
			w.next++
		}
		samples = append(samples, s)
	}
	return samples
}

func (w *writer) lines(samples []sample) string {
	var b strings.Builder
	for _, s := range samples {
		b.WriteString(line(w.host, "cpu_load", s.value, origin+60*int64(s.slot)))
	}
	return b.String()
}

// try sends the samples once.
func (w *writer) try(ctx context.Context, samples []sample) error {
	if w.firm {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, resendAfter)
		defer cancel()
	}
	return w.send(ctx, w.lines(samples))
}

// overNATS returns a way to send messages to url that are acknowledged, and the
// connection that they take.
func overNATS(t *testing.T, url string, options ...nats.Option) (send func(context.Context, string) error, c *client) {
	t.Helper()
	c = connect(t, url, append(options, nats.ReconnectBufSize(-1))...)
	return func(ctx context.Context, lines string) error {
		_, err := c.tryPublish(ctx, subject, lines)
		return err
	}, c
}

// overREST returns a way to write over REST, with the node that is there then.
func overREST(n **node) func(context.Context, string) error {
	return func(_ context.Context, lines string) error {
		a, err := (*n).try("POST", "/api/write?cluster=alex", lines)
		if err == nil && a.status != 200 {
			err = fmt.Errorf("%d %s", a.status, a.body)
		}
		return err
	}
}

// writing is a load that goes on.
type writing struct {
	oracle  *oracle
	writers []*writer
	moment  int64
	at      func() // called once, by the writer whose message is number moment

	cancel context.CancelFunc
	done   sync.WaitGroup
	acked  atomic.Int64 // messages

	ending  atomic.Bool           // writes may fail
	failure atomic.Pointer[error] // of a writer that gave up although they may not
}

// load is a load that begins with begin, and calls at when so many messages are
// acknowledged.
func (o *oracle) load(writers []*writer, moment int, at func()) *writing {
	return &writing{oracle: o, writers: writers, moment: int64(moment), at: at}
}

// begin lets all writers write until end is called.
func (l *writing) begin(ctx context.Context) {
	ctx, l.cancel = context.WithCancel(ctx)
	for _, w := range l.writers {
		l.done.Go(func() { l.write(ctx, w) })
	}
}

func (l *writing) write(ctx context.Context, w *writer) {
	for ctx.Err() == nil {
		samples := w.message()
		l.oracle.sent(w.host, samples)
		for {
			err := w.try(ctx, samples)
			if err == nil {
				break
			}
			if ctx.Err() != nil {
				return
			}
			if !w.firm {
				if !l.ending.Load() {
					l.failure.Store(&err)
				}
				return
			}
		}
		l.oracle.acknowledged(w.host, samples)
		if l.acked.Add(1) == l.moment {
			l.at()
		}
	}
}

// awaitAcked returns when so many more messages are acknowledged.
func (l *writing) awaitAcked(t *testing.T, more int) {
	t.Helper()
	want := l.acked.Load() + int64(more)
	waitFor(t, "writes to be acknowledged", func() error {
		if got := l.acked.Load(); got < want {
			return fmt.Errorf("%d of %d are", got, want)
		}
		return nil
	})
}

// end stops the writers. None of them may have given up before.
func (l *writing) end(t *testing.T) {
	t.Helper()
	l.ending.Store(true)
	l.cancel()
	l.done.Wait()
	if err := l.failure.Load(); err != nil {
		t.Errorf("a write failed: %v", *err)
	}
}
