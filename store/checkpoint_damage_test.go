package store

import (
	"bytes"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"cc-metric-store/test/testkit"
)

// newDamage makes a directory with two small checkpoints, and the log since the
// first entry: two checkpoints of six entries each, and six more.
func newDamage(t *testing.T, entry func(*restarts)) *restarts {
	r := newRestarts(t, 1, 6)
	r.rnd = rand.New(rand.NewPCG(1, 1))
	for i := range 3 {
		for range 6 {
			entry(r)
		}
		if i < 2 {
			r.mustWrite()
		}
	}
	return r
}

func (r *restarts) smallEntry() {
	host := hostKey{"c", pick(r.rnd, "h1", "h2")}
	id, _ := r.store.Metric([]byte("load"))
	b := &Batch{Cluster: host.cluster, Host: host.host, Parts: []Part{{}, {Type: "socket", ID: "0"}}}
	for range 4 {
		r.base += 60
		at, value, part := r.base-60*r.rnd.Int64N(5), float64(r.rnd.IntN(100)), int32(r.rnd.IntN(2))
		b.Add(part, id, at, value)
	}
	for _, s := range b.Samples {
		r.model.set(modelSeries{host, b.Parts[b.Names[s.Name].Part], "load"}, s.Time, s.Value)
	}
	r.log.add(r.store, func(s *Store, e Entry) {
		one := *b
		one.Entry, one.Samples = e, slices.Clone(b.Samples) // without references
		s.Append(&one)
	})
}

// files is the content of a directory's checkpoints and segments.
type files map[string][]byte

func readFiles(t *testing.T, dir string) files {
	t.Helper()
	out := files{}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.Name() == "LOCK" {
			continue
		}
		if out[e.Name()], err = os.ReadFile(filepath.Join(dir, e.Name())); err != nil {
			t.Fatal(err)
		}
	}
	count := func(suffix string) (n int) {
		for name := range out {
			if strings.HasSuffix(name, suffix) {
				n++
			}
		}
		return n
	}
	if count(".checkpoint") != 2 || count(".segment") != 2 {
		t.Fatalf("the directory holds %d files: the test does not show what it should", len(out))
	}
	return out
}

