package ingest

import (
	"context"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/nats-io/nats.go"

	"cc-metric-store/ingest/lineproto"
	"cc-metric-store/store"
	"cc-metric-store/test/testkit"
)

// reporter decodes, stores and reports as the pipeline does; what it tells is in
// log.
type reporter struct {
	t   *testing.T
	in  *Ingest
	log testkit.LogBuffer
	dec *lineproto.Decoder
	seq uint64
	now time.Time
}

func newReporter(t *testing.T, cfg store.Config) *reporter {
	t.Helper()
	cfg.Metrics = testMetricConfigs()
	s, err := store.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	r := &reporter{t: t, now: time.Unix(base, 0)}
	r.in, err = New(Config{Embedded: cannotEmbed, Logger: slog.New(slog.NewTextHandler(&r.log, nil)), timings: timings{report: time.Minute}}, s)
	if err != nil {
		t.Fatal(err)
	}
	r.dec = lineproto.NewDecoder(s, r.in.series, time.Minute)
	return r
}

// entry takes in the lines of an entry, of the given default cluster.
func (r *reporter) entry(lines, cluster string) {
	r.seq++
	e := &entry{incoming: incoming{epoch: 1, seq: r.seq, data: []byte(lines), cluster: cluster, written: entryTime}}
	decodeEntry(r.dec, e)
	for i := range e.out.Batches {
		e.out.Batches[i].Entry = e.storeEntry()
		r.in.apply(&e.out, i)
	}
	r.in.counters.count(&e.out)
	r.in.reports.record(e, "hpc-nats")
	clear(e.data) // nothing may refer to it any more
}

// told returns the log lines that are due now.
func (r *reporter) told() []string {
	r.t.Helper()
	before := len(r.log.String())
	r.in.reports.tell(r.now, false)
	return strings.Split(strings.TrimSpace(r.log.String()[before:]), "\n")
}

// want checks that one log line is due that matches each of the patterns, or none if
// there are none.
func (r *reporter) want(patterns ...string) {
	r.t.Helper()
	lines := r.told()
	if len(lines) != 1 || (lines[0] == "") != (len(patterns) == 0) {
		r.t.Errorf("told %q, want one line with %q", lines, patterns)
		return
	}
	for _, p := range patterns {
		if !regexp.MustCompile(p).MatchString(lines[0]) {
			r.t.Errorf("told %s, want %s", lines[0], p)
		}
	}
}

// TestUnknownMetricsAreTold names each metric that is not configured once.
func TestUnknownMetricsAreTold(t *testing.T) {
	r := newReporter(t, store.Config{})
	const known = "cpu_load,cluster=fritz,hostname=f1 value=1\n"
	line := "nope,cluster=fritz,hostname=f1,type=node value=1\n"
	r.entry(known+line, "")
	r.want("level=WARN", `"a metric is not configured.*add it to .*metrics.* in the configuration`, "metric=nope cluster=fritz host=f1 from=hpc-nats")
	for range 3 { // from now on its key is cached
		r.now = r.now.Add(time.Hour)
		r.entry(known+line+line, "")
		r.want()
	}
	r.entry("nope,cluster=fritz,hostname=f2 value=1\n"+known+strings.ReplaceAll(line, "f1", "f3")+`odd\,one,hostname=h value=2`+"\n", "dc")
	r.want(`metric="?odd,one"? cluster=dc host=h`)
	r.entry("nope,hostname=f2 value=oops\njob event=\"x\"\nother,hostname=h value=1 x\n", "dc") // no metrics, all of these
	list := r.in.UnknownMetrics()
	if len(list) != 2 || list[0] != (store.UnknownMetric{Name: "nope", Lines: 9, Cluster: "fritz", Host: "f1"}) || list[1].Name != "odd,one" || list[1].Lines != 1 {
		t.Errorf("listed: %+v", list)
	}
}

// TestUnknownMetricsAreBounded sends more names than are known.
func TestUnknownMetricsAreBounded(t *testing.T) {
	r := newReporter(t, store.Config{})
	var b strings.Builder
	const names = 3 * lineproto.MaxUnknownMetrics
	for round := range 3 {
		b.Reset()
		for i := range names {
			fmt.Fprintf(&b, "m%s%d,hostname=h value=1\ncpu_load,hostname=h value=1\n", strings.Repeat("é", i%300), i)
		}
		r.entry(b.String(), "dc")
		lines := r.told()
		if round > 0 {
			if len(lines) != 1 || lines[0] != "" {
				t.Errorf("told once more: %q", lines)
			}
			continue
		}
		if len(lines) != namedAtOnce+2 {
			t.Errorf("%d lines", len(lines))
		}
		for _, l := range lines {
			if !utf8.ValidString(l) || len(l) > keptNames+1000 {
				t.Errorf("%q", l)
			}
		}
	}
	list, sum := r.in.UnknownMetrics(), int64(0)
	for _, m := range list {
		sum += m.Lines
		if !utf8.ValidString(m.Name) || len(m.Name) > 256 {
			t.Errorf("%+v", m)
		}
	}
	if sum != 3*names || len(list) > lineproto.MaxUnknownMetrics+1 || list[len(list)-1].Name != "" {
		t.Errorf("%d of %d lines by %d names", sum, 3*names, len(list))
	}
	r.now = r.now.Add(time.Minute)
	r.want("further metrics", fmt.Sprintf("lines=%d", 2*list[len(list)-1].Lines/3))
}

