package test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"

	"cc-metric-store/test/testkit"
)

// logPath returns the path of what nats-server keeps of a stream of the embedded log.
func (n *node) logPath(names ...string) string {
	return filepath.Join(append([]string{n.launch.dir, "nats", "jetstream", "$G", "streams"}, names...)...)
}

// TestStrangeLogDirectory has what an operator, another program or a crash may leave
// in the directory of the embedded log: the start takes it, says so, and shows
// everything.
func TestStrangeLogDirectory(t *testing.T) {
	t.Parallel()
	write := func(path, text string) error {
		return errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(text), 0o600))
	}
	const name = "CC_METRICS"
	for _, c := range []struct {
		name string
		do   func(n *node) error
		says []string
	}{
		{"letters' metadata empty", func(n *node) error { return write(n.logPath(name+"_BAD", "meta.inf"), "") }, []string{"made anew", name + "_BAD"}},
		{"letters' checksum gone", func(n *node) error { return os.Remove(n.logPath(name+"_BAD", "meta.sum")) }, []string{"made anew", name + "_BAD"}},
		{"letters' directory a file", func(n *node) error {
			return errors.Join(os.RemoveAll(n.logPath(name+"_BAD")), write(n.logPath(name+"_BAD"), ""))
		}, []string{"set aside", name + "_BAD"}},
		{"metadata empty", func(n *node) error { return write(n.logPath(name, "meta.inf"), "") }, []string{"made anew", "stream=" + name}},
		{"metadata gone", func(n *node) error { return os.Remove(n.logPath(name, "meta.inf")) }, []string{"made anew", "stream=" + name}},
		{"both gone, and the note", func(n *node) error {
			return errors.Join(os.Remove(n.logPath(name, "meta.inf")), os.Remove(n.logPath(name, "meta.sum")), os.Remove(filepath.Join(n.launch.dir, "nats", "STREAMS")))
		}, []string{"made anew", "the configuration"}},
		{"metadata garbage", func(n *node) error { return write(n.logPath(name, "meta.inf"), "\x00{garbage") }, []string{"made anew", "stream=" + name}},
		{"checksum gone", func(n *node) error { return os.Remove(n.logPath(name, "meta.sum")) }, []string{"made anew", "stream=" + name}},
		{"checksum of another", func(n *node) error {
			sum, err := os.ReadFile(n.logPath(name+"_BAD", "meta.sum"))
			return errors.Join(err, write(n.logPath(name, "meta.sum"), string(sum)))
		}, []string{"made anew", "stream=" + name}},
		{"metadata of another", func(n *node) error {
			inf, err := os.ReadFile(n.logPath(name+"_BAD", "meta.inf"))
			sum, err2 := os.ReadFile(n.logPath(name+"_BAD", "meta.sum"))
			return errors.Join(err, err2, write(n.logPath(name, "meta.inf"), string(inf)), write(n.logPath(name, "meta.sum"), string(sum)))
		}, []string{"made anew", "stream=" + name}},
		{"index gone", func(n *node) error { return os.RemoveAll(n.logPath(name, "msgs", "index.db")) }, nil},
		{"index garbage", func(n *node) error { return write(n.logPath(name, "msgs", "index.db"), "garbage") }, nil},
		{"index a directory", func(n *node) error {
			return errors.Join(os.RemoveAll(n.logPath(name, "msgs", "index.db")), os.Mkdir(n.logPath(name, "msgs", "index.db"), 0o700))
		}, []string{"set aside", "index.db"}},
		{"an empty directory", func(n *node) error { return os.Mkdir(n.logPath("old"), 0o700) }, []string{"left alone", "old"}},
		{"a file", func(n *node) error { return write(n.logPath("notes.txt"), "text") }, []string{"left alone", "notes.txt"}},
		{"a copy", func(n *node) error { return os.CopyFS(n.logPath(name+".bak"), os.DirFS(n.logPath(name))) }, []string{"left alone", name + ".bak"}},
		{"another account", func(n *node) error {
			return os.CopyFS(n.logPath("../../OTHER"), os.DirFS(n.logPath("..")))
		}, []string{"left alone", "OTHER"}},
		{"a file beside the accounts", func(n *node) error { return write(n.logPath("../../notes.txt"), "text") }, []string{"left alone", "notes.txt"}},
		{"a file beside the streams", func(n *node) error { return write(n.logPath("../notes.txt"), "text") }, []string{"left alone", "notes.txt"}},
		{"a broken consumer", func(n *node) error { return write(n.logPath(name, "obs", "x", "meta.inf"), "{") }, []string{"set aside", "obs"}},
		{"a stray block", func(n *node) error {
			return write(n.logPath(name, "msgs", "900.blk"), strings.Repeat("garbage ", 5000))
		}, []string{"set aside", "900.blk"}},
		{"a note that is garbage", func(n *node) error { return write(filepath.Join(n.launch.dir, "nats", "STREAMS"), "garbage") }, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			n := start(t, baseConfig())
			n.write(ramp("a", 100))
			n.wantError(n.send("POST", "/api/write?cluster=alex", "cpu_load,hostname=a,type=node value=x\n"), 400, "line 1")
			n.kill()
			if err := c.do(n); err != nil {
				t.Fatal(err)
			}
			for i := range 2 {
				n = n.restart()
				n.wantRamp("a", 100+i)
				if i == 0 && c.says != nil {
					n.wantLog(c.says...)
				}
				if a := n.send("GET", "/readyz", ""); a.status != 200 || a.body != "ready\n" {
					t.Errorf("readyz: %d %s", a.status, a.body)
				}
				n.write(line("a", "cpu_load", float64(100+i), origin+60*int64(100+i)))
				n.wantError(n.send("POST", "/api/write?cluster=alex", "cpu_load,hostname=a,type=node value=x\n"), 400, "line 1")
				if i == 0 {
					n.stop()
				}
			}
		})
	}
}

