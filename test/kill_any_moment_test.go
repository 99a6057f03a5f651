package test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"cc-metric-store/test/testkit"
)

// soon is how long a start may take after any kill.
const soon = 30 * time.Second

// life is a program that is killed at random moments, while the free space of its
// disk changes, and what it has to answer.
type life struct {
	t       *testing.T
	rnd     *rand.Rand
	oracle  *oracle
	writers []*writer
	node    *node
	broker  *broker // nil: the log is in the embedded server

	starting time.Duration // that an undisturbed start takes
	slowest  time.Duration
	kills    map[string]int // by moment
}

// lives runs the test with the log in the embedded server, and on a broker.
func lives(t *testing.T, test func(l *life)) {
	for _, where := range []string{"embedded", "broker"} {
		t.Run(where, func(t *testing.T) {
			t.Parallel()
			l := &life{t: t, rnd: testkit.Rand(t), oracle: newOracle(), kills: map[string]int{}}
			cfg := baseConfig()
			if where == "broker" {
				l.broker = startBroker(t, server.Options{JetStream: true})
				cfg = brokerConfig(l.broker.URL)
			}
			for h := range 4 {
				w := &writer{host: fmt.Sprint("h", h), rnd: rand.New(rand.NewPCG(l.rnd.Uint64(), 0))}
				w.send = overREST(&l.node)
				l.writers = append(l.writers, w)
			}
			begun := time.Now()
			l.node = start(t, checkpointConfig(cfg))
			l.starting = time.Since(begun)
			test(l)
			all := 0
			for _, n := range l.kills {
				all += n
			}
			t.Logf("%d kills at %v; %d samples; the slowest start took %v", all, l.kills, l.oracle.samples(), l.slowest.Round(time.Millisecond))
		})
	}
}

// changeDisk takes another part of the free space than before.
func (l *life) changeDisk() {
	l.t.Helper()
	path := filepath.Join(l.node.launch.dir, "ballast")
	if err := os.RemoveAll(path); err != nil {
		l.t.Fatal(err)
	}
	f, err := os.Create(path)
	if err != nil {
		l.t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	// Without room, or on a file system that cannot do it, nothing changes.
	_ = syscall.Fallocate(int(f.Fd()), 0, 0, 1+l.rnd.Int64N(512<<20))
}

// again starts the program and asks for everything.
func (l *life) again() {
	l.t.Helper()
	begun := time.Now()
	l.node = l.node.restart()
	took := time.Since(begun)
	if l.slowest = max(l.slowest, took); took > soon {
		l.t.Errorf("the start after a kill took %v", took)
	}
	l.oracle.check(l.node)
	if l.node.log.hasLine("changed the stream") {
		l.t.Error("the start has changed the settings of the log")
	}
	if l.node.metric("log_skipped_entries_total") > 0 || l.node.log.hasLine("level=ERROR") {
		l.t.Error("something is said to be lost")
	}
}

// write adds samples that are acknowledged.
func (l *life) write(messages int) {
	l.t.Helper()
	for range messages {
		w := l.writers[l.rnd.IntN(len(l.writers))]
		samples := w.message()
		l.oracle.sent(w.host, samples)
		l.node.write(w.lines(samples))
		l.oracle.acknowledged(w.host, samples)
	}
}

// pause waits for a random part of d: moments are what this is about.
func (l *life) pause(d time.Duration) { time.Sleep(time.Duration(l.rnd.Int64N(int64(d) + 1))) }

func (l *life) kill(moment string) {
	l.t.Helper()
	l.node.kill()
	l.kills[moment]++
	if l.node.log.hasLine("are gone") {
		l.t.Error("files are said to be gone")
	}
}

// TestKilledAtTheStart kills the program again and again before it is ready.
func TestKilledAtTheStart(t *testing.T) {
	t.Parallel()
	kills := 10
	if stressed() {
		kills = 250
	}
	lives(t, func(l *life) {
		l.write(20)
		l.node.kill()
		for l.kills["start"] < kills && !l.t.Failed() {
			for range min(1+l.rnd.IntN(12), kills-l.kills["start"]) {
				l.changeDisk()
				l.node = run(l.t, l.node.launch)
				l.pause(l.starting * 3 / 2)
				l.kill("start")
			}
			l.again()
			l.write(1 + l.rnd.IntN(20))
			if l.rnd.IntN(3) == 0 {
				l.node.awaitCheckpoint()
			}
			l.node.kill()
		}
	})
}

// TestKilledAtAnyMoment kills the program at a random moment of its life, from its
// start to its stop.
func TestKilledAtAnyMoment(t *testing.T) {
	t.Parallel()
	kills := 7
	if stressed() {
		kills = 100
	}
	lives(t, func(l *life) {
		moments := []struct {
			name string
			kill func()
		}{
			{"start", func() { l.restartTo(""); l.pause(l.starting) }},
			{"load", func() { l.restartTo("REST is listening"); l.pause(l.starting / 4) }},
			{"replay", func() {
				l.write(1)
				l.node.awaitCheckpoint()
				l.restartTo("loaded a checkpoint")
				l.pause(l.starting / 4)
			}},
			{"running", func() { l.underLoad("") }},
			{"checkpoint", func() { l.underLoad(".checkpoint.tmp") }},
			{"trim", func() { l.underLoad(".checkpoint") }},
			{"stop", func() { l.underLoad("stop") }},
		}
		for i := range kills {
			l.changeDisk()
			m := moments[i%len(moments)]
			if i >= len(moments) {
				m = moments[l.rnd.IntN(len(moments))]
			}
			m.kill()
			l.kill(m.name)
			l.again()
			if l.t.Failed() {
				return
			}
		}
	})
}

// restartTo kills the program and starts it until its log has the message.
func (l *life) restartTo(message string) {
	l.t.Helper()
	l.write(30)
	l.node.kill()
	l.node = run(l.t, l.node.launch)
	if message == "" {
		return
	}
	l.node.waitFor(message, func() error {
		if !l.node.log.hasLine(message) {
			return fmt.Errorf("the log does not say so")
		}
		return nil
	})
}

// underLoad lets the writers write until the moment of the kill: after some
// messages, when a file with the suffix appears, or while the program stops. Half of
// the writers publish by NATS.
func (l *life) underLoad(until string) {
	l.t.Helper()
	var url string
	if l.broker != nil {
		url = l.broker.URL
	} else {
		l.node.waitFor("the address", func() error { return l.node.found(&url, "the embedded NATS server is listening") })
	}
	var ends []func()
	for i, w := range l.writers {
		w.send = overREST(&l.node)
		if i%2 == 0 {
			send, c := overNATS(l.t, url)
			w.send = send
			ends = append(ends, c.nc.Close)
		}
	}
	before := l.node.newestFile(until)
	load := l.oracle.load(l.writers, -1, nil)
	load.begin(l.t.Context())
	load.awaitAcked(l.t, 1+l.rnd.IntN(300))
	switch until {
	case "":
	case "stop":
		load.ending.Store(true)
		l.node.signal(syscall.SIGTERM)
		l.pause(l.starting)
	default:
		l.node.waitFor("a file of a checkpoint", func() error {
			for range 1000 { // it may be there for less than the time between two looks
				if l.node.newestFile(until) > before {
					return nil
				}
			}
			return fmt.Errorf("no new *%s", until)
		})
		l.pause(20 * time.Millisecond)
	}
	load.ending.Store(true)
	l.node.signal(syscall.SIGKILL)
	l.node.exitCode()
	for _, end := range ends {
		end()
	}
	load.end(l.t)
}
