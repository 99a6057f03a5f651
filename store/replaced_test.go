package store

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"
)

// replacing is a store whose lines and clock are known.
type replacing struct {
	t    *testing.T
	s    *Store
	now  time.Time
	said bytes.Buffer
}

func newReplacing(t *testing.T) *replacing {
	r := &replacing{t: t, now: time.Unix(t0, 0)}
	r.s = newStore(t, Config{
		Metrics: map[string]MetricConfig{"load": {Frequency: 60}, "flops": {Frequency: 60}, "fast": {Frequency: 10}},
		Now:     func() time.Time { return r.now }, Logger: slog.New(slog.NewTextHandler(&r.said, nil)),
	})
	return r
}

func (r *replacing) send(host string, at int64, value float64, metrics ...string) {
	b := Batch{Cluster: "c", Host: host, Parts: []Part{{}}}
	for _, m := range metrics {
		id, _ := r.s.Metric([]byte(m))
		b.Add(0, id, at, value)
	}
	r.s.Append(&b)
}

func (r *replacing) expect(replaced int64, lines int) {
	r.t.Helper()
	if n := r.s.Stats().Replaced; n != replaced {
		r.t.Errorf("%d samples are replaced, want %d", n, replaced)
	}
	if n := strings.Count(r.said.String(), "level=WARN"); n != lines {
		r.t.Errorf("%d lines, want %d:\n%s", n, lines, &r.said)
	}
}

// TestReplaced sends every 10 s what is configured at 60 s: five of six samples are
// counted, and each metric of a host is told once.
func TestReplaced(t *testing.T) {
	for _, constant := range []bool{false, true} {
		r := newReplacing(t)
		for i := range int64(60) {
			value := 1.0
			if !constant {
				value = float64(i)
			}
			r.send("h", t0-25+10*i, value, "load", "flops", "fast")
			if i > 30 {
				r.send("h", t0-25+10*i, value, "fast")
			}
		}
		r.expect(98, 1)
		for _, want := range []string{`metrics="load, flops"`, "host=h", "every 10s: 5 of 6", "frequency=1m0s"} {
			if !strings.Contains(r.said.String(), want) {
				t.Errorf("%s is not said:\n%s", want, &r.said)
			}
		}
	}
}

// TestReplacedByReference does it with references, whose samples take the short way.
func TestReplacedByReference(t *testing.T) {
	r := newReplacing(t)
	load, _ := r.s.Metric([]byte("load"))
	b := Batch{Cluster: "c", Host: "h", Parts: []Part{{}}}
	b.Add(0, load, t0, 1)
	r.s.Append(&b)
	ref := b.Samples[0].Ref
	for i := range int64(12) {
		one := Sample{Time: t0 - 25 + 60 + 10*i, Value: 1, Ref: ref}
		b.Samples = []Sample{one, one, one}
		r.s.Append(&b)
	}
	r.expect(30, 1) // a sample that comes three times in one batch, too: it came too often before
}

// TestNotReplaced sends what is no reason for a warning.
func TestNotReplaced(t *testing.T) {
	r := newReplacing(t)
	for i := range int64(20) {
		at := t0 + 60*i
		for range 2 { // messages that come twice, two for each interval
			r.send("h", at, float64(i), "load")
			r.send("h", at+1, float64(i), "flops")
		}
	}
	for i := range int64(20) { // a replay
		r.send("h", t0+60*i, float64(i), "load")
		r.send("h", t0+60*i+1, float64(i), "flops")
	}
	r.expect(0, 0)
	r.send("h", t0+60*30, 1, "load") // a clock that is not steady
	r.send("h", t0+60*30+50, 2, "load")
	r.send("h", t0+60*30+80, 2, "load")
	if n := strings.Count(r.said.String(), "level=WARN"); n != 0 {
		t.Errorf("said:\n%s", &r.said)
	}
}

// TestReplacedByMany has many hosts send too often: there are few lines a minute, and
// those that are not named are counted.
func TestReplacedByMany(t *testing.T) {
	r := newReplacing(t)
	for h := range 100 {
		for i := range int64(6) {
			r.send(fmt.Sprint("h", h), t0-25+10*i, 1, "load")
		}
	}
	r.expect(400, replacedLines)
	r.now = r.now.Add(time.Minute)
	r.said.Reset()
	r.send("another", t0, 1, "load")
	r.send("another", t0+10, 1, "load")
	r.expect(401, 1)
	if !strings.Contains(r.said.String(), "more_not_named=90") {
		t.Errorf("said:\n%s", &r.said)
	}
	for h := range maxReplaced + 10 {
		r.send(fmt.Sprint("g", h), t0, 1, "load")
		r.send(fmt.Sprint("g", h), t0+10, 1, "load")
	}
	if n := len(r.s.replacements.seen); n > maxReplaced {
		t.Errorf("%d are remembered", n)
	}
}
