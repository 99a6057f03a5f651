package test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"syscall"
	"testing"

	"cc-metric-store/test/testkit"
)

// TestKilledUnderLoad kills the program at random moments, some of them while it
// writes a checkpoint: what was acknowledged is there again, with its last
// value, after this crash and after the next one.
func TestKilledUnderLoad(t *testing.T) {
	t.Parallel()
	rounds := 3
	if stressed() {
		rounds = 20
	}
	for _, way := range []string{"NATS", "REST"} {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			k := &killing{t: t, rnd: testkit.Rand(t), oracle: newOracle(), overNATS: way == "NATS"}
			for h := range 6 {
				k.writers = append(k.writers, &writer{host: fmt.Sprint("h", h), rnd: rand.New(rand.NewPCG(k.rnd.Uint64(), 0))})
			}
			n := start(t, checkpointConfig(baseConfig()))
			for range rounds {
				n = k.round(n)
				if t.Failed() {
					return
				}
			}
			t.Logf("%d samples in %d rounds; killed %v", k.oracle.samples(), rounds, k.moments)
		})
	}
}

// killing is a node under load that is killed again and again.
type killing struct {
	t        *testing.T
	rnd      *rand.Rand
	oracle   *oracle
	writers  []*writer
	overNATS bool
	moments  []string
}

// round writes, kills, and returns the node that was started anew.
func (k *killing) round(n *node) *node {
	k.t.Helper()
	for _, w := range k.writers {
		if !k.overNATS {
			w.send = overREST(&n)
			continue
		}
		send, c := overNATS(k.t, n.NATSURL)
		defer c.nc.Close()
		w.send = send
	}
	var l *writing
	kill := func() {
		l.ending.Store(true)
		_ = n.cmd.Process.Signal(syscall.SIGKILL) // that it ends is waited for
	}
	// Half of the kills wait for a file that is there while a checkpoint is
	// written, or since.
	suffix := []string{"", "", "", ".checkpoint.tmp", ".segment.tmp", ".checkpoint"}[k.rnd.IntN(6)]
	moment := 1 + k.rnd.IntN(1200)
	k.moments = append(k.moments, strings.TrimSpace(fmt.Sprintf("after %d messages %s", moment, suffix)))
	var watching sync.WaitGroup
	l = k.oracle.load(k.writers, moment, func() {
		if suffix == "" {
			kill()
			return
		}
		before := n.newestFile(suffix)
		watching.Go(func() {
			n.waitFor("a file of a checkpoint", func() error {
				for range 1000 { // it may be there for less than the time between two looks
					if n.newestFile(suffix) > before {
						kill()
						return nil
					}
				}
				return fmt.Errorf("no new *%s", suffix)
			})
		})
	})
	l.begin(k.t.Context())
	n.waitFor("the kill", func() error {
		if err := l.failure.Load(); err != nil {
			k.t.Fatalf("a write failed: %v", *err)
		}
		if !n.ended() {
			return fmt.Errorf("%d of %d messages are acknowledged", l.acked.Load(), moment)
		}
		return nil
	})
	n.kill()
	watching.Wait()
	l.end(k.t)
	if got := l.acked.Load(); got < int64(moment) {
		k.t.Errorf("%d messages are acknowledged, the program was killed at %d", got, moment)
	}
	n = n.restart()
	k.oracle.check(n)
	n.kill()
	n = n.restart()
	k.oracle.check(n)
	return n
}
