package original

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"cc-metric-store/test/testkit"
)

// TestBorderOfArchive: the samples of the archive and of the checkpoints have one phase: that which a file of either
// tells, or any. Where one file ends and the other begins, no sample is lost.
func TestBorderOfArchive(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		wal  []byte
		want map[int64]float64
	}{
		"the phase of the archive":        {nil, map[int64]float64{1010: 3, 1070: 4, 1130: 5, 1190: 6, 1250: 7, 1310: 1, 1370: 2}},
		"that of the write-ahead file":    {appendRecord(walHead(), 1373, "load", 2), map[int64]float64{1013: 3, 1073: 4, 1133: 5, 1193: 6, 1253: 7, 1313: 1, 1373: 2}},
		"that of another time of the day": {appendRecord(walHead(), 1403, "load", 8), map[int64]float64{983: 3, 1043: 4, 1103: 5, 1163: 6, 1223: 7, 1283: 1, 1343: 2, 1403: 8}},
	} {
		dir := t.TempDir()
		write(t, dir, "checkpoints/c/h/1301.bin", level{from: 1301, metrics: []metric{{"load", 60, 1301, []float32{1, 2}}}}.binary())
		if c.wal != nil {
			write(t, dir, "checkpoints/c/h/current.wal", c.wal)
		}
		write(t, dir, "archive/c/3000.parquet", nil)
		tree, err := Find(t.Context(), dir)
		if err != nil {
			t.Fatal(err)
		}
		got := map[int64]float64{}
		take := func(s Sample) error {
			if v, ok := got[s.Time]; ok && v != s.Value {
				t.Errorf("%s: %v and %v are at %d", name, v, s.Value, s.Time)
			}
			got[s.Time] = s.Value
			return nil
		}
		r, files := NewReader(tree, Config{}), []File(nil)
		if files, err = tree.Hosts[0].Files(); err == nil {
			err = r.Scout(t.Context(), tree.Hosts[0], files)
		}
		if err != nil {
			t.Fatal(err)
		}
		if n := r.Report().Samples; n > 0 || len(got) > 0 {
			t.Errorf("%s: %d samples are counted by who looks ahead", name, n)
		}
		a := r.NewArchive(take)
		for _, s := range []Archived{{Times: []int64{1010, 1070}, Values: []float64{3, 4}}, {Times: []int64{1125, 1185}, Values: []float64{5, 6}}, {Times: []int64{1240}, Values: []float64{7}}} {
			s.Cluster, s.Host, s.Metric, s.Frequency, s.Single = "c", "h", "load", 60, true
			if err := errors.Join(a.Add(&s), a.End(File{}, nil)); err != nil {
				t.Fatal(err)
			}
		}
		if err := r.ReadHost(t.Context(), tree.Hosts[0], files, take); err != nil {
			t.Fatal(err)
		}
		if fmt.Sprint(got) != fmt.Sprint(c.want) {
			t.Errorf("%s: got %v, want %v", name, got, c.want)
		}
	}
}

