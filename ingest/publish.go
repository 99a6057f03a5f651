package ingest

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
)

const (
	// How long a writer waits for the log, in all for a body of one entry. The
	// collector's sink, whose bodies are small, gives up after 5 s.
	writeTimeout = 4 * time.Second
	// The log is asked again if it does not acknowledge within this time: the
	// answer may have been lost on the way.
	ackTimeout = time.Second
)

// budget is the time that a writer still waits for the log. What it does
// meanwhile on its own, such as reading a body, costs nothing.
type budget struct{ left time.Duration }

// renew gives a writer of several entries the whole time again, as one of them
// is done.
func (b *budget) renew() { b.left = max(b.left, writeTimeout) }

// wait calls do with a context that ends when the budget is used up.
func (b *budget) wait(ctx context.Context, do func(context.Context) error) error {
	begin := time.Now()
	ctx, cancel := context.WithTimeout(ctx, b.left)
	defer cancel()
	err := do(ctx)
	b.left -= time.Since(begin)
	return err
}

// Free appends a free to the log and returns when it has taken effect, with the
// number of series' blocks freed. before is in Unix seconds; store.Free tells
// what a selector is. To repeat it is harmless.
func (in *Ingest) Free(ctx context.Context, selectors [][]string, before int64) (int, error) {
	b := budget{writeTimeout}
	l, err := in.awaitLog(ctx, &b)
	if err != nil {
		return 0, err
	}
	m := nats.NewMsg(l.frees)
	if m.Data, err = json.Marshal(freeRequest{selectors, before}); err != nil {
		return 0, fmt.Errorf("encode the free: %w", err)
	}
	id, done, err := in.publish(ctx, &b, l, m)
	if err != nil {
		return 0, err
	}
	defer in.waiters.remove(id)
	o, err := in.await(ctx, &b, done)
	return o.freed, err
}

// awaitLog returns the log, for which it waits a while.
func (in *Ingest) awaitLog(ctx context.Context, b *budget) (l *logStream, err error) {
	err = b.wait(ctx, func(ctx context.Context) error {
		for {
			var reached <-chan struct{}
			var problem error
			if l, reached, problem = in.state.current(); l != nil {
				return nil
			}
			select {
			case <-reached:
			case <-ctx.Done():
				return fmt.Errorf("append to stream %s: the log is not reached, nothing was written: %w", in.cfg.Stream.Name, problem)
			}
		}
	})
	return l, err
}

// publish appends m to the log, with an id under which it can be repeated and
// awaited, and returns when the log has acknowledged it.
func (in *Ingest) publish(ctx context.Context, b *budget, l *logStream, m *nats.Msg) (id string, done <-chan outcome, err error) {
	id = rand.Text()
	m.Header.Set(nats.MsgIdHdr, id)
	done = in.waiters.add(id)
	err = b.wait(ctx, func(ctx context.Context) error { return in.publishRepeatedly(ctx, l, m) })
	if err != nil {
		in.waiters.remove(id)
		return "", nil, err
	}
	return id, done, nil
}

// publishRepeatedly publishes m until the log acknowledges it: by its id the log
// knows an entry that it already has.
func (in *Ingest) publishRepeatedly(ctx context.Context, l *logStream, m *nats.Msg) error {
	for attempt := 0; ; attempt++ {
		once, cancel := context.WithTimeout(ctx, ackTimeout)
		_, err := l.js.PublishMsg(once, m)
		cancel()
		in.writable.note(err)
		if err == nil {
			return nil
		}
		select {
		case <-time.After(reconnectDelay(attempt)):
		case <-ctx.Done():
			return fmt.Errorf("append to %s: no acknowledgement, the entry may be in the log nevertheless, and to send it again is harmless: %w", in.where(l), err)
		}
	}
}

// await returns what became of an entry of the log.
func (in *Ingest) await(ctx context.Context, b *budget, done <-chan outcome) (o outcome, err error) {
	err = b.wait(ctx, func(ctx context.Context) error {
		select {
		case o = <-done:
			return nil
		case <-ctx.Done():
		}
		if errors.Is(ctx.Err(), context.Canceled) {
			return ctx.Err()
		}
		return fmt.Errorf("the entry is in the log but not visible yet (the store is %d entries behind): there is no need to send it again", in.Stats().LagEntries)
	})
	return o, err
}

// where names the log for an operator.
func (in *Ingest) where(l *logStream) string {
	if l.embedded {
		return "stream " + l.name + " of the embedded nats-server"
	}
	link := "not connected"
	if l.nc.IsConnected() {
		link = "connected"
	}
	return fmt.Sprintf("stream %s on %s (%s)", l.name, withoutPasswords(in.cfg.Broker.URL), link)
}

// withoutPasswords cuts the credentials off a list of addresses.
func withoutPasswords(addresses string) string {
	list := strings.Split(addresses, ",")
	for i, a := range list {
		if at := strings.LastIndexByte(a, '@'); at >= 0 {
			list[i] = a[at+1:]
		}
	}
	return strings.Join(list, ",")
}
