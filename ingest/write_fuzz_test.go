package ingest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"cc-metric-store/ingest/lineproto"
	"cc-metric-store/store"
	"cc-metric-store/test/testkit"
)

// pieces reads a body in pieces of random lengths, and ends with err.
type pieces struct {
	body []byte
	rnd  *rand.Rand
	err  error
}

func (p *pieces) Read(buf []byte) (int, error) {
	n := min(len(p.body), len(buf), 1+p.rnd.IntN(1+len(p.body)))
	copy(buf, p.body[:n])
	p.body = p.body[n:]
	if len(p.body) == 0 && (n == 0 || p.rnd.IntN(2) == 0) {
		return n, p.err
	}
	return n, nil
}

var errBroken = errors.New("broken")

// smallPayload makes the entries of a body as small as they may be.
const smallPayload = lineproto.MaxLine + 2*headerRoom

// writing is a body, and what has to become of it.
type writing struct {
	body   pieces
	breaks bool // it counts to the end of its last complete line
	want   decodedEntry
}

// newWriting makes a body of some lines, which is written at the given time. A long
// one repeats them beyond the length of an entry.
func newWriting(s *store.Store, lines []byte, long, breaks bool, seed uint64, at time.Time) *writing {
	w := &writing{body: pieces{lines, rand.New(rand.NewPCG(seed, 0)), io.EOF}}
	if long {
		w.body.body = bytes.Repeat(lines, 1+2*smallPayload/(len(lines)+1))
	}
	complete := w.body.body
	// Whether a line that is too long was refused before the body broke off depends on
	// the pieces.
	if w.breaks = breaks && len(complete)-1-bytes.LastIndexByte(complete, '\n') <= lineproto.MaxLine; w.breaks {
		w.body.err, complete = errBroken, complete[:lineproto.CompleteLines(complete)]
	}
	lineproto.NewDecoder(s, nil, testFuture).Decode(bytes.Clone(complete), "c", at, &w.want.Decoded)
	return w
}

// check holds against the whole body, decoded at once and without a cache, how many
// lines were stored, how many were not by reason, and what the writer was told.
func (w *writing) check(t *testing.T, stored int64, notStored [lineproto.Reasons]int64, err error) {
	t.Helper()
	told, want := w.want.outcome(), int64(w.want.Lines)
	for r, got := range notStored {
		if got != int64(w.want.Counts[r]) {
			t.Errorf("%v: %d lines, want %d", lineproto.Reason(r), got, w.want.Counts[r])
		}
		want -= int64(w.want.Counts[r])
	}
	if stored != want {
		t.Errorf("%d samples are stored, want %d", stored, want)
	}
	refused, _ := errors.AsType[*store.RefusedError](err)
	switch {
	case w.breaks:
		if err != errBroken {
			t.Errorf("a broken body: %v", err)
		}
	case told.refused == 0 && err != nil,
		told.refused > 0 && (refused == nil || refused.Lines != told.refused || refused.First != told.first):
		t.Errorf("%v, want %d lines refused, of which %d is the first", err, told.refused, told.first)
	}
}

func (in *Ingest) notStored() (all [lineproto.Reasons]int64) {
	for r := range all {
		all[r] = in.counters.notStored[r].Load()
	}
	return all
}

// FuzzWrite cuts bodies into entries, and decodes them as the pipeline does.
func FuzzWrite(f *testing.F) {
	capture, err := os.ReadFile("lineproto/testdata/lines.lp")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(capture, uint8(0), false, uint64(1))
	f.Add(capture, uint8(255), false, uint64(2))
	f.Add(capture[:len(capture)-9], uint8(0), true, uint64(3))
	f.Add(bytes.Repeat([]byte("x"), 1000), uint8(255), false, uint64(4))
	for i, p := range testkit.Pitfalls(lineproto.MaxLine) {
		if len(p) < 1000 {
			f.Add([]byte(p+"\n"+testkit.PitfallKey+"1 17\n"), uint8(i*i), i%3 == 0, uint64(i))
		}
	}
	s := newTestStore(f)
	f.Fuzz(func(t *testing.T, lines []byte, length uint8, breaks bool, seed uint64) {
		body := newWriting(s, lines, length >= 250, breaks, seed, entryTime) // long ones are slow
		a := newApplier(t, s)
		w := newWrite(a.in, "c")
		stored := 0
		err := w.cut(t.Context(), &body.body, make([]byte, smallPayload-headerRoom), func(lines []byte, first int, _ bool) error {
			entry := bytes.Clone(lines)
			defer clear(entry) // nothing may refer to it any more
			a.apply(entry, "c")
			w.addOutcome(a.out.outcome(), first)
			stored += a.out.Samples
			a.in.counters.count(&a.out)
			return nil
		})
		if err == nil {
			err = w.result()
		}
		body.check(t, int64(stored), a.in.notStored(), err)
		if s.Stats().Series > 1000 {
			s.Free([][]string{nil}, 1<<62, store.Entry{})
		}
	})
}

// TestWriteOfRandomBodies writes lines and pieces of lines to a real server.
func TestWriteOfRandomBodies(t *testing.T) {
	t.Parallel()
	ns := serve(t, server.Options{DontListen: true, JetStream: true, StoreDir: t.TempDir(), MaxPayload: smallPayload})
	n := run(t, newTestStore(t), Config{Embedded: embed(ns), FutureTolerance: testFuture})
	rnd, pitfalls := testkit.Rand(t), testkit.Pitfalls(lineproto.MaxLine)
	for range 300 {
		var lines []byte
		for range 1 + rnd.IntN(20) {
			line := []byte(pitfalls[rnd.IntN(len(pitfalls))])
			if rnd.IntN(4) == 0 {
				line = line[:rnd.IntN(len(line)+1)]
			}
			lines = append(append(lines, line...), '\n')
		}
		body := newWriting(n.store, lines[:len(lines)-rnd.IntN(2)], rnd.IntN(4) == 0, rnd.IntN(4) == 0, rnd.Uint64(), time.Now())
		before, notStored := n.Stats().Samples, n.notStored()
		err := n.Write(t.Context(), "c", &body.body)
		after := n.notStored()
		for r := range after {
			after[r] -= notStored[r]
		}
		body.check(t, n.Stats().Samples-before, after, err)
	}
}

// TestALongLineAfterAMark writes a line that is as long as one may be, behind a mark
// that is no part of it, in a body that is cut.
func TestALongLineAfterAMark(t *testing.T) {
	ns := serve(t, server.Options{DontListen: true, JetStream: true, StoreDir: t.TempDir(), MaxPayload: smallPayload})
	n := run(t, newTestStore(t), Config{Embedded: embed(ns)})
	line := fmt.Sprintf("cpu_load,hostname=long value=1 %d", base)
	line = strings.Replace(line, ",", ",x="+strings.Repeat("y", lineproto.MaxLine-len(line)-3)+",", 1)
	for i := range 32 { // the body is cut at the end of the line, and some bytes before
		before := headerRoom - 16 + i
		body := strings.Repeat("#", before) + "\n" + "\ufeff" + line + "\n" + strings.Repeat("#\n", 1000)
		if err := n.Write(t.Context(), "c", strings.NewReader(body)); err != nil || len(line) != lineproto.MaxLine {
			t.Fatalf("a line of %d bytes behind a comment of %d: %v", len(line), before, err)
		}
	}
}
