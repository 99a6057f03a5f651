package test

import (
	"os"
	"path/filepath"
	"testing"
)

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
		l := s.oracle.load(s.writers, 1+s.rnd.IntN(800), func() {
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
		s.oracle.check(s.first)
		s.oracle.wantSame(t, s.first, s.second)
	}
	s.wantNoDoubles()
}

// TestStreamMadeAnew deletes the log under the nodes, while one of them is
// written to.
func TestStreamMadeAnew(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.write(600)
	s.settle(s.first, s.second)
	meanwhile := s.oracle.load([]*writer{s.writer("meanwhile", overREST(&s.first))}, 0, nil)
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
	s.oracle.check(s.first)
	s.oracle.wantSame(s.t, s.first, s.second, "meanwhile")
	for _, n := range []*node{s.first, s.second} { // also after their next crash
		n.awaitCheckpoint()
		n.kill()
	}
	s.first, s.second = s.first.restart(), s.second.restart()
	s.oracle.check(s.first)
	s.oracle.wantSame(s.t, s.first, s.second, "meanwhile")
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
	l := s.oracle.load([]*writer{s.writer("overtaking", s.overNATS())}, 0, nil)
	l.begin(s.t.Context())
	l.awaitAcked(s.t, 500)
	l.end(s.t)
}
