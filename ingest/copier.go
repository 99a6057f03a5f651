package ingest

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	// What the embedded log is given before its acknowledgements are awaited;
	// the last message may exceed it.
	copyBytes    = 32 << 20
	copyMessages = 1024
)

// copier appends the messages that a bridge hands over to the embedded log.
type copier struct {
	b      *bridge
	js     jetstream.JetStream
	logged time.Time
}

// part is a piece of a message, which the log takes as one entry.
type part struct {
	msg  *nats.Msg
	last bool // of its message
}

func newCopier(b *bridge) (*copier, error) {
	js, err := jetstream.New(b.log.nc,
		jetstream.WithPublishAsyncMaxPending(copyMessages), jetstream.WithPublishAsyncTimeout(apiTimeout))
	if err != nil {
		return nil, fmt.Errorf("prepare to copy messages: %w", err)
	}
	return &copier{b: b, js: js}, nil
}

// run copies until there is nothing more to come, or ctx ends.
func (c *copier) run(ctx context.Context) {
	defer c.js.CleanupPublisher()
	for {
		parts, more := c.collect()
		c.store(ctx, parts)
		if !more {
			return
		}
	}
}

// collect waits for a message and takes what else is there, up to a limit.
func (c *copier) collect() (parts []part, more bool) {
	limit := int(c.b.log.nc.MaxPayload()) - headerRoom
	m, more := <-c.b.arrived
	for size := 0; more; {
		size += len(m.Data)
		pieces := split(m.Data, limit)
		for i, data := range pieces {
			p := part{&nats.Msg{Subject: m.Subject, Data: data, Header: nats.Header{}}, i == len(pieces)-1}
			p.rename()
			parts = append(parts, p)
		}
		if size >= copyBytes || len(parts) >= copyMessages {
			break
		}
		select {
		case m, more = <-c.b.arrived:
			continue
		default:
		}
		break
	}
	return parts, more
}

// rename gives the part an id under which the log does not know it.
func (p part) rename() { p.msg.Header.Set(nats.MsgIdHdr, rand.Text()) }

// store appends the parts in their order and tries again until the log has all
// of them, or ctx ends.
func (c *copier) store(ctx context.Context, parts []part) {
	for attempt := 0; len(parts) > 0; attempt++ {
		n, err := c.append(ctx, parts)
		c.b.in.writable.note(err)
		if n > 0 {
			attempt = 0
		}
		c.b.in.counters.bridged.Add(messages(parts[:n]))
		if parts = parts[n:]; len(parts) == 0 {
			return
		}
		c.b.countDropped()
		if time.Since(c.logged) >= repeatLog {
			c.logged = time.Now()
			c.b.in.log.Error("the embedded log does not take the messages of the broker: trying again; they are lost when too many wait",
				"subject", parts[0].msg.Subject, "not_copied", c.b.in.counters.notBridged.Load(), "error", err)
		}
		select {
		case <-time.After(reconnectDelay(attempt)):
		case <-ctx.Done():
			c.b.in.counters.notBridged.Add(messages(parts))
			return
		}
	}
}

// append gives all parts to the log and returns how many at the front it has.
// What it has behind a part that failed is given to it again, so that the later
// one of two samples stays the later one.
func (c *copier) append(ctx context.Context, parts []part) (n int, err error) {
	var acks []jetstream.PubAckFuture
	for _, p := range parts {
		// Without repetitions by the library, which would change the order.
		ack, sendErr := c.js.PublishMsgAsync(p.msg, jetstream.WithRetryAttempts(0), jetstream.WithStallWait(apiTimeout))
		if sendErr != nil {
			err = sendErr
			break
		}
		acks = append(acks, ack)
	}
	failed := len(acks)
	for i, ack := range acks {
		select {
		case <-ack.Ok():
			if i > failed {
				parts[i].rename()
			}
		case cause := <-ack.Err():
			if i < failed {
				failed, err = i, cause
			}
		case <-ctx.Done():
			return min(i, failed), ctx.Err()
		}
	}
	return failed, err
}

// messages counts those whose last part is among the parts.
func messages(parts []part) (n int64) {
	for _, p := range parts {
		if p.last {
			n++
		}
	}
	return n
}

// split cuts a message that is larger than the log takes at the ends of lines.
func split(data []byte, limit int) [][]byte {
	var parts [][]byte
	for len(data) > limit {
		cut := lastLine(data[:limit])
		if cut == 0 { // one line longer than any that is read
			cut = limit
		}
		parts = append(parts, data[:cut])
		data = data[cut:]
	}
	return append(parts, data)
}