// TestRefusedLinesAreTold: at once, and then once a minute.
func TestRefusedLinesAreTold(t *testing.T) {
	r := newReporter(t, store.Config{})
	r.entry("cpu_load,cluster=c,hostname=bad value=oo\x01\x1b[31mps\n", "dc")
	r.want("level=WARN", "lines=1 ", "reasons=\"syntax 1\"", "why=.column", "first=.*oo", "cluster=c host=bad", "entry=1 line=1", "nats stream view CC_METRICS_BAD")
	if strings.ContainsAny(r.log.String(), "\x01\x1b") {
		t.Errorf("control characters in %q", r.log.String())
	}
	garbage := strings.Repeat("x", 10_000) + "\n"
	for range 10 {
		r.entry(strings.Repeat(garbage, 10_000/100)+"cpu_load,hostname=h value=1 9000000000\ncpu_load,hostname=.. value=1\n", "dc")
		r.want()
	}
	r.now = r.now.Add(time.Minute)
	r.want("lines=1020 ", `reasons="name 10, syntax 1000, future 10"`, "first=x{200}…", "entry=2 line=1")
	r.want()
	r.now = r.now.Add(time.Hour)
	r.want()
	tags := "cpu_load,hostname=h"
	for i := range lineproto.MaxTags {
		tags += fmt.Sprintf(",t%d=x", i)
	}
	for reason, line := range map[string]string{
		"syntax": "\xff\xfec\x00p\x00u", "field": "cpu_load,hostname=h x=1", "value": "cpu_load,hostname=h value=true", "timestamp": "cpu_load,hostname=h value=1 -9223372036854775808",
		"future": "cpu_load,hostname=h value=1 9000000000", "too-long": strings.Repeat("x", lineproto.MaxLine+1), "too-many-tags": tags + " value=1", "name": "cpu_load,hostname=a/b value=1",
	} {
		r.now = r.now.Add(time.Minute)
		r.entry(line, "dc")
		r.want("reasons=\""+reason+" 1\"", "why=", "first=")
	}
}

// TestNamelessSamplesAreTold: they are stored under an empty name.
func TestNamelessSamplesAreTold(t *testing.T) {
	r := newReporter(t, store.Config{})
	stored := func(cluster, host string, want float64) {
		t.Helper()
		if v := value(t, r.in.store, cluster, host, "cpu_load", entryTime.Unix()-30); v != want {
			t.Errorf("%q/%q: %v, want %v", cluster, host, v, want)
		}
	}
	r.entry("cpu_load,cluster=fritz,hostnam=f1,type=node value=1\n", "")
	r.want("no hostname tag", "lines=1 ", `first="cpu_load,cluster=fritz,hostnam=f1`, "cluster=fritz", "entry=1 line=1")
	stored("fritz", "", 1)
	for i := range 5 { // parsed, cached, and similar to one of another host
		r.entry(strings.Repeat(fmt.Sprintf("cpu_load,cluser=fritz,hostname=f%d value=%d\n", i/2, i), 10), "")
		if i == 0 {
			r.want("no cluster tag", "lines=10 ", `first="cpu_load,cluser=fritz,hostname=f0 value=0"`, "host=f0")
		} else {
			r.want()
		}
	}
	stored("", "f1", 3)
	r.entry("cpu_load,cluser=fritz,hostname=f0 value=7\n", "dc") // there is a default
	r.entry("nope,hostname=f0 value=7\ncpu_load value=oops\n", "")
	stored("dc", "f0", 7)
	r.now = r.now.Add(time.Minute)
	var no int
	for _, l := range r.told() {
		if strings.Contains(l, "no cluster tag") {
			no++
			if !strings.Contains(l, "lines=40 ") {
				t.Errorf("told %s", l)
			}
		}
	}
	if s := r.in.Stats(); no != 1 || s.NoHost != 1 || s.NoCluster != 50 {
		t.Errorf("told %d times; %d without host, %d without cluster", no, s.NoHost, s.NoCluster)
	}
}

// TestLimitsAreTold: samples beyond a limit of the store.
func TestLimitsAreTold(t *testing.T) {
	r := newReporter(t, store.Config{MaxSeries: 1, MaxHosts: 1})
	r.entry("cpu_load,hostname=h value=1\ncpu_user,hostname=h value=1\nflops_any,hostname=h value=1\ncpu_load,hostname=i value=1\n", "dc")
	r.want("beyond a limit", "lines=3 ", `limits="max-series-per-host 2, max-hosts 1"`, "cluster=dc host=h", "entry=1")
}

// TestReportsOfARunningNode: what there is to tell is told without being asked for,
// and the rest at the end.
func TestReportsOfARunningNode(t *testing.T) {
	ns := broker(t, t.TempDir(), true, -1)
	slow := quick
	slow.report = time.Hour
	n := run(t, newTestStore(t), Config{Embedded: embed(ns), timings: slow})
	eventually(t, "ready", func() bool { return n.Ready() == nil })
	write := func(body string) error { return n.Write(context.Background(), "c", strings.NewReader(body)) }
	if err := write("garbage\n"); err == nil {
		t.Error("garbage is taken")
	}
	eventually(t, "a warning", func() bool { return strings.Contains(n.log.String(), "first=garbage from=/api/write") })
	if err := write(strings.Repeat("x", 2*lineproto.MaxLine) + "\nmore garbage\n"); err == nil || !strings.Contains(err.Error(), "limit of 65536") {
		t.Errorf("error %v", err)
	}
	js := connectTo(t, ns)
	for range 100 { // no log line for each
		if _, err := js.PublishMsg(context.Background(), &nats.Msg{Subject: "CC_METRICS.free", Data: []byte("no request")}); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "all entries", func() bool { return n.Stats().Entries >= 102 })
	n.stop()
	if log := n.log.String(); strings.Count(log, "lines were refused") != 2 || !strings.Contains(log, `lines=102 reasons="syntax 101, too-long 1"`) {
		t.Errorf("log:\n%s", log)
	}
}
