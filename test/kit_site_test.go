package test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/nats-io/nats.go"

	"cc-metric-store/test/testkit"
)

// site is a broker with two nodes that follow its log.
type site struct {
	t             *testing.T
	rnd           *rand.Rand
	broker        *childBroker
	first, second *node
	control       *client
	oracle        *oracle
	writers       []*writer // over NATS, and over REST with either node
	publishers    []*client // of those over NATS
}

func newSite(t *testing.T) *site {
	t.Helper()
	s := &site{t: t, rnd: testkit.Rand(t), broker: startChildBroker(t), oracle: newOracle()}
	s.first = start(t, checkpointConfig(brokerConfig(s.broker.URL)))
	s.second = start(t, checkpointConfig(brokerConfig(s.broker.URL)))
	s.control = connect(t, s.broker.URL)
	for h := range 3 {
		s.writers = append(s.writers, s.writer(fmt.Sprint("nats", h), s.overNATS()))
	}
	for h := range 2 {
		s.writers = append(s.writers, s.writer(fmt.Sprint("first", h), overREST(&s.first)), s.writer(fmt.Sprint("second", h), overREST(&s.second)))
	}
	return s
}

// overNATS is a way to publish to the broker, also after its restarts.
func (s *site) overNATS() func(context.Context, string) error {
	send, c := overNATS(s.t, s.broker.URL)
	s.publishers = append(s.publishers, c)
	return send
}

func (s *site) writer(host string, send func(context.Context, string) error) *writer {
	return &writer{host: host, rnd: rand.New(rand.NewPCG(s.rnd.Uint64(), 0)), send: send, firm: true}
}

// write lets the writers write a random number of messages.
func (s *site) write(most int) {
	s.t.Helper()
	l := s.oracle.load(s.writers, 0, nil)
	l.begin(s.t.Context())
	l.awaitAcked(s.t, 1+s.rnd.IntN(most))
	l.end(s.t)
}

// settle returns when nothing is on its way any more, neither to the log nor to
// the nodes.
func (s *site) settle(nodes ...*node) {
	s.t.Helper()
	for _, n := range nodes {
		n.waitFor("the outbox to be forwarded", func() error {
			if waiting := n.metric("outbox_entries"); waiting > 0 {
				return fmt.Errorf("%v entries wait", waiting)
			}
			return nil
		})
	}
	s.await(nodes...)
}

// await returns when the nodes hold all that is in the log now.
func (s *site) await(nodes ...*node) {
	s.t.Helper()
	for _, c := range s.publishers { // what nobody waits for any more may be on its way
		waitFor(s.t, "a publisher to be connected", func() error { return c.nc.FlushTimeout(patience) })
	}
	var last uint64
	waitFor(s.t, "the log to take an entry", func() (err error) {
		last, err = s.control.tryPublish(s.t.Context(), subject, "# the end\n")
		return err
	})
	for _, n := range nodes {
		n.awaitEntry(last)
		n.awaitReady()
	}
}

// wantNoDoubles checks that the log has no entry twice that came over REST.
func (s *site) wantNoDoubles() {
	s.t.Helper()
	seen := map[string]uint64{}
	for seq := range s.control.lastSequence("CC_METRICS") {
		m, err := s.control.stored("CC_METRICS", seq+1)
		if err != nil {
			s.t.Fatal(err)
		}
		id := m.Header.Get(nats.MsgIdHdr)
		if before, ok := seen[id]; ok && id != "" {
			s.t.Errorf("entries %d and %d of the log have one id: %s and %s", before, m.Sequence, m.Subject, clip(string(m.Data)))
		}
		seen[id] = m.Sequence
	}
}

// lastSequence waits for the broker.
func (s *site) lastSequence() (last uint64) {
	s.t.Helper()
	waitFor(s.t, "the stream", func() error {
		stream, err := s.control.js.Stream(s.t.Context(), "CC_METRICS")
		if err == nil {
			last = stream.CachedInfo().State.LastSeq
		}
		return err
	})
	return last
}