// restore makes the directory hold these files, of which one has other content.
func (f files) restore(t *testing.T, dir, other string, content []byte) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.Name() != "LOCK" { // the others, too: to write over a file may wait for the disk
			if err := os.Remove(filepath.Join(dir, e.Name())); err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, bytes := range f {
		if name == other {
			bytes = content
		}
		if err := os.WriteFile(filepath.Join(dir, name), bytes, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// logTo has what the checkpoints log written to the buffer from the next restart
// on.
func (r *restarts) logTo(log *bytes.Buffer) {
	log.Reset()
	r.logger = slog.New(slog.NewTextHandler(log, nil))
}

func flip(content []byte, at int) []byte {
	content = slices.Clone(content)
	content[at] ^= 1 << (at % 8)
	return content
}

// TestDamage flips each byte of each file of a directory, and cuts each file at
// each length: with the log, the answers are right.
func TestDamage(t *testing.T) {
	t.Parallel()
	r := newDamage(t, (*restarts).smallEntry)
	all := readFiles(t, r.dir)
	var log bytes.Buffer
	tries := 0
	try := func(name string, content []byte, what string, at int) {
		t.Helper()
		r.checkpoints.Close()
		all.restore(t, r.dir, name, content)
		r.logTo(&log)
		r.restart()
		r.checkAll()
		if !strings.Contains(log.String(), "level=ERROR") {
			t.Fatalf("%s: that it is %s %d is not reported:\n%s", name, what, at, &log)
		}
		if tries++; tries%32 != 0 { // to flush to the disk takes its time
			return
		}
		// What is written now can be read.
		r.mustWrite()
		r.restart()
		r.checkAll()
	}
	for name, content := range all {
		if name == "0000000000000001.checkpoint" {
			continue // is not even opened
		}
		for i := range content {
			try(name, flip(content, i), "flipped at", i)
			try(name, content[:i], "cut to", i)
		}
	}
}

// shortLog is a log that lost its first entries, and what they would have set.
type shortLog struct {
	*restarts
	first uint64 // entry that is there
	sets  []setBy
}

// setBy is a sample and its entry.
type setBy struct {
	entry uint64
	at    cell
	value float64
}

type cell struct {
	host, socket string
	time         int64
}

// entry appends some samples of a host, at full minutes, some of them late.
func (l *shortLog) entry(r *restarts) {
	number := uint64(len(r.log.entries) + 1)
	host := pick(r.rnd, "h1", "h2", "h3")
	id, _ := r.store.Metric([]byte("load"))
	b := &Batch{Cluster: "c", Host: host, Parts: []Part{{Type: "socket", ID: "0"}, {Type: "socket", ID: "1"}}}
	r.base += 120
	for i := range 6 {
		at, value, part := r.base-60*r.rnd.Int64N(6), float64(100*int(number)+i), r.rnd.Int32N(2)
		b.Add(part, id, at, value)
		l.sets = append(l.sets, setBy{number, cell{host, b.Parts[part].ID, at}, value})
	}
	r.log.add(r.store, func(s *Store, e Entry) {
		one := *b
		one.Entry, one.Samples = e, slices.Clone(b.Samples) // without references
		s.Append(&one)
	})
}

// values returns what the entries set that are not left out.
func (l *shortLog) values(has func(entry uint64) bool) map[cell]float64 {
	out := map[cell]float64{}
	for _, s := range l.sets {
		if has(s.entry) {
			out[s.at] = s.value
		}
	}
	return out
}

// span is what a report names.
type span struct{ from, to int64 }

// named returns what a log says of lost blocks, by host.
func named(t *testing.T, log string) map[string]span {
	t.Helper()
	out := map[string]span{}
	at := func(text string) int64 {
		at, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t.Fatal(err)
		}
		return at.Unix()
	}
	for _, m := range regexp.MustCompile(`level=ERROR .* cluster=c host=(\S+) from=(\S+) to=(\S+)`).FindAllStringSubmatch(log, -1) {
		out[m[1]] = span{at(m[2]), at(m[3])}
	}
	return out
}

// check compares all samples. The entries up to loaded are in a checkpoint, those
// from first on in the log. What the log lacks in between is reported by the one
// who reads it; samples of lost blocks may be missing if they are named.
func (l *shortLog) check(t *testing.T, loaded uint64, lost map[string]span) {
	t.Helper()
	want := l.values(func(e uint64) bool { return e <= loaded || e >= l.first })
	sure := l.values(func(e uint64) bool { return e >= l.first })
	for _, host := range []string{"h1", "h2", "h3"} {
		for _, socket := range []string{"0", "1"} {
			q := &Query{Cluster: "c", Host: host, Metric: "load", Type: "socket", TypeIDs: []string{socket}, From: l.base - 60*100, To: l.base + 60*10, NoStats: true}
			got, err := l.store.Query(q)
			if err != nil {
				t.Fatal(err)
			}
			for i := range (q.To - q.From) / 60 {
				at := cell{host, socket, q.From + 60*i}
				value, inLost := math.NaN(), lost[host].from <= at.time && at.time < lost[host].to
				if len(got) > 0 {
					value = got[0].Values[i]
				}
				right, is := want[at]
				_, isSure := sure[at]
				if is && value != right && (isSure || !inLost || !math.IsNaN(value)) || !is && !math.IsNaN(value) {
					t.Fatalf("%+v is %v, want %v (%v); checkpoint of entry %d, log from %d on, named %v", at, value, right, is, loaded, l.first, lost)
				}
			}
		}
	}
}

// TestDamageAndShortLog flips bytes where the log has only what comes after the
// older checkpoint, or the newer one: the answers are right, but for what is
// reported.
func TestDamageAndShortLog(t *testing.T) {
	t.Parallel()
	seed := testkit.Seed(t)
	for _, first := range []uint64{7, 13} {
		t.Run(fmt.Sprintf("from entry %d on", first), func(t *testing.T) {
			l := &shortLog{first: first}
			l.restarts = newDamage(t, l.entry)
			all := readFiles(t, l.dir)
			for n := range l.first - 1 {
				l.log.entries[n] = func(*Store, Entry) {}
			}
			var log bytes.Buffer
			outcomes := map[string]int{}
			rnd := rand.New(rand.NewPCG(seed, 2))
			for name, content := range all {
				for i := rnd.IntN(4); i < len(content); i += 1 + rnd.IntN(6) {
					l.checkpoints.Close()
					all.restore(t, l.dir, name, flip(content, i))
					l.logTo(&log)
					from := l.restart()
					loaded, outcome := from.From.Entry.Seq, "complete"
					lost := named(t, log.String())
					if from.From.Created.IsZero() {
						m := regexp.MustCompile(`no checkpoint is complete.*/(\d+)\.checkpoint`).FindStringSubmatch(log.String())
						if m == nil || len(lost) == 0 {
							t.Fatalf("%s flipped at %d: not reported:\n%s", name, i, &log)
						}
						id, _ := strconv.ParseUint(m[1], 10, 64)
						loaded, outcome = 6*id, "incomplete"
					} else if len(lost) > 0 {
						t.Fatalf("%s flipped at %d: a loss is reported, and none there:\n%s", name, i, &log)
					}
					outcomes[fmt.Sprint(outcome, loaded)]++
					l.check(t, loaded, lost)
				}
			}
			if outcomes["complete6"] == 0 || outcomes["complete12"] == 0 || outcomes["incomplete12"] == 0 {
				t.Errorf("outcomes %v: the test does not show what it should", outcomes)
			}
		})
	}
}

// TestNoReadableCheckpoint damages both: that is said.
func TestNoReadableCheckpoint(t *testing.T) {
	r := newDamage(t, (*restarts).smallEntry)
	for name, content := range readFiles(t, r.dir) {
		if err := os.WriteFile(filepath.Join(r.dir, name), flip(content, len(content)-1), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var log bytes.Buffer
	r.logTo(&log)
	r.restart()
	r.checkAll()
	if !strings.Contains(log.String(), "no checkpoint can be read") || strings.Count(log.String(), "set aside") != 2 {
		t.Error(log.String())
	}
}
