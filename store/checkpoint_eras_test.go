package store

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"cc-metric-store/test/testkit"
)

// runs is a store that is started again and again, each time with another
// configuration. Its log is read as ingest does it.
type runs struct {
	*equivalence
	cfg         Config
	now         time.Time
	log         *testLog
	dir         string
	said        bytes.Buffer
	checkpoints *Checkpoints
}

func newRuns(t *testing.T, seed uint64, slots int) *runs {
	r := &runs{
		equivalence: &equivalence{t: t, model: newModel(map[string]MetricConfig{}, slots)},
		now:         logCreated, log: newTestLog(), dir: t.TempDir(),
	}
	r.equivalence = newEquivalence(t, seed, Config{Metrics: equivalenceMetrics, blockSlots: slots})
	r.model = newModel(map[string]MetricConfig{}, slots)
	r.cfg = Config{blockSlots: slots, Stripes: 4, Retention: 1e5 * time.Hour, Now: func() time.Time { return r.now }}
	t.Cleanup(func() { r.checkpoints.Close() })
	return r
}

// start starts the store: it loads the newest checkpoint and reads the log.
func (r *runs) start(metrics map[string]MetricConfig, other *MetricConfig) {
	r.t.Helper()
	r.now = r.now.Add(time.Minute)
	if r.checkpoints != nil {
		r.checkpoints.Close()
	}
	r.cfg.Metrics, r.cfg.AnyMetric = metrics, other
	var err error
	if r.store, err = New(r.cfg); err != nil {
		r.t.Fatal(err)
	}
	r.said.Reset()
	r.checkpoints, err = OpenCheckpoints(r.store, CheckpointConfig{Directory: r.dir, Logger: slog.New(slog.NewTextHandler(&r.said, nil))})
	if err != nil {
		r.t.Fatal(err)
	}
	from, err := r.checkpoints.Load(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	if from.From.Entry.Seq < r.log.released.Seq {
		r.t.Fatalf("the log is needed from entry %d on, what is before %d was released", from.From.Entry.Seq, r.log.released.Seq)
	}
	r.log.replay(r.store, from)
	r.checkHeld()
	if strings.Contains(r.said.String(), "is damaged") {
		r.t.Fatalf("said:\n%s", &r.said)
	}
}

// stop ends a run in order.
func (r *runs) stop() {
	r.t.Helper()
	if err := r.checkpoints.Finish(r.t.Context(), r.log, true); err != nil {
		r.t.Fatal(err)
	}
}

// frequency returns the interval at which a name is accepted now, 0 if it is not.
func (r *runs) frequency(name string) int64 {
	if m, ok := r.cfg.Metrics[name]; ok {
		return m.Frequency
	}
	if r.cfg.AnyMetric != nil {
		return r.cfg.AnyMetric.Frequency
	}
	return 0
}

// modelName is the name that the model has for a metric with one interval.
func (r *runs) modelName(name string, frequency int64) string {
	full := fmt.Sprintf("%s@%d", name, frequency)
	r.model.metrics[full] = MetricConfig{frequency, AggregateSum}
	return full
}

// send adds an entry with samples of one series.
func (r *runs) send(host string, part Part, name string, value float64, times ...int64) {
	key := hostKey{"alex", host}
	if f := r.frequency(name); f > 0 {
		for i, t := range times {
			r.model.set(modelSeries{key, part, r.modelName(name, f)}, t, value+float64(i))
		}
	}
	at := r.now
	r.now = r.now.Add(time.Second)
	r.log.add(r.store, func(s *Store, e Entry) {
		era := s.Era(at)
		id, ok := s.MetricIn(era, []byte(name))
		if !ok {
			var how Admission
			if id, how = s.Admit(era, "alex", host, []byte(name)); how != Admitted {
				return
			}
		}
		b := &Batch{Entry: e, Cluster: "alex", Host: host, Parts: []Part{part}}
		for i, t := range times {
			b.Add(0, id, t, value+float64(i))
		}
		if done := s.Append(b); done.Stored != len(times) && done != (Appended{Series: done.Series}) {
			r.t.Errorf("appended %+v", done)
		}
	})
}

// check compares an answer with the model: of each interval with samples in the
// window, at the longest of them.
func (r *runs) check(q *Query, frequencies []int64) {
	r.t.Helper()
	got, err := r.store.Query(q)
	present := r.frequency(q.Metric)
	if unknown := (*UnknownMetricError)(nil); present == 0 {
		if !errors.As(err, &unknown) {
			r.t.Fatalf("%+v: %v of a metric that is not configured", q, err)
		}
		return
	}
	if err != nil {
		r.t.Fatalf("%+v: %v", q, err)
	}
	held, longest := false, int64(0)
	of := map[int64][]float64{}
	for _, f := range frequencies {
		one := *q
		one.Metric = r.modelName(q.Metric, f)
		series, err := r.model.query(&one)
		if err != nil {
			r.t.Fatal(err)
		}
		if len(series) > 0 {
			held = true
			if slices.ContainsFunc(series[0].Values, func(v float64) bool { return !math.IsNaN(v) }) {
				of[f] = series[0].Values
				longest = max(longest, f)
			}
		}
	}
	if !held || len(got) == 0 {
		if held || len(got) > 0 {
			r.t.Fatalf("%+v: %d series, the model holds some: %v", q, len(got), held)
		}
		return
	}
	if longest > 0 && got[0].Resolution != longest {
		r.t.Fatalf("%+v: at %d s, want %d", q, got[0].Resolution, longest)
	}
	if n := ceilDiv(q.To-q.From, got[0].Resolution); int64(len(got[0].Values)) != n {
		r.t.Fatalf("%+v: %d values, want %d", q, len(got[0].Values), n)
	}
	for i, v := range got[0].Values {
		var want []float64
		for f, values := range of {
			if x := around(values, f, int64(i), longest); !math.IsNaN(x) && f == present {
				want = []float64{x}
				break
			} else if !math.IsNaN(x) {
				want = append(want, x)
			}
		}
		if !slices.Contains(want, v) && !(math.IsNaN(v) && len(want) == 0) {
			r.t.Fatalf("%+v: cell %d of %d s is %v, want one of %v", q, i, longest, v, want)
		}
	}
}

// around returns the last of the values of f seconds around the middle of a cell.
func around(values []float64, f, cell, length int64) float64 {
	last := math.NaN()
	for i, v := range values {
		if off := 2 * (int64(i)*f - cell*length); off > -length && off <= length && !math.IsNaN(v) {
			last = v
		}
	}
	return last
}

var erasFrequencies = []int64{10, 30, 45, 60, 120}

// TestChangedConfigurations starts a store with one configuration after the other,
// after stops and crashes, with and without checkpoints: nothing is lost that was
// accepted once.
func TestChangedConfigurations(t *testing.T) {
	seed := testkit.Seed(t)
	for _, slots := range []int{1, 8, 128} {
		t.Run(fmt.Sprintf("slots=%d", slots), func(t *testing.T) {
			r := newRuns(t, seed, slots)
			for range 12 {
				metrics := map[string]MetricConfig{}
				for _, name := range []string{"load", "power", "temp"} {
					if r.rnd.IntN(4) > 0 {
						metrics[name] = MetricConfig{pick(r.rnd, erasFrequencies...), AggregateSum}
					}
				}
				var other *MetricConfig
				if len(metrics) == 0 || r.rnd.IntN(3) == 0 {
					other = &MetricConfig{pick(r.rnd, erasFrequencies...), AggregateSum}
				}
				r.start(metrics, other)
				r.checkSome(60)
				r.operate()
				r.checkSome(60)
				if r.rnd.IntN(2) == 0 {
					r.stop()
				}
			}
		})
	}
}

// operate sends samples, and writes checkpoints meanwhile.
func (r *runs) operate() {
	for range r.rnd.IntN(60) {
		switch r.rnd.IntN(12) {
		case 0:
			if err := r.checkpoints.Write(r.t.Context(), r.log); err != nil {
				r.t.Fatal(err)
			}
		case 1: // names come while it is written
			var once sync.Once
			r.store.testHooks.onCopy = func() { once.Do(r.sendSome) }
			if err := r.checkpoints.Write(r.t.Context(), r.log); err != nil {
				r.t.Fatal(err)
			}
			r.store.testHooks.onCopy = nil
		default:
			r.sendSome()
		}
	}
}

func (r *runs) name() string {
	return pick(r.rnd, "load", "power", "temp", "other", fmt.Sprint("new", r.rnd.IntN(30)))
}

func (r *runs) sendSome() {
	name, part := r.name(), pick(r.rnd, Part{}, Part{Type: "socket", ID: "0"}, Part{Type: "socket", ID: "1"})
	step := r.frequency(name) + int64(r.rnd.IntN(3))
	times := make([]int64, 1+r.rnd.IntN(20))
	for i := range times {
		r.base += step
		times[i] = r.base
	}
	if r.rnd.IntN(4) == 0 { // once more, at once
		r.base = times[0] - step
	}
	r.send(pick(r.rnd, "a1", "a2"), part, name, float64(r.rnd.IntN(1e6)), times...)
}

func (r *runs) checkSome(n int) {
	r.t.Helper()
	for range n {
		q := &Query{Cluster: "alex", Host: pick(r.rnd, "a1", "a2"), Metric: r.name(), NoStats: true}
		q.From = 1_700_000_000 - 100 + r.rnd.Int64N(r.base-1_700_000_000+200)
		q.To = min(q.From+r.rnd.Int64N(20_000), r.base+500)
		if q.To < q.From {
			continue
		}
		if r.rnd.IntN(3) == 0 {
			q.Type, q.TypeIDs = "socket", []string{"1"}
		}
		r.check(q, erasFrequencies)
	}
	for range n / 10 {
		r.checkSelect()
		r.checkRead()
	}
}

// TestChangedInterval has 30 samples at 60 s, and starts with another interval, or
// once without the metric; after a stop in order and after a crash. They stay readable
// at their own interval, and with new ones at the longer one.
func TestChangedInterval(t *testing.T) {
	const begin = 1_700_000_040
	var old []int64
	for i := range int64(30) {
		old = append(old, begin+60*i)
	}
	end := old[29] + 60
	for _, crash := range []bool{false, true} {
		for _, f := range []int64{0, 10, 30, 45, 120} {
			t.Run(fmt.Sprintf("crash=%v/interval=%d", crash, f), func(t *testing.T) {
				r := newRuns(t, 1, 16)
				config := func(f int64) map[string]MetricConfig {
					m := map[string]MetricConfig{"power": {Frequency: 60}}
					if f > 0 {
						m["load"] = MetricConfig{Frequency: f}
					}
					return m
				}
				end := func() {
					if !crash {
						r.stop()
					}
				}
				r.start(config(60), nil)
				r.send("a", Part{}, "load", 1, old...)
				end()
				r.start(config(f), nil)
				want := []Series{{From: begin, To: begin + 1800, Resolution: 60, Values: count(1, 30)}}
				q := &Query{Cluster: "alex", Host: "a", Metric: "load", From: begin, To: begin + 1800, NoStats: true}
				if f > 0 {
					expectSeries(t, r.store, q, want)
				} else if _, err := r.store.Query(q); err == nil {
					t.Error("a metric that is not configured is answered")
				}
				dumped := 0
				if err := r.store.Dump(t.Context(), []string{"alex", "a"}, func(d *Dumped) error {
					if d.Metric == "load" && d.LeftOut == (f == 0) {
						dumped += len(d.Buffers)
					}
					return nil
				}); err != nil || dumped == 0 {
					t.Errorf("%d blocks are dumped, %v", dumped, err)
				}
				for range 3 { // until no checkpoint of the first run is left
					r.send("a", Part{}, "power", 1, begin)
					if err := r.checkpoints.Write(t.Context(), r.log); err != nil {
						t.Fatal(err)
					}
					end()
					r.start(config(f), nil)
				}
				end()
				r.start(config(60), nil)
				expectSeries(t, r.store, q, want)
			})
		}
	}
	t.Run("a window over both", func(t *testing.T) {
		r := newRuns(t, 1, 16)
		r.start(map[string]MetricConfig{"load": {Frequency: 60}}, nil)
		r.send("a", Part{}, "load", 1, old...)
		r.start(map[string]MetricConfig{"load": {Frequency: 20}}, nil)
		r.send("a", Part{}, "load", 100, end, end+20, end+40, end+60, end+80, end+100)
		q := &Query{Cluster: "alex", Host: "a", Metric: "load", From: end - 120, To: end + 120}
		expectSeries(t, r.store, q, []Series{{From: end - 120, To: end + 120, Resolution: 60, Values: []float64{29, 30, 101, 104},
			Avg: (29*60 + 30*60 + (100+101+102+103+104+105)*20) / 240.0, Min: 29, Max: 105}})
		q.Unpadded = true
		q.From, q.To = begin-120, end+240
		got, err := r.store.Query(q)
		if err != nil || len(got) != 1 || got[0].From != begin || got[0].To != end+180 || len(got[0].Values) != 33 {
			t.Errorf("unpadded: %+v, %v", got, err)
		}
		other := Part{Type: "socket", ID: "0"}
		r.send("a", other, "load", 7, end+20)
		expectSeries(t, r.store, &Query{Cluster: "alex", Host: "a", Metric: "load", Type: "socket", TypeIDs: []string{"0"}, From: end, To: end + 120, Unpadded: true, NoStats: true},
			[]Series{{From: end + 20, To: end + 40, Resolution: 20, Values: []float64{7}}})
		expectSeries(t, r.store, &Query{Cluster: "alex", Host: "a", Metric: "load", From: end, To: end + 120, NoStats: true},
			[]Series{{From: end, To: end + 120, Resolution: 20, Values: count(100, 6)}})
		if err := r.store.Dump(t.Context(), []string{"alex", "a"}, func(d *Dumped) error {
			for i, b := range d.Buffers {
				if f := (b.End - b.Start) / b.Len; f != 60 && f != 20 || i > 0 && b.Start < d.Buffers[i-1].End {
					t.Errorf("dump %+v", d)
				}
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if h, ok := r.store.Health("alex", "a", []string{"load"}); !ok || len(h.Missing) > 0 {
			t.Errorf("health %+v", h)
		}
	})
}

func count(from float64, n int) (values []float64) {
	for i := range n {
		values = append(values, from+float64(i))
	}
	return values
}

func expectSeries(t *testing.T, s *Store, q *Query, want []Series) {
	t.Helper()
	got, err := s.Query(q)
	if err != nil {
		t.Fatal(err)
	}
	if diff := differ(got, want); diff != "" {
		t.Errorf("%+v: %s", q, diff)
	}
}

// TestErasFile loses and damages the file with the eras: the checkpoint knows of them,
// and a damaged file is reported and kept.
func TestErasFile(t *testing.T) {
	for _, what := range []string{"lost", "damaged"} {
		t.Run(what, func(t *testing.T) {
			r := newRuns(t, 1, 16)
			r.start(map[string]MetricConfig{"load": {Frequency: 60}}, nil)
			if err := r.checkpoints.Write(t.Context(), r.log); err != nil {
				t.Fatal(err)
			}
			r.send("a", Part{}, "load", 1, 60, 120, 180)
			path := filepath.Join(r.dir, "ERAS")
			if what == "lost" {
				if err := os.Remove(path); err != nil {
					t.Fatal(err)
				}
			} else if err := os.WriteFile(path, []byte("nonsense"), 0o600); err != nil {
				t.Fatal(err)
			}
			r.start(map[string]MetricConfig{"load": {Frequency: 120}}, nil)
			expectSeries(t, r.store, &Query{Cluster: "alex", Host: "a", Metric: "load", From: 60, To: 240, NoStats: true},
				[]Series{{From: 60, To: 240, Resolution: 60, Values: count(1, 3)}})
			if what == "damaged" {
				if _, err := os.Stat(path + ".damaged"); err != nil || !strings.Contains(r.said.String(), path) {
					t.Errorf("%v; said:\n%s", err, &r.said)
				}
			}
			if !strings.Contains(r.said.String(), "load from 60 s to 120 s") {
				t.Errorf("said:\n%s", &r.said)
			}
			if _, err := os.Stat(path); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestErasCannotBeKept starts where the file cannot be written: that is said once, and
// it is written with the first checkpoint that finds room for it. A file that was removed
// is written again.
func TestErasCannotBeKept(t *testing.T) {
	r := newRuns(t, 1, 16)
	path := filepath.Join(r.dir, "ERAS")
	if err := os.MkdirAll(path+".tmp/x", 0o700); err != nil {
		t.Fatal(err)
	}
	write := func() {
		t.Helper()
		r.send("a", Part{}, "load", 1, 60, 120, 180)
		if err := r.checkpoints.Write(t.Context(), r.log); err != nil {
			t.Fatal(err)
		}
	}
	r.start(map[string]MetricConfig{"load": {Frequency: 60}}, nil)
	write()
	if n := strings.Count(r.said.String(), "cannot be kept"); n != 1 || !strings.Contains(r.said.String(), path) {
		t.Errorf("said:\n%s", &r.said)
	}
	if err := os.RemoveAll(path + ".tmp"); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		write()
		if err := os.Remove(path); err != nil {
			t.Error(err)
		}
	}
}

// TestErasOfAnEarlierVersion starts with another interval after a version of the program
// that kept no eras.
func TestErasOfAnEarlierVersion(t *testing.T) {
	r := newRuns(t, 1, 16)
	metrics := map[string]MetricConfig{"load": {Frequency: 60}, "power": {Frequency: 60}, "temp": {Frequency: 60}}
	r.start(metrics, nil)
	for _, name := range []string{"load", "power", "temp"} {
		r.send("a", Part{}, name, 1, 60, 120, 180)
	}
	r.store.eras.Store(nil)
	if err := r.checkpoints.Write(t.Context(), r.log); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"load", "power", "temp"} {
		r.send("a", Part{}, name, 4, 240, 300, 360)
	}
	if err := os.Remove(filepath.Join(r.dir, "ERAS")); err != nil {
		t.Fatal(err)
	}
	r.start(map[string]MetricConfig{"load": {Frequency: 120}, "power": {Frequency: 60}}, nil)
	check := func(names ...string) {
		t.Helper()
		for _, name := range names {
			expectSeries(t, r.store, &Query{Cluster: "alex", Host: "a", Metric: name, From: 60, To: 420, NoStats: true},
				[]Series{{From: 60, To: 420, Resolution: 60, Values: count(1, 6)}})
		}
	}
	check("load", "power")
	r.start(metrics, nil)
	check("load", "power", "temp")
}
