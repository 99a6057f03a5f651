package store

import (
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// goldenDirectory has a checkpoint whose blocks have version 1: two hosts with sealed blocks,
// some of them with patches, open ones and sparse ones. A file beside it lists all its samples.
const goldenDirectory = "testdata/checkpoint_chunk1"

var goldenMetrics = map[string]MetricConfig{
	"load": {Frequency: 60, Aggregation: AggregateNone}, "power": {Frequency: 60, Aggregation: AggregateSum},
	"temp": {Frequency: 60, Aggregation: AggregateAvg}, "flops": {Frequency: 10, Aggregation: AggregateSum},
}

// goldenRow is a row of samples of a series, a gap where there is none.
type goldenRow struct {
	host, metric, kind, id string
	from, step             int64
	values                 []float64
}

// goldenRows reads the list: in each line host, metric, part, the time of the first sample, the
// interval, and the values.
func goldenRows(t *testing.T) (rows []goldenRow) {
	t.Helper()
	content, err := os.ReadFile(goldenDirectory + ".samples")
	if err != nil {
		t.Fatal(err)
	}
	integer := func(text string) int64 {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	for line := range strings.Lines(string(content)) {
		f := strings.Fields(line)
		r := goldenRow{host: f[0], metric: f[1], from: integer(f[3]), step: integer(f[4])}
		if f[2] != "-" {
			r.kind, r.id, _ = strings.Cut(f[2], ":")
		}
		for _, text := range f[5:] {
			v := math.NaN()
			if text != "-" {
				if v, err = strconv.ParseFloat(text, 64); err != nil {
					t.Fatal(err)
				}
			}
			r.values = append(r.values, v)
		}
		rows = append(rows, r)
	}
	return rows
}

// checkGolden queries all samples of the rows, and that there are no others.
func checkGolden(t *testing.T, s *Store, rows []goldenRow) {
	t.Helper()
	all := 0
	for _, r := range rows {
		q := &Query{Cluster: "alex", Host: r.host, Metric: r.metric, From: r.from, To: r.from + int64(len(r.values))*r.step, NoStats: true}
		if r.kind != "" {
			q.Type, q.TypeIDs = r.kind, []string{r.id}
		}
		got, err := s.Query(q)
		if err != nil || len(got) != 1 || len(got[0].Values) != len(r.values) {
			t.Fatalf("%+v: %v, %v", q, got, err)
		}
		for i, want := range r.values {
			if v := got[0].Values[i]; v != want && !(math.IsNaN(v) && math.IsNaN(want)) {
				t.Fatalf("%+v: cell %d is %v, want %v", q, i, v, want)
			}
			if !math.IsNaN(want) {
				all++
			}
		}
	}
	if n := countSamples(s); n != all {
		t.Fatalf("the store holds %d samples, want %d", n, all)
	}
}

// countSamples returns how many samples the store holds.
func countSamples(s *Store) (n int) {
	for i := range s.stripes {
		for _, h := range s.stripes[i].hosts {
			for _, g := range h.grids {
				if g == nil {
					continue
				}
				for b := range g.blocks.all() {
					values := make([]float64, b.slots)
					for c := range g.columns {
						b.read(values, c, 0)
						for _, v := range values {
							if !math.IsNaN(v) {
								n++
							}
						}
					}
				}
			}
		}
	}
	return n
}

// blockStates counts the blocks of the store by their state.
func blockStates(s *Store) (sealed, patched, open, sparse int) {
	for i := range s.stripes {
		for _, h := range s.stripes[i].hosts {
			for _, g := range h.grids {
				if g == nil {
					continue
				}
				for b := range g.blocks.all() {
					switch {
					case b.head != nil:
						open++
					case b.sealed == nil:
						sparse++
					case len(b.patches.list) > 0:
						patched++
					default:
						sealed++
					}
				}
			}
		}
	}
	return sealed, patched, open, sparse
}

// TestGoldenDirectory loads a checkpoint of an earlier version, writes another one of what it had,
// and loads that: with the blocks as they were, and sealed anew.
func TestGoldenDirectory(t *testing.T) {
	rows := goldenRows(t)
	for _, sealAnew := range []bool{false, true} {
		dir := t.TempDir()
		if err := os.CopyFS(dir, os.DirFS(goldenDirectory)); err != nil {
			t.Fatal(err)
		}
		log := newTestLog()
		load := func() (*Store, *Checkpoints) {
			cfg := Config{Metrics: goldenMetrics, blockSlots: 64, Retention: 1e5 * time.Hour, Now: func() time.Time { return time.Unix(1_700_100_000, 0) }}
			s := newStore(t, cfg)
			c, err := OpenCheckpoints(s, CheckpointConfig{Directory: dir})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(c.Close)
			from, err := c.Load(t.Context())
			if err != nil || from.From.Entry.Seq == 0 {
				t.Fatal(from, err)
			}
			log.setApplied(from.From.Entry)
			return s, c
		}
		s, c := load()
		checkGolden(t, s, rows)
		if sealed, patched, open, sparse := blockStates(s); sealed == 0 || patched == 0 || open == 0 || sparse == 0 {
			t.Errorf("%d sealed, %d patched, %d open and %d sparse blocks", sealed, patched, open, sparse)
		}
		if sealAnew {
			s.sealAll()
			checkGolden(t, s, rows)
		}
		// One sample more, as nothing is written if nothing has changed.
		id, _ := s.Metric([]byte(rows[0].metric))
		b := &Batch{Cluster: "alex", Host: rows[0].host, Parts: []Part{{}}, Entry: Entry{restoredEpoch, log.applied.Seq + 1}}
		b.Add(0, id, rows[0].from, rows[0].values[0])
		if n := s.Append(b).Stored; n != 1 {
			t.Fatalf("stored %d samples", n)
		}
		log.setApplied(b.Entry)
		if err := c.Write(t.Context(), log); err != nil {
			t.Fatal(err)
		}
		c.Close()
		if err := os.Remove(filepath.Join(dir, "0000000000000001.checkpoint")); err != nil { // nothing falls back on it
			t.Fatal(err)
		}
		s, _ = load()
		checkGolden(t, s, rows)
	}
}

// sealAll seals all blocks that have patches or are open.
func (s *Store) sealAll() {
	for i := range s.stripes {
		for _, h := range s.stripes[i].hosts {
			for _, g := range h.grids {
				if g == nil {
					continue
				}
				for b := range g.blocks.all() {
					if b.head != nil || len(b.patches.list) > 0 {
						s.sealLocked(h, g, b)
					}
				}
			}
		}
	}
}
