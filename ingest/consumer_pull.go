package ingest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
)

const (
	// What the broker may send ahead; at least one largest message.
	fetchAhead    = 8 << 20
	fetchMessages = 2048
	// The broker sends a sign of life in this interval when there is nothing else.
	// A consumer that hears nothing for more than twice as long is reset.
	heartbeat = 5 * time.Second
	// The same in a cluster of embedded servers, where the consumer is on any of them, and the
	// answers are as old as what is not heard of its end.
	clusterHeartbeat = time.Second
)

// heartbeat returns how often a consumer of the log is to hear of the broker.
func (in *Ingest) heartbeat(l *logStream) time.Duration {
	if in.cfg.Clustered || l.byIntakes {
		return clusterHeartbeat
	}
	return heartbeat
}

// orderedConsumer reads entries in the order of the log, through an ephemeral consumer of
// the stream. Like the ordered consumer of nats.go it acknowledges nothing, and is replaced
// by another one on any doubt. It speaks the pull protocol itself: nats.go takes an entry
// without data, whose headers look like a message of JetStream's own, for one of these.
// Here they are told apart by their subject, which a publisher cannot choose: an entry
// comes under its own, and what JetStream says to the consumer under the consumer's inbox.
//
// It is used by one goroutine.
type orderedConsumer struct {
	nc      *nats.Conn
	name    string // of the consumer, on the server
	request string // subject of the requests
	bytes   int    // what the broker may send for one request
	beat    time.Duration
	sub     *nats.Subscription
	in      chan *nats.Msg

	asked int  // entries that the broker may still send
	large bool // the next entry is larger than bytes
}

// newOrderedConsumer subscribes to what the consumer of the stream is to deliver.
func newOrderedConsumer(nc *nats.Conn, stream, consumer string, beat time.Duration) (*orderedConsumer, error) {
	c := &orderedConsumer{
		nc:      nc,
		beat:    beat,
		name:    consumer,
		request: "$JS.API.CONSUMER.MSG.NEXT." + stream + "." + consumer,
		bytes:   max(fetchAhead, int(nc.MaxPayload())+1<<20),
		// Room for all that is asked for, and for what JetStream says beside.
		in: make(chan *nats.Msg, 2*fetchMessages),
	}
	var err error
	if c.sub, err = nc.ChanSubscribe(nc.NewInbox(), c.in); err != nil {
		return nil, fmt.Errorf("subscribe to the entries: %w", err)
	}
	return c, nil
}

// close ends the subscription.
func (c *orderedConsumer) close() { _ = c.sub.Unsubscribe() } // fails if the connection is closed, and with it all is done

// pullRequest asks a consumer for entries.
type pullRequest struct {
	Expires   time.Duration `json:"expires,omitempty"`
	Batch     int           `json:"batch"`
	MaxBytes  int           `json:"max_bytes,omitempty"`
	NoWait    bool          `json:"no_wait,omitempty"`
	Heartbeat time.Duration `json:"idle_heartbeat,omitempty"`
}

// pull asks for more entries when less than half of what may be ahead is.
func (c *orderedConsumer) pull() error {
	if c.asked > fetchMessages/2 {
		return nil
	}
	// A request is repeated when it expires, and shows whether the broker still allows it.
	req := pullRequest{Expires: 2 * c.beat, Batch: fetchMessages - c.asked, MaxBytes: c.bytes, Heartbeat: c.beat}
	if c.large {
		if c.asked > 0 {
			return nil // first what is on its way
		}
		req.Batch, req.MaxBytes, c.large = 1, 0, false
	}
	data, err := json.Marshal(req)
	if err != nil {
		return err
	}
	if err := c.nc.PublishRequest(c.request, c.sub.Subject, data); err != nil {
		return fmt.Errorf("ask for entries: %w", err)
	}
	c.asked += req.Batch
	return nil
}

// isEntry reports whether a message is an entry. Otherwise JetStream says something.
func (c *orderedConsumer) isEntry(m *nats.Msg) bool { return m.Subject != c.sub.Subject }

// Statuses of what JetStream says to a consumer.
const (
	statusAlive        = "100"
	statusNoEntries    = "404" // answers no_wait
	statusExpired      = "408"
	statusConflict     = "409"
	statusNoResponders = "503"

	pendingEntries = "Nats-Pending-Messages" // that a request still had
	pendingBytes   = "Nats-Pending-Bytes"

	tooLargeText = "Message Size Exceeds MaxBytes"
)

// errGone says that the broker does not know the consumer any more.
var errGone = errors.New("the broker has forgotten the consumer")

// isSignOfLife reports whether JetStream says nothing but that it is there.
func isSignOfLife(m *nats.Msg) bool { return m.Header.Get("Status") == statusAlive }

// handleStatus acts on what JetStream says to the consumer. An error ends the reading.
func (c *orderedConsumer) handleStatus(m *nats.Msg) error {
	status, text := m.Header.Get("Status"), m.Header.Get("Description")
	switch {
	case status == statusAlive:
		return nil
	case status == statusExpired, status == statusConflict && text == tooLargeText, status == statusConflict && text == "Batch Completed":
		entries, err := strconv.Atoi(m.Header.Get(pendingEntries))
		if err != nil {
			return fmt.Errorf("the broker ended a request for entries without their number: %s %s", status, text)
		}
		c.asked = max(c.asked-entries, 0)
		if left, _ := strconv.Atoi(m.Header.Get(pendingBytes)); text == tooLargeText && left >= c.bytes {
			c.large = true // nothing was sent for that request: the entry alone is too large
		}
		return nil
	case status == statusNoResponders, status == statusConflict:
		return fmt.Errorf("%w: %w (%s %s)", errInterrupted, errGone, status, text)
	}
	return fmt.Errorf("the broker refuses to send entries: %s %s", status, text)
}

// proof asks for one entry, without waiting for it, and returns when there was an
// answer of either kind: only that shows that the broker lets this user read. It
// uses the consumer up.
func (c *orderedConsumer) proof(ctx context.Context) (entry *nats.Msg, err error) {
	data, err := json.Marshal(pullRequest{Batch: 1, NoWait: true})
	if err != nil {
		return nil, err
	}
	if err := c.nc.PublishRequest(c.request, c.sub.Subject, data); err != nil {
		return nil, fmt.Errorf("ask for an entry: %w", err)
	}
	select {
	case m := <-c.in:
		if c.isEntry(m) {
			return m, nil
		}
		if s := m.Header.Get("Status"); s == statusNoEntries || s == statusExpired {
			return nil, nil
		}
		return nil, c.handleStatus(m)
	case <-ctx.Done():
		return nil, fmt.Errorf("ask for an entry: %w", context.Cause(ctx))
	}
}
