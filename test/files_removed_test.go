package test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/nats-io/nats-server/v2/server"

	"cc-metric-store/test/testkit"
)

// removedConfig has log and checkpoints below one directory, as by default.
func removedConfig() object {
	cfg := baseConfig()
	section(cfg, "nats")["embedded"] = object{"addr": "127.0.0.1:0", "directory": "var/nats"}
	return cfg
}

// TestFilesRemovedWhileItRuns takes files of the running program away in each way:
// they are made again, a checkpoint keeps what is in memory, the log starts anew, and
// all is told. Nothing that was acknowledged is missing, after a stop in order and
// after a kill.
func TestFilesRemovedWhileItRuns(t *testing.T) {
	t.Parallel()
	stream := "var/nats/jetstream/$G/streams/CC_METRICS"
	for _, c := range []struct {
		name       string
		take       func(dir string) error
		checkpoint bool // files of the checkpoints go
		log        bool // files of the log go
	}{
		{"all", func(dir string) error { return os.RemoveAll(filepath.Join(dir, "var")) }, true, true},
		{"renamed", func(dir string) error { return os.Rename(filepath.Join(dir, "var"), filepath.Join(dir, "var.old")) }, true, true},
		{"log", func(dir string) error { return os.RemoveAll(filepath.Join(dir, "var/nats")) }, false, true},
		{"log renamed", func(dir string) error { return os.Rename(filepath.Join(dir, "var/nats"), filepath.Join(dir, "old")) }, false, true},
		{"log a file", func(dir string) error {
			return errors.Join(os.RemoveAll(filepath.Join(dir, "var/nats/jetstream")), os.WriteFile(filepath.Join(dir, "var/nats/jetstream"), nil, 0o600))
		}, false, true},
		{"checkpoints", func(dir string) error { return os.RemoveAll(filepath.Join(dir, "var/checkpoints")) }, true, false},
		{"checkpoint", func(dir string) error {
			files, err := filepath.Glob(filepath.Join(dir, "var/checkpoints/*.checkpoint"))
			for _, f := range files {
				err = errors.Join(err, os.Remove(f))
			}
			return err
		}, true, false},
		{"segments", func(dir string) error {
			files, err := filepath.Glob(filepath.Join(dir, "var/checkpoints/*.segment"))
			for _, f := range files {
				err = errors.Join(err, os.Remove(f))
			}
			return err
		}, true, false},
		{"stream", func(dir string) error { return os.RemoveAll(filepath.Join(dir, stream)) }, false, true},
		{"stream renamed", func(dir string) error { return os.Rename(filepath.Join(dir, stream), filepath.Join(dir, "old")) }, false, true},
		{"messages", func(dir string) error { return os.RemoveAll(filepath.Join(dir, stream, "msgs")) }, false, true},
		{"block", func(dir string) error { return os.Remove(filepath.Join(dir, stream, "msgs/1.blk")) }, false, true},
		{"metadata", func(dir string) error { return os.Remove(filepath.Join(dir, stream, "meta.inf")) }, false, true},
		{"letters", func(dir string) error { return os.RemoveAll(filepath.Join(dir, stream+"_BAD")) }, false, true},
		{"lock", func(dir string) error { return os.Remove(filepath.Join(dir, "var/nats/LOCK")) }, false, true},
	} {
		for _, end := range []string{"stop", "kill"} {
			t.Run(c.name+"/"+end, func(t *testing.T) {
				t.Parallel()
				n := start(t, removedConfig())
				n.write(ramp("a", 400))
				n.stop() // with a checkpoint
				n = n.restart()
				n.write(ramp("b", 400))
				before := n.metric("checkpoints_total")
				if err := c.take(n.launch.dir); err != nil {
					t.Fatal(err)
				}
				if end == "kill" || !c.log {
					n.awaitRemade(c.log, c.checkpoint, before)
				}
				n.write(ramp("c", 10))
				if end == "stop" {
					n.stop()
				} else {
					n.write(ramp("d", 10))
					n.kill()
				}
				n = n.restart()
				n.wantRamp("a", 400)
				n.wantRamp("b", 400)
				n.wantRamp("c", 10)
				if end == "kill" {
					n.wantRamp("d", 10)
				}
			})
		}
	}
}

// awaitRemade returns when the program has seen that its files are gone, and has made
// them again.
func (n *node) awaitRemade(log, checkpoint bool, written float64) {
	n.t.Helper()
	if log {
		n.wantLog("level=ERROR", "the files of the embedded log are gone")
		n.wantLog("level=WARN", "the embedded log is there again")
	}
	if checkpoint {
		n.wantLog("level=ERROR", "checkpoints are gone: writing one at once")
	}
	n.waitFor("a checkpoint", func() error {
		if now := n.metric("checkpoints_total"); now == written {
			return fmt.Errorf("%v are written", now)
		}
		return nil
	})
	n.awaitReady()
}

