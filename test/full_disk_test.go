package test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"github.com/nats-io/nats-server/v2/server"
)

// limitFiles bounds the size of the files that the program writes from now on,
// in bytes; 0: not any more. To the program it is as if the disk were full.
func (n *node) limitFiles(size uint64) {
	n.t.Helper()
	limit := syscall.Rlimit{Cur: size, Max: ^uint64(0)}
	if size == 0 {
		limit.Cur = limit.Max
	}
	_, _, errno := syscall.RawSyscall6(syscall.SYS_PRLIMIT64, uintptr(n.cmd.Process.Pid), 1 /* RLIMIT_FSIZE */, uintptr(unsafe.Pointer(&limit)), 0, 0, 0)
	if errno != 0 {
		n.t.Fatalf("limit the files of the program: %v", errno)
	}
}

// TestFullDiskOfTheCheckpoints lets the checkpoints fail while all else goes on,
// in each of the ways in which a disk does that here.
func TestFullDiskOfTheCheckpoints(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name         string
		fail, mend   func(n *node)
		says         string
		fromTheStart bool // it fails before there is any checkpoint
	}{
		{
			name: "full",
			fail: func(n *node) { n.limitFiles(256) },
			mend: func(n *node) { n.limitFiles(0) },
			says: "file too large",
		},
		{
			name: "no directory",
			fail: func(n *node) {
				n.replace("var", func(path string) error { return os.WriteFile(path, nil, 0o600) })
			},
			mend: func(n *node) {
				n.replace("var", func(path string) error { return os.MkdirAll(path, 0o700) })
			},
			says:         "not a directory",
			fromTheStart: true,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := startBroker(t, server.Options{JetStream: true})
			l := launch{dir: t.TempDir(), config: checkpointConfig(brokerConfig(b.URL))}
			if c.fromTheStart {
				c.fail(&node{t: t, launch: l})
			}
			n := begin(t, l)
			n.awaitReady()
			n.write(ramp("before", 300))
			if !c.fromTheStart {
				n.awaitCheckpoint()
				c.fail(n)
			}
			n.awaitFailure(c.says)
			n.write(ramp("during", 300))
			n.wantRamp("before", 300)
			n.wantRamp("during", 300)
			n.wantLog("level=ERROR", "no checkpoint could be written", c.says, "checkpoints")
			written := n.metric("checkpoints_total")
			c.mend(n)
			n.waitFor("a checkpoint", func() error {
				if n.metric("checkpoints_total") == written {
					return fmt.Errorf("none is written")
				}
				return nil
			})
			n.wantLog("level=INFO", "checkpoints are written again")
			if a := n.send("GET", "/readyz", ""); a.status != 200 || a.body != "ready\n" {
				t.Errorf("readyz when the disk is well again: %d %s", a.status, a.body)
			}
			n.kill()
			n = n.restart()
			n.wantLog("loaded a checkpoint")
			n.wantRamp("before", 300)
			n.wantRamp("during", 300)
		})
	}
}

// awaitFailure returns when a checkpoint has failed, and the operator can see
// why.
func (n *node) awaitFailure(says string) {
	n.t.Helper()
	i := 0
	n.waitFor("a checkpoint to fail", func() error {
		n.write(line("another", "cpu_load", float64(i), origin+60*int64(i))) // else there is nothing to write
		i++
		if n.metric("checkpoint_failures_total") == 0 {
			return fmt.Errorf("none has failed")
		}
		return nil
	})
	a := n.send("GET", "/readyz", "")
	if a.status != 200 || !strings.HasPrefix(a.body, "ready, but no checkpoint can be written") || !strings.Contains(a.body, says) {
		n.t.Errorf("readyz: %d %s", a.status, a.body)
	}
}

// TestFullDiskOfTheLog: what publishers send while the embedded log takes nothing
// waits, and is there when the disk has room again; the log says so by itself.
func TestFullDiskOfTheLog(t *testing.T) {
	t.Parallel()
	n := start(t, baseConfig())
	c := connect(t, n.NATSURL)
	n.publish(c, subject, line("before", "cpu_load", 1, origin))
	n.limitFiles(1)
	for i := range 20 {
		c.send(subject, line("during", "cpu_load", float64(i), origin+60*int64(i)))
	}
	c.flush()
	n.waitFor("readyz to tell", func() error {
		if a := n.send("GET", "/readyz", ""); a.status != 503 || n.metric("log_writable") != 0 {
			return fmt.Errorf("readyz: %d %s", a.status, a.body)
		}
		return nil
	})
	n.wantLog("level=ERROR", "the embedded log does not take what was sent")
	if lost := n.metric("intake_failures_total"); lost != 0 || n.log.hasLine("are lost until") {
		t.Errorf("%v messages are lost while they wait, or it is said that they are", lost)
	}
	n.limitFiles(0)
	n.awaitReady()
	n.waitFor("what was sent", func() error {
		// The newest one: they come in order, some of them perhaps twice.
		if got := n.cells(hostMetric{"alex", "during", "cpu_load"}, origin+60*19, origin+60*20); len(got) != 1 || got[0] == nil {
			return errors.New("the newest sample is not stored")
		}
		return nil
	})
	n.wantRamp("during", 20)
	if n.log.hasLine("entries of a stream are lost") {
		t.Error("entries are said to be lost")
	}
	if lost := n.metric("intake_failures_total"); lost != 0 {
		t.Errorf("%v messages are lost", lost)
	}
	n.publish(c, subject, line("after", "cpu_load", 2, origin))
	n.kill()
	n = n.restart()
	n.wantRamp("during", 20)
}
