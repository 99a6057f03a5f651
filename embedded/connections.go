package embedded

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// nats-server bounds what waits for one connection, and that has to be much here:
// the connection of this process takes what all publishers send. What waits for
// others is bounded in sum by looking at it often.
const (
	// maxWaiting bounds the bytes that wait for all connections from outside
	// together. Beyond it, those for which most waits are closed.
	maxWaiting = 128 << 20
	// The time between two looks, at least; and for each connection, so that many
	// cost little: twenty times what a look takes. The looks themselves are not timed,
	// as they take longer on a busy machine, on which they must not become rare.
	lookInterval   = 50 * time.Millisecond
	lookConnection = 20 * 2 * time.Microsecond
	// When much waits already, it grows fast.
	shortInterval = 5 * time.Millisecond

	// maxConnections is for the nodes of a large site, twice.
	maxConnections = 20_000
	// maxSubscriptions bounds those of one connection, maxAllSubscriptions those of
	// all together.
	maxSubscriptions    = 1000
	maxAllSubscriptions = 200_000
	// What others may make in JetStream beside the log; each takes memory.
	maxStreams   = 64
	maxConsumers = 128 // of a stream

	// looked is how many connections one look sees: those that take most.
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

// Bound closes connections from outside that let too much wait for them, or hold too
// many subscriptions, until ctx ends. Their clients connect again.
func (s *Server) Bound(ctx context.Context) {
	timer := time.NewTimer(lookInterval)
	defer timer.Stop()
	var told time.Time
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
			if len(closed) > 0 && time.Since(told) >= repeatLog {
				told = time.Now()
				s.cfg.Logger.Warn("closed connections to the embedded NATS server that do not read what they ask for, or ask for too much: their clients may connect again",
					"connections", closed, "max_waiting_bytes", maxWaiting, "max_subscriptions", maxAllSubscriptions)
			}
		}
		timer.Reset(interval)
	}
}

// look closes what takes too much, and says what it was, and how many bytes waited
// before.
func (s *Server) look(ns *server.Server) (waiting int, closed []string) {
	for _, b := range []struct {
		sort  server.SortOpt
		most  int
		least int // what may be left when more than most was there
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
			continue // of options that are wrong: they are not
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
			// What waits for a connection that is closed stays for a while: were they
			// closed one after the other, it would add up.
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

// isOutside reports whether a connection is not of this process.
func isOutside(c *server.ConnInfo) bool { return c.IP != "" }

// shortName cuts what a client calls itself.
func shortName(name string) string { return name[:min(len(name), 64)] }