// TestRemovedUnderLoad removes everything while messages arrive: what is acknowledged
// at any time is there after the end.
func TestRemovedUnderLoad(t *testing.T) {
	t.Parallel()
	rnd := testkit.Rand(t)
	o := newOracle()
	n := start(t, removedConfig())
	send, c := overNATS(t, n.NATSURL)
	defer c.nc.Close()
	var writers []*writer
	for h := range 4 {
		w := &writer{host: fmt.Sprint("h", h), rnd: rand.New(rand.NewPCG(rnd.Uint64(), 0)), firm: true, send: overREST(&n)}
		if h%2 == 0 {
			w.send = send
		}
		writers = append(writers, w)
	}
	l := o.load(writers, -1, nil)
	l.begin(t.Context())
	l.awaitAcked(t, 100)
	for range 2 {
		again := n.log.count("the embedded log is there again")
		if err := os.RemoveAll(filepath.Join(n.launch.dir, "var")); err != nil {
			t.Fatal(err)
		}
		n.waitFor("the log to be there again", func() error {
			if n.log.count("the embedded log is there again") == again {
				return fmt.Errorf("it is not")
			}
			return nil
		})
		l.awaitAcked(t, 100)
	}
	l.end(t)
	// What was not acknowledged may still be on its way, before what comes later.
	n.waitFor("the log to take an entry", func() error { return send(t.Context(), "# the end\n") })
	n.write(line("last", "cpu_load", 1, origin))
	o.check(n)
	n.stop()
	n = n.restart()
	o.check(n)
}

// TestDirectoryBecomesAFile has a file where all files of the program were: it is
// told what is wrong, nothing is acknowledged meanwhile, and all is well again when
// the file is gone.
func TestDirectoryBecomesAFile(t *testing.T) {
	t.Parallel()
	n := start(t, checkpointConfig(removedConfig()))
	n.write(ramp("a", 400))
	n.replace("var", func(path string) error { return os.WriteFile(path, nil, 0o600) })
	n.waitFor("readyz to tell", func() error {
		if a := n.send("GET", "/readyz", ""); a.status != 503 {
			return fmt.Errorf("readyz: %d %s", a.status, a.body)
		}
		return nil
	})
	n.wantLog("level=ERROR", "the files of the embedded log are gone")
	n.wantLog("level=ERROR", "no checkpoint could be written", "not a directory")
	n.wantRamp("a", 400)
	if err := os.Remove(filepath.Join(n.launch.dir, "var")); err != nil {
		t.Fatal(err)
	}
	n.awaitReady()
	n.write(ramp("b", 10))
	n.kill()
	n = n.restart()
	n.wantRamp("a", 400)
	n.wantRamp("b", 10)
}

// TestOutboxRemoved takes the embedded server's files away while writes wait in it
// for the broker: that is told, the node shows them on, and later ones are forwarded.
func TestOutboxRemoved(t *testing.T) {
	t.Parallel()
	b := startBroker(t, server.Options{JetStream: true})
	n := start(t, brokerConfig(b.URL))
	b.stop()
	n.write(ramp("a", 10))
	if err := os.RemoveAll(filepath.Join(n.launch.dir, "nats")); err != nil {
		t.Fatal(err)
	}
	n.wantLog("level=WARN", "the embedded log is there again")
	n.waitFor("a write to be taken", func() error { // the connection to the new server takes a moment
		if a := n.change("/api/write?cluster=alex", ramp("b", 10)); a.status != 200 {
			return fmt.Errorf("%d %s", a.status, a.body)
		}
		return nil
	})
	if n.log.hasLine("may be missing in the store") {
		t.Error("the log on the broker is said to be gone")
	}
	n.wantLog("level=ERROR", "the stream with the writes over REST", "is gone", "entries=1")
	n.wantRamp("a", 10)
	n.wantRamp("b", 10)
	b.start()
	n.waitFor("the outbox to be empty", func() error {
		if waiting := n.metric("outbox_entries"); waiting != 0 {
			return fmt.Errorf("%v entries wait", waiting)
		}
		return nil
	})
	other := start(t, brokerConfig(b.URL))
	other.wantRamp("b", 10)
	n.stop()
	n = n.restart()
	n.wantRamp("a", 10)
	n.wantRamp("b", 10)
}
