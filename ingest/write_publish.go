package ingest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"cc-metric-store/store"
)

// outgoing is an entry that is to be written.
type outgoing struct {
	id      string // its Nats-Msg-Id, by which it can be repeated, and awaited
	writers *writers
	cluster string // of lines that name none
	data    []byte
	free    bool
	scratch *[]byte // memory to compress the data, unless it is a free request
}

// msg returns it as a NATS message under the subject.
func (e *outgoing) msg(subject string) *nats.Msg {
	m := nats.NewMsg(subject)
	m.Data = e.data
	m.Header.Set(nats.MsgIdHdr, e.id)
	if e.cluster != "" {
		m.Header.Set(headerCluster, e.cluster)
	}
	if e.free {
		return m
	}
	if block := compress(e.scratch, e.data); block != nil {
		m.Data = block
		m.Header.Set(headerEncoding, encodingS2)
	}
	return m
}

// awaitStart returns when the store holds what it is to hold at the start.
func (in *Ingest) awaitStart(ctx context.Context, b *budget) error {
	if in.replay.hasBegun() {
		return nil
	}
	return b.wait(ctx, func(ctx context.Context) error {
		select {
		case <-in.replay.begun:
			return nil
		case <-ctx.Done():
			if in.replay.hasBegun() || errors.Is(ctx.Err(), context.Canceled) {
				return ctx.Err()
			}
			return fmt.Errorf("append to stream %s: the program is still starting, nothing was written", in.cfg.Stream.Name)
		}
	})
}

// publish appends an entry to the log, or to the outbox if the log is out of reach, and
// returns when it is acknowledged. Its writers get the outcome when the entry is visible; id is
// the one under which they wait. If it fails, nobody waits.
func (in *Ingest) publish(ctx context.Context, b *budget, e *outgoing) (id string, err error) {
	e.id = rand.Text()
	r := in.route(ctx, b)
	if r.to == toLog {
		in.waiters.add(e.id, e.writers)
		err = b.wait(ctx, func(ctx context.Context) error { return in.publishToLog(ctx, r, e) })
		if err == nil {
			return e.id, nil
		}
		in.waiters.remove(e.id)
		r = r.afterFailure(err)
	}
	if r.to == nowhere || ctx.Err() != nil {
		return "", r.why
	}
	err = b.wait(ctx, func(ctx context.Context) (err error) { return in.outbox.put(ctx, e) })
	if err != nil {
		return "", fmt.Errorf("%w; nor could it be kept to be forwarded: %w", r.why, err)
	}
	return e.id, nil
}

// isAtFault reports whether an entry was not taken for what it is, which says nothing
// about the log: to send it again is of no use.
func isAtFault(err error) bool {
	var api *jetstream.APIError
	if errors.As(err, &api) {
		return api.ErrorCode == longHeaderCode
	}
	return errors.Is(err, nats.ErrMaxPayload) || errors.Is(err, nats.ErrBadHeaderMsg)
}

// longHeaderCode is JetStream's error for a message with more than 64 KiB of headers.
const longHeaderCode = 10097

// publishToLog publishes an entry until the log acknowledges it: by its id the log knows
// an entry that it has already.
func (in *Ingest) publishToLog(ctx context.Context, r route, e *outgoing) error {
	if r.fallsBack() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, r.until)
		defer cancel()
	}
	l, subject := r.stream, r.stream.writes
	if e.free {
		subject = l.frees
	}
	m := e.msg(subject)
	for attempt := 0; ; attempt++ {
		if r.fallsBack() && !l.nc.IsConnected() {
			return fmt.Errorf("append to %s: %w", in.where(l), errOutOfReach)
		}
		once, cancel := context.WithTimeout(ctx, ackTimeout)
		err := in.ask(once, l, func(ctx context.Context) error {
			_, err := l.js.PublishMsg(ctx, m)
			return err
		})
		cancel()
		in.writable.record(err)
		if err == nil {
			return nil
		}
		if isAtFault(err) {
			return fmt.Errorf("append to %s: %w", in.where(l), &store.TooLargeError{Bytes: len(m.Data), Cause: err})
		}
		select {
		case <-time.After(appendDelay(attempt)):
		case <-ctx.Done():
			return fmt.Errorf("append to %s: %s: %w", in.where(l), unacknowledged, err)
		}
	}
}

// await returns what became of an entry. published is closed when the log has it, nil if that is
// known. One that is visible already is not done before: until then it may be given to the log
// again, and would come after what its writer writes next.
func (in *Ingest) await(ctx context.Context, b *budget, done <-chan outcome, published <-chan struct{}) (o outcome, err error) {
	begin := time.Now()
	over := time.NewTimer(b.left)
	defer func() {
		over.Stop()
		b.left -= time.Since(begin)
	}()
	told := false
	select {
	case o = <-done:
		if o.err != nil || published == nil {
			return o, o.err
		}
		told = true
		select {
		case <-published:
			return o, nil
		case <-over.C:
		case <-ctx.Done():
		}
	case <-over.C:
	case <-ctx.Done():
	}
	if errors.Is(ctx.Err(), context.Canceled) {
		return o, ctx.Err()
	}
	if published != nil {
		select {
		case <-published:
		default:
			return o, fmt.Errorf("append to %s: %s: %w", in.whereNow(), unacknowledged, in.whyNot(context.DeadlineExceeded))
		}
	}
	if told {
		return o, nil
	}
	// The attempt to publish ends when the wait does, and who waits is told of a failure before
	// published is closed: an entry that the log did not take is not to be called one that it has.
	select {
	case o = <-done:
		return o, o.err
	default:
	}
	return o, fmt.Errorf("the entry is in the log but not visible yet (the store is %d entries behind): there is no need to send it again", in.Stats().LagEntries)
}

// unacknowledged says what a writer has to know of an entry without an acknowledgement.
const unacknowledged = "no acknowledgement, the entry may be in the log nevertheless, and to send it again is harmless"

// whyNot returns why the log does not take what is written, err if that is not known.
func (in *Ingest) whyNot(err error) error {
	if problem := in.writable.err(); problem != nil && !errors.Is(err, context.Canceled) {
		return problem
	}
	return err
}

// whereNow names the log, open or not.
func (in *Ingest) whereNow() string {
	if l, _, _ := in.state.current(); l != nil {
		return in.where(l)
	}
	return "stream " + in.cfg.Stream.Name
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