// TestDamagedLog flips a byte in the middle of the log of a program that was killed:
// one entry is lost, which is told in all places, and those after it are there.
func TestDamagedLog(t *testing.T) {
	t.Parallel()
	rnd := testkit.Rand(t)
	n := start(t, baseConfig())
	const entries = 60
	for i := range entries {
		n.write(line("a", "cpu_load", float64(i), origin+60*int64(i)))
	}
	n.kill()
	path := n.logPath("CC_METRICS", "msgs", "1.blk")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)/4+rnd.IntN(len(data)/2)] ^= 1 << rnd.IntN(8)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	n = n.restart()
	missing := 0
	for _, c := range n.cells(hostMetric{"alex", "a", "cpu_load"}, origin, origin+60*entries) {
		if c == nil {
			missing++
		}
	}
	if missing != 1 {
		t.Errorf("one byte costs %d of %d entries", missing, entries)
	}
	n.wantLog("level=ERROR", "a block of the log was damaged", "1.blk", "quarantine")
	n.wantLog("level=ERROR", "entries of a stream are lost", "stream=CC_METRICS", "entries=1", "first=", "last=", "after=20", "before=20")
	n.wantLog("level=ERROR", "lost entries before they were read", "missing=1", "from=20", "to=20")
	if lost := n.metric(`log_lost_entries_total{stream="CC_METRICS"}`); lost != 1 {
		t.Errorf("the metric says %v", lost)
	}
	if a := n.send("GET", "/readyz", ""); a.status != 200 || !containsAll(a.body, []string{"ready, but", "1 entries were lost", "CC_METRICS"}) {
		t.Errorf("readyz: %d %s", a.status, a.body)
	}
	n.stop()
	n = n.restart()
	if a := n.send("GET", "/readyz", ""); a.body != "ready\n" {
		t.Errorf("readyz of the next start: %d %s", a.status, a.body)
	}
}

