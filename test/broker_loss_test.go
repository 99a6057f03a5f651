package test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

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
	judge         *judge
	writers       []*writer // over NATS, and over REST with either node
}

func newSite(t *testing.T) *site {
	t.Helper()
	s := &site{t: t, rnd: testkit.Rand(t), broker: startChildBroker(t), judge: newJudge()}
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

// overNATS is a way to publish that does not wait long for an acknowledgement
// that may have gone with the broker.
func (s *site) overNATS() func(context.Context, string) error {
	send, _ := overNATS(s.t, s.broker.URL)
	return func(ctx context.Context, lines string) error {
		ctx, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		return send(ctx, lines)
	}
}

func (s *site) writer(host string, send func(context.Context, string) error) *writer {
	return &writer{host: host, rnd: rand.New(rand.NewPCG(s.rnd.Uint64(), 0)), send: send, firm: true}
}

// write lets the writers write a random number of messages.
func (s *site) write(most int) {
	s.t.Helper()
	l := s.judge.load(s.writers, 0, nil)
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

// TestBrokerKilledUnderLoad kills the broker at random moments while collectors
// and both nodes write to it.
func TestBrokerKilledUnderLoad(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	rounds := 2
	if stressed() {
		rounds = 20
	}
	for range rounds {
		killed := make(chan struct{})
		l := s.judge.load(s.writers, 1+s.rnd.IntN(800), func() {
			defer close(killed)
			s.broker.kill()
		})
		l.begin(t.Context())
		<-killed
		if s.rnd.IntN(2) == 0 {
			l.awaitAcked(t, 1+s.rnd.IntN(200)) // by the nodes, for the log
		}
		s.broker.start()
		l.awaitAcked(t, 1+s.rnd.IntN(400))
		l.end(t)
		s.settle(s.first, s.second)
		s.judge.check(s.first)
		s.judge.wantSame(t, s.first, s.second)
	}
	s.wantNoDoubles()
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

// TestStreamMadeAnew deletes the log under the nodes, while one of them is
// written to.
func TestStreamMadeAnew(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.write(600)
	s.settle(s.first, s.second)
	meanwhile := s.judge.load([]*writer{s.writer("meanwhile", overREST(&s.first))}, 0, nil)
	meanwhile.begin(t.Context())
	meanwhile.awaitAcked(t, 20)
	if err := s.control.js.DeleteStream(t.Context(), "CC_METRICS"); err != nil {
		t.Fatal(err)
	}
	meanwhile.awaitAcked(t, 20)
	meanwhile.end(t)
	s.wantAfterLoss()
}

// wantAfterLoss checks, after the log has lost entries, that the nodes have not,
// and follow it again. What was written meanwhile may be on the first one alone.
func (s *site) wantAfterLoss() {
	s.t.Helper()
	s.write(600)
	s.settle(s.first, s.second)
	s.judge.check(s.first)
	s.judge.wantSame(s.t, s.first, s.second, "meanwhile")
	for _, n := range []*node{s.first, s.second} { // also after their next crash
		n.awaitCheckpoint()
		n.kill()
	}
	s.first, s.second = s.first.restart(), s.second.restart()
	s.judge.check(s.first)
	s.judge.wantSame(s.t, s.first, s.second, "meanwhile")
}

// TestLogRolledBack puts an older copy of its files under the broker.
func TestLogRolledBack(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"running", "killed", "stopped"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			s.write(400)
			s.settle(s.first, s.second)
			s.broker.stop()
			copied := filepath.Join(t.TempDir(), "copy")
			if err := os.CopyFS(copied, os.DirFS(s.broker.dir)); err != nil {
				t.Fatal(err)
			}
			s.broker.start()
			for _, w := range s.writers { // the log decides: an older value that it has comes back
				w.fresh = true
			}
			s.write(400)
			for _, w := range s.writers {
				w.fresh = false
			}
			s.settle(s.first, s.second)
			s.broker.stop()
			nodes := []*node{s.first, s.second}
			for _, n := range nodes {
				switch name {
				case "killed":
					n.awaitCheckpoint()
					n.kill()
				case "stopped":
					n.stop()
				}
			}
			s.broker.dir = copied
			s.broker.start()
			if name != "running" {
				// The numbers of the entries that are gone are given to others.
				s.overtake()
				s.first, s.second = s.first.restart(), s.second.restart()
			}
			s.await(s.first, s.second)
			s.wantAfterLoss()
		})
	}
}

// overtake lets collectors publish more entries than the log has lost.
func (s *site) overtake() {
	s.t.Helper()
	l := s.judge.load([]*writer{s.writer("overtaking", s.overNATS())}, 0, nil)
	l.begin(s.t.Context())
	l.awaitAcked(s.t, 500)
	l.end(s.t)
}