// TestTimesOfOtherPrograms: files with float64 values are not the original's, and their times are those of samples.
func TestTimesOfOtherPrograms(t *testing.T) {
	t.Parallel()
	got := sent{}
	a := NewReader(&Tree{}, Config{}).NewArchive(func(s Sample) error {
		got.addLine(t, strings.TrimSuffix(string(s.AppendLine(nil)), "\n"))
		return nil
	})
	err := a.Add(&Archived{Cluster: "c", Host: "h", Metric: "load", Frequency: 60, Times: []int64{1010, 1075, 1127}, Values: []float64{1.0 / 3, 4, 5}})
	if err = errors.Join(err, a.End(File{}, nil)); err != nil {
		t.Fatal(err)
	}
	if want := (sent{"load,cluster=c,hostname=h,type=node": {1010: 1.0 / 3, 1075: 4, 1127: 5}}); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// TestBordersOfSnapshots: the oldest snapshots, which tell the phase of the samples, are deleted, as the original does
// after a while. No value of the others is lost or doubled where one ends and the next one begins, and none is more than
// one and a half intervals away from its time.
func TestBordersOfSnapshots(t *testing.T) { // not beside TestHostileFiles, which measures memory
	random := testkit.Rand(t)
	for range 100 {
		frequency := []int64{2, 3, 10, 15, 60}[random.IntN(5)]
		begin := int64(1_760_000_000) + random.Int64N(1000)
		names := []string{"load", "mem", "power"}
		models := []*model{{frequency: frequency}, {frequency: frequency}, {frequency: frequency}}
		times := map[float64]int64{} // by value
		files, last, snapshots := map[string][]byte{}, begin, 0
		kept := map[float64]bool{} // values in the files that are there
		for i := range int64(200) {
			at := begin + 1 + i*frequency
			for m, one := range models {
				if i == 0 || random.IntN(10) > 0 {
					v := float64(3*i + int64(m))
					times[v] = at
					one.write(at, float32(v))
				}
			}
			if random.IntN(12) > 0 {
				continue
			}
			now := at + random.Int64N(frequency)
			if snapshots++; snapshots > 2 {
				l := level{from: last}
				for m, one := range models {
					s := one.snapshot(last, now)
					s.name = names[m]
					l.metrics = append(l.metrics, s)
					for _, v := range s.values {
						if v == v {
							kept[float64(v)] = true
						}
					}
				}
				name, content := fmt.Sprintf("%d.bin", last), l.binary()
				if random.IntN(2) == 0 {
					name, content = fmt.Sprintf("%d.json", last), []byte(l.json())
				}
				files[name] = content
			}
			last = now
		}
		got, report := importFiles(t, files)
		if len(report.Damaged()) > 0 {
			t.Fatalf("damaged: %q", report.Damaged())
		}
		found := map[float64]int{}
		for name, values := range got {
			ordered := slices.Sorted(maps.Keys(values))
			for i := 1; i < len(ordered); i++ {
				if ordered[i]-ordered[i-1] < frequency {
					t.Errorf("interval %d: %s has samples at %d and at %d, of which the store keeps one", frequency, name, ordered[i-1], ordered[i])
				}
			}
			for at, v := range values {
				found[v]++
				if off := math.Abs(float64(at - times[v])); off > 1.5*float64(frequency) {
					t.Errorf("interval %d: the value %v of %d has the time %d", frequency, v, times[v], at)
				}
			}
		}
		missing, twice := 0, 0
		for v := range kept {
			switch n := found[v]; {
			case n == 0:
				missing++
			case n > 1:
				twice++
			}
		}
		if missing > 0 || twice > 3 { // only where all series lack the sample before a border
			t.Errorf("interval %d, %d snapshots: of %d values %d are missing, and %d are there twice", frequency, len(files), len(kept), missing, twice)
		}
	}
}

// TestConstantValues: values that do not change tell nothing of the slot, also behind a gap at the begin.
func TestConstantValues(t *testing.T) {
	t.Parallel()
	nan := math.NaN()
	for _, c := range []struct {
		values []float64
		want   bool
	}{
		{[]float64{0, 0}, true},
		{[]float64{nan, 0, 0}, true},
		{[]float64{nan, 0, nan, 0, nan}, true},
		{[]float64{nan, 0, 1}, false},
		{[]float64{0, nan, 1}, false},
		{[]float64{nan, 0}, false}, // one value
		{[]float64{nan}, false},
	} {
		if got := isConstant(c.values); got != c.want {
			t.Errorf("%v: %v", c.values, got)
		}
	}
}

// TestSnapshotsThatDiffer: snapshots that have the same samples with other values, as one of them has fewer digits, do not move
// what follows further and further.
func TestSnapshotsThatDiffer(t *testing.T) {
	t.Parallel()
	for _, shift := range []int64{0, 7} { // of each other snapshot
		a := newAligner()
		series := newSeries("c", "h", "load", Part{})
		for i := range int64(20) {
			at := 1_760_000_000 + i*120 + i%2*shift
			runs := []run{{series: series, at: at, step: 60, loose: true, values: []float64{float64(i), float64(i) + 0.25, float64(i) + 0.5}}}
			a.align(runs)
			if off := runs[0].at - at; off < -60 || off >= 120 {
				t.Errorf("shift %d: snapshot %d is moved by %d s", shift, i, off)
			}
		}
	}
}

// TestPhaseOfManyHosts: of more hosts than samples are remembered of, the files that follow still have the phase.
func TestPhaseOfManyHosts(t *testing.T) { // as above
	r := NewReader(&Tree{}, Config{})
	for n := range 3 {
		h := Host{Cluster: "c", Name: fmt.Sprint("h", n)}
		a := r.aligner(h)
		a.grids[60] = exactGrid(60, int64(n))
		for i := range uint64(maxEnds/2 + 1) {
			a.ends[i] = end{}
		}
		r.keep(h, a)
	}
	all := 0
	for n := range 3 {
		a := r.aligner(Host{Cluster: "c", Name: fmt.Sprint("h", n)})
		if g := a.grids[60]; g == nil || g.offset != int64(n) {
			t.Errorf("host %d has another phase: %+v", n, g)
		}
		all += len(a.ends)
	}
	if all == 0 || all > maxEnds || r.held != 0 {
		t.Errorf("%d samples are remembered, %d are counted afterwards", all, r.held)
	}
}