// TestDamageThatLeavesNoTrace flips a byte of the log of a program that was stopped in
// order, as a failing disk does, without the file's time; and there is no checkpoint.
// What cannot be read is left out, and told.
func TestDamageThatLeavesNoTrace(t *testing.T) {
	t.Parallel()
	for name, at := range map[string]func(size int) int{
		"middle": func(size int) int { return size / 2 },
		"length": func(size int) int { return size / 60 * 30 }, // of a record: all have one size
		"end":    func(size int) int { return size - 12 },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := start(t, baseConfig())
			const entries = 60
			for i := range entries {
				n.write(line("a", "cpu_load", 1, origin+60*int64(i)))
			}
			n.stop()
			path := n.logPath("CC_METRICS", "msgs", "1.blk")
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			info, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			data[at(len(data))] ^= 1
			err = errors.Join(os.WriteFile(path, data, 0o600), os.Chtimes(path, info.ModTime(), info.ModTime()), os.RemoveAll(filepath.Join(n.launch.dir, "var")))
			if err != nil {
				t.Fatal(err)
			}
			n = n.restart()
			missing := 0
			for _, c := range n.cells(hostMetric{"alex", "a", "cpu_load"}, origin, origin+60*entries) {
				if c == nil {
					missing++
				}
			}
			n.write(line("b", "cpu_load", 0, origin))
			n.wantRamp("b", 1)
			if missing != 1 {
				t.Errorf("one byte costs %d of %d entries", missing, entries)
			}
			n.wantLog("level=ERROR", "entries of a stream are lost", "stream=CC_METRICS", "entries=1")
		})
	}
}

// TestLogThatEndsTooEarly: what was acknowledged and is not in the newest block any
// more is told, as far as it was noted, at most seconds before the end.
func TestLogThatEndsTooEarly(t *testing.T) {
	t.Parallel()
	n := start(t, baseConfig())
	const entries = 60
	for i := range entries {
		n.write(line("a", "cpu_load", float64(i), origin+60*int64(i)))
	}
	n.waitFor("the note", func() error {
		text, err := os.ReadFile(filepath.Join(n.launch.dir, "nats", "STREAMS"))
		if err == nil && !strings.Contains(string(text), fmt.Sprintf(`"last":%d,`, entries)) {
			err = fmt.Errorf("it says %s", text)
		}
		return err
	})
	n.kill()
	path := n.logPath("CC_METRICS", "msgs", "1.blk")
	info, err := os.Stat(path)
	if err == nil {
		err = os.Truncate(path, info.Size()/2)
	}
	if err != nil {
		t.Fatal(err)
	}
	n = n.restart()
	n.wantLog("level=ERROR", "entries of a stream are lost", "stream=CC_METRICS", fmt.Sprintf("last=%d", entries))
	if a := n.send("GET", "/readyz", ""); a.status != 200 || !containsAll(a.body, []string{"ready, but", "entries were lost"}) {
		t.Errorf("readyz: %d %s", a.status, a.body)
	}
	n.write(line("b", "cpu_load", 0, origin))
	n.wantRamp("b", 1)
}

// TestOutboxMetadataDamaged damages the metadata of the stream in which a write waits
// for the broker: it is forwarded all the same.
func TestOutboxMetadataDamaged(t *testing.T) {
	t.Parallel()
	b := startBroker(t, server.Options{JetStream: true})
	n := start(t, brokerConfig(b.URL))
	b.stop()
	n.write(ramp("a", 10))
	n.kill()
	for _, path := range []string{n.logPath("CC_METRICS_OUTBOX", "meta.inf"), filepath.Join(n.launch.dir, "nats", "STREAMS")} {
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	b.start()
	n = n.restart()
	n.wantLog("made anew", "stream=CC_METRICS_OUTBOX")
	n.wantRamp("a", 10)
	other := start(t, brokerConfig(b.URL))
	other.wantRamp("a", 10)
}
