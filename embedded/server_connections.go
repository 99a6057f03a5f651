package embedded

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// nats-server bounds the bytes that wait for one connection. That bound has to be large here, as
// the connection of this process receives what all publishers send. So the bytes that wait for
// all connections from outside together are bounded by checking them often.
const (
	// maxWaiting bounds the bytes that wait for all connections from outside together. Beyond
	// it, the connections for which most bytes wait are closed.
	maxWaiting = 128 << 20
	// The time between two looks is at least lookInterval, and lookConnection for each
	// connection, twenty times what a look takes, so that many connections cost little. The
	// looks themselves are not timed: on a busy machine they take longer, and must not become
	// rare.
	lookInterval   = 50 * time.Millisecond
	lookConnection = 20 * 2 * time.Microsecond
	// The interval when many bytes wait already, as they may grow fast.
	shortInterval = 5 * time.Millisecond

	// maxConnections is twice the number of nodes of a large site.
	maxConnections = 20_000
	// maxSubscriptions bounds the subscriptions of one connection, maxAllSubscriptions those of
	// all connections together.
	maxSubscriptions    = 1000
	maxAllSubscriptions = 200_000
	// How much others may create in JetStream beside the log, as each takes memory.
	maxStreams   = 64
	maxConsumers = 128 // of a stream

	// looked is how many connections one look sees: those with most bytes or subscriptions.
	looked = 256
)

// boundJetStream bounds the number of streams and consumers.
func boundJetStream(ns *server.Server) error {
	limits := server.JetStreamAccountLimits{
		MaxMemory: -1, MaxStore: -1, MaxStreams: maxStreams, MaxConsumers: maxConsumers, MaxAckPending: -1,
		MemoryMaxStreamBytes: -1, StoreMaxStreamBytes: -1,
	}
	if err := ns.GlobalAccount().UpdateJetStreamLimits(map[string]server.JetStreamAccountLimits{"": limits}); err != nil {
		return fmt.Errorf("bound JetStream of the embedded nats-server: %w", err)
	}
	return nil
}

// Bound closes connections from outside for which too many bytes wait, or that have too many
// subscriptions, until ctx ends. Their clients may connect again.
func (s *Server) Bound(ctx context.Context) {
	timer := time.NewTimer(lookInterval)
	defer timer.Stop()
	var logged time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		interval := lookInterval
		if ns := s.current(); ns != nil && ns.Addr() != nil {
			waiting, closed := s.look(ns)
			if waiting > maxWaiting/8 {
				interval = shortInterval
			}
			interval = max(interval, time.Duration(ns.NumClients())*lookConnection)
			if len(closed) > 0 && time.Since(logged) >= repeatLog {
				logged = time.Now()
				s.cfg.Logger.Warn("closed connections to the embedded NATS server that do not read what they ask for, or ask for too much: their clients may connect again",
					"connections", closed, "max_waiting_bytes", maxWaiting, "max_subscriptions", maxAllSubscriptions)
			}
		}
		timer.Reset(interval)
	}
}

// look closes connections that take too much, and names them. waiting is how many bytes waited
// before.
func (s *Server) look(ns *server.Server) (waiting int, closed []string) {
	for _, b := range []struct {
		sort  server.SortOpt
		most  int
		least int // if there was more than most, so much may be left
		takes func(*server.ConnInfo) int
		what  string
	}{
		{server.ByPending, maxWaiting, maxWaiting / 8, func(c *server.ConnInfo) int { return c.Pending }, "bytes wait"},
		{server.BySubs, maxAllSubscriptions, maxAllSubscriptions, func(c *server.ConnInfo) int { return int(c.NumSubs) }, "subscriptions"},
	} {
		if b.sort == server.BySubs && ns.NumSubscriptions() < maxAllSubscriptions {
			continue
		}
		list, err := ns.Connz(&server.ConnzOptions{Sort: b.sort, Limit: looked})
		if err != nil {
			continue // only wrong options fail, and these are right
		}
		sum := 0
		for _, c := range list.Conns {
			if isOutside(c) {
				sum += b.takes(c)
			}
		}
		if b.sort == server.ByPending {
			waiting = sum
		}
		if sum <= b.most {
			continue
		}
		for _, c := range list.Conns { // most first
			// The bytes that wait for a closed connection stay for a while. So enough are closed at
			// once: one after the other, their bytes would add up.
			if sum <= b.least {
				break
			}
			if !isOutside(c) {
				continue
			}
			sum -= b.takes(c)
			if ns.DisconnectClientByID(c.Cid) == nil {
				closed = append(closed, fmt.Sprintf("%s:%d %q (%d %s)", c.IP, c.Port, shortName(c.Name), b.takes(c), b.what))
			}
		}
	}
	return waiting, closed[:min(len(closed), maxNamed)]
}

// maxNamed is how many connections one line of the log names.
const maxNamed = 4

// isOutside reports whether a connection is not from this process.
func isOutside(c *server.ConnInfo) bool { return c.IP != "" }

// shortName cuts the name that a client gives itself.
func shortName(name string) string { return name[:min(len(name), 64)] }
