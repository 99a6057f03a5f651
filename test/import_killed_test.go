package test

import (
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"cc-metric-store/test/testkit"
)

// killRounds is how often an import is killed.
const killRounds = 10

// foreign is a directory with many JSON snapshots that a test made.
type foreign struct {
	dir                                string
	hosts, files, metrics, perSnapshot int
}

func (f foreign) value(host, metric, at int) float64 {
	return float64((host*31+metric*7+at)%1000) + 0.5
}

func (f foreign) samples() int { return f.hosts * f.files * f.metrics * f.perSnapshot }

// write writes the files.
func (f foreign) write(t *testing.T) foreign {
	t.Helper()
	for host := range f.hosts {
		dir := filepath.Join(f.dir, "alex", fmt.Sprintf("h%d", host))
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		for file := range f.files {
			begin := origin + file*f.perSnapshot
			var b strings.Builder
			fmt.Fprintf(&b, `{"from":%d,"to":%d,"children":{},"metrics":{`, begin, begin+f.perSnapshot)
			for m := range f.metrics {
				if m > 0 {
					b.WriteString(",")
				}
				fmt.Fprintf(&b, `"m%d":{"frequency":1,"start":%d,"data":[`, m, begin)
				for i := range f.perSnapshot {
					if i > 0 {
						b.WriteString(",")
					}
					fmt.Fprintf(&b, "%.1f", f.value(host, m, begin+i))
				}
				b.WriteString("]}")
			}
			b.WriteString("}}")
			if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%d.json", begin)), []byte(b.String()), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	return f
}

// want checks that all samples are answered.
func (f foreign) want(n *node) {
	n.t.Helper()
	wrong := 0
	for host := range f.hosts {
		var queries []object
		for m := range f.metrics {
			queries = append(queries, object{"metric": fmt.Sprintf("m%d", m), "host": fmt.Sprintf("h%d", host)})
		}
		to := origin + f.files*f.perSnapshot
		for m, row := range n.query(object{"cluster": "alex", "from": origin, "to": to, "queries": queries}) {
			for at := origin; at < to; at++ {
				if len(row) == 0 || at-origin >= len(row[0].Data) || row[0].Data[at-origin] == nil || *row[0].Data[at-origin] != f.value(host, m, at) {
					wrong++
				}
			}
		}
	}
	if wrong > 0 {
		n.t.Errorf("%d of %d samples are missing or wrong", wrong, f.samples())
	}
}

func foreignConfig() object {
	cfg := baseConfig()
	cfg["metrics"] = object{"*": second()}
	section(cfg, "nats")["embedded"] = object{"directory": "nats"}
	return cfg
}

// logSize is what the log of the node in dir takes on disk.
func logSize(dir string) (size int64) {
	_ = filepath.WalkDir(filepath.Join(dir, "nats"), func(path string, e fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, ".blk") {
			if info, err := e.Info(); err == nil {
				size += info.Size()
			}
		}
		return nil
	})
	return size
}

// TestImportKilled: -import is killed again and again, at sizes of the log from a printed seed,
// and then completes.
func TestImportKilled(t *testing.T) {
	t.Parallel()
	random, dir := testkit.Rand(t), t.TempDir()
	f := foreign{t.TempDir(), 4, 2, 50, 500}.write(t)
	l := launch{dir: dir, config: foreignConfig(), args: []string{"-config", "config.json", "-loglevel", "info", "-import", f.dir}}
	const most = 1 << 20 // somewhat less than the whole
	for round := range killRounds {
		n := run(t, l)
		from := logSize(dir)
		more := random.Int64N(most * 2 / killRounds)
		for !n.ended() && logSize(dir) < from+more {
			time.Sleep(time.Millisecond) // between two looks
		}
		if n.ended() {
			t.Logf("round %d came to its end", round)
			n.wantExit(0)
			continue
		}
		n.kill()
	}
	n := run(t, l)
	n.wantExit(0)
	if !n.stdout.hasLine(fmt.Sprintf("%d samples were imported", f.samples())) {
		t.Errorf("the report lacks the number of samples: %s", n.stdout)
	}
	l.args = nil
	n = begin(t, l)
	n.awaitReady()
	f.want(n)
}

// TestNodeKilledWhileImporting: a node is killed again and again while it imports what it found
// at its first start. It goes on where it was, and completes.
func TestNodeKilledWhileImporting(t *testing.T) {
	t.Parallel()
	random, dir := testkit.Rand(t), t.TempDir()
	f := foreign{filepath.Join(dir, "var", "checkpoints"), 8, 1, 50, 500}.write(t)
	l := launch{dir: dir, config: foreignConfig()}
	for range killRounds {
		n := begin(t, l)
		killWhileImporting(n, random, f)
	}
	n := begin(t, l)
	n.awaitReady()
	n.waitFor("the import to be complete", f.checkComplete)
	f.want(n)
	n.write(line("h1", "m1", 4711, origin))
	n.stop()
	n = n.restart()
	n.want(hostMetric{"alex", "h1", "m1"}, origin, 4711) // and not what the files say
}

// checkComplete returns an error unless the node has recorded that all is imported.
func (f foreign) checkComplete() error {
	state, err := os.ReadFile(filepath.Join(f.dir, "IMPORTED"))
	if err == nil && !strings.HasSuffix(string(state), "complete\n") {
		err = fmt.Errorf("IMPORTED has %d bytes", len(state))
	}
	return err
}

// killWhileImporting kills a node after a random number of further samples, or when it has all.
func killWhileImporting(n *node, random *rand.Rand, f foreign) {
	n.t.Helper()
	n.awaitReady()
	more := random.Float64() * float64(f.samples()) / killRounds * 2
	from := n.metric("samples_total")
	n.waitFor("samples", func() error {
		if got := n.metric("samples_total"); got < from+more && f.checkComplete() != nil {
			return fmt.Errorf("%v samples since %v, want %v", got-from, from, more)
		}
		return nil
	})
	n.t.Logf("killed when it was complete: %v", f.checkComplete() == nil)
	n.kill()
}
