// Package duckdb has DuckDB read the files of an archive. It is a module of its own, so that the program
// does not carry DuckDB, which is C++: it needs a C compiler. make archive-check runs it.
package duckdb

import (
	"cmp"
	"database/sql"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	_ "github.com/duckdb/duckdb-go/v2"

	"cc-metric-store/store/archive"
)

// sample is a row without its value.
type sample struct {
	cluster, host, metric      string
	scope, scopeID             string
	subtype, subtypeID         string
	time, frequency, start, to int64
}

// group is what is added up.
type group struct{ cluster, host, metric, scope string }

type sums struct {
	count    int64
	sum      float64
	low, top float64
	first    int64
	last     int64
}

func TestArchive(t *testing.T) {
	directory := t.TempDir()
	want := write(t, directory)
	db, err := sql.Open("duckdb", "")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	files := "'" + filepath.Join(directory, "*", "*.parquet") + "'"
	if _, err := db.Exec("CREATE VIEW samples AS SELECT * FROM read_parquet(" + files + ")"); err != nil {
		t.Fatal(err)
	}
	t.Run("columns", func(t *testing.T) { checkColumns(t, db) })
	t.Run("sums", func(t *testing.T) { checkSums(t, db, want) })
	t.Run("series", func(t *testing.T) { checkSeries(t, db, want) })
	t.Run("windows", func(t *testing.T) { checkWindows(t, db, want) })
	t.Run("pages", func(t *testing.T) { checkPages(t, db, files) })
}

// write writes three files of two clusters, and returns their samples.
func write(t *testing.T, directory string) map[sample]float64 {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv("SEED"); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("SEED=%d repeats this run", seed)
	r := rand.New(rand.NewPCG(seed, seed))
	a, err := archive.Open(archive.Config{Directory: directory})
	if err != nil {
		t.Fatal(err)
	}
	want := map[sample]float64{}
	for file, cluster := range []string{"alex", "fritz", "fritz"} {
		w, err := a.NewWriter(cluster, int64(file))
		if err != nil {
			t.Fatal(err)
		}
		for host := range 3 {
			writeHost(t, w, r, cluster, fmt.Sprintf("%c%04d", cluster[0], host), int64(1_700_000_000+file*100_000), want)
		}
		if _, err := w.Commit(); err != nil {
			t.Fatal(err)
		}
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	return want
}

func writeHost(t *testing.T, w *archive.Writer, r *rand.Rand, cluster, host string, start int64, want map[sample]float64) {
	t.Helper()
	parts := []archive.Part{{}, {Subtype: "filesystem", SubID: "/home"}, {Type: "accelerator", ID: "00000000:49:00.0"}}
	for i := range 8 {
		parts = append(parts, archive.Part{Type: "hwthread", ID: strconv.Itoa(i)})
	}
	for m, metric := range []string{"clock", "cpu_load", "flops_any", "mem_bw", "ünïcode metric"} {
		frequency := []int64{10, 60}[m%2]
		for _, p := range parts {
			for block := range int64(6) {
				b := archive.Block{Start: start + block*128*frequency, Frequency: frequency}
				b.End = b.Start + 128*frequency
				values := make([]float64, 128)
				for i := range values {
					values[i] = value(r)
					if math.IsNaN(values[i]) {
						continue
					}
					s := sample{cluster, host, metric, cmp.Or(p.Type, "node"), p.ID, p.Subtype, p.SubID, b.Start + frequency/2 + int64(i)*frequency, frequency, b.Start, b.End}
					want[s] = values[i]
				}
				if err := w.Add(host, metric, p, b, values); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
}

func value(r *rand.Rand) float64 {
	switch r.IntN(20) {
	case 0:
		return math.NaN()
	case 1:
		return r.NormFloat64() * 1e6
	case 2:
		return math.Copysign(0, -1)
	}
	return float64(r.IntN(100_000)) / 100
}

func checkColumns(t *testing.T, db *sql.DB) {
	rows, err := db.Query("SELECT column_name, column_type FROM (DESCRIBE samples)")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var got []string
	for rows.Next() {
		var name, kind string
		if err := rows.Scan(&name, &kind); err != nil {
			t.Fatal(err)
		}
		got = append(got, name+" "+kind)
	}
	want := []string{"cluster VARCHAR", "hostname VARCHAR", "metric VARCHAR", "scope VARCHAR", "scope_id VARCHAR", "timestamp BIGINT", "frequency BIGINT", "value DOUBLE",
		"stype VARCHAR", "stype_id VARCHAR", "block_start BIGINT", "block_end BIGINT"}
	if err := rows.Err(); err != nil || !slices.Equal(got, want) {
		t.Errorf("columns %q, want %q: %v", got, want, err)
	}
}

func checkSums(t *testing.T, db *sql.DB, samples map[sample]float64) {
	want := map[group]*sums{}
	for s, v := range samples {
		k := group{s.cluster, s.host, s.metric, s.scope}
		g := want[k]
		if g == nil {
			g = &sums{low: v, top: v, first: s.time, last: s.time}
			want[k] = g
		}
		g.count++
		g.sum += v
		g.low, g.top, g.first, g.last = min(g.low, v), max(g.top, v), min(g.first, s.time), max(g.last, s.time)
	}
	rows, err := db.Query(`SELECT cluster, hostname, metric, scope, count(*), sum(value), min(value), max(value), min("timestamp"), max("timestamp")
		FROM samples GROUP BY ALL`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	seen := 0
	for rows.Next() {
		var k group
		var g sums
		if err := rows.Scan(&k.cluster, &k.host, &k.metric, &k.scope, &g.count, &g.sum, &g.low, &g.top, &g.first, &g.last); err != nil {
			t.Fatal(err)
		}
		seen++
		w := want[k]
		if w == nil || g.count != w.count || math.Abs(g.sum-w.sum) > 1e-9*math.Abs(w.sum)+1e-3 || g.low != w.low || g.top != w.top || g.first != w.first || g.last != w.last {
			t.Errorf("%+v: %+v, want %+v", k, g, w)
		}
	}
	if err := rows.Err(); err != nil || seen != len(want) {
		t.Errorf("%d groups, want %d: %v", seen, len(want), err)
	}
}

// checkSeries compares some series sample by sample, and bit by bit.
func checkSeries(t *testing.T, db *sql.DB, samples map[sample]float64) {
	type series struct{ cluster, host, metric, scope, scopeID, subtype, subtypeID string }
	bySeries := map[series]map[sample]float64{}
	for s, v := range samples {
		k := series{s.cluster, s.host, s.metric, s.scope, s.scopeID, s.subtype, s.subtypeID}
		if bySeries[k] == nil {
			bySeries[k] = map[sample]float64{}
		}
		bySeries[k][s] = v
	}
	checked := 0
	for k, want := range bySeries {
		if checked++; checked > 12 {
			break
		}
		rows, err := db.Query(`SELECT "timestamp", frequency, block_start, block_end, value FROM samples
			WHERE cluster = ? AND hostname = ? AND metric = ? AND scope = ? AND scope_id = ? AND stype = ? AND stype_id = ?`,
			k.cluster, k.host, k.metric, k.scope, k.scopeID, k.subtype, k.subtypeID)
		if err != nil {
			t.Fatal(err)
		}
		got := map[sample]float64{}
		for rows.Next() {
			s := sample{cluster: k.cluster, host: k.host, metric: k.metric, scope: k.scope, scopeID: k.scopeID, subtype: k.subtype, subtypeID: k.subtypeID}
			var v float64
			if err := rows.Scan(&s.time, &s.frequency, &s.start, &s.to, &v); err != nil {
				t.Fatal(err)
			}
			got[s] = v
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
		rows.Close()
		if !maps.EqualFunc(got, want, func(v, w float64) bool { return math.Float64bits(v) == math.Float64bits(w) }) {
			t.Errorf("%+v: %d samples, want %d, or others", k, len(got), len(want))
		}
	}
}

// checkWindows asks for windows, which DuckDB answers with the help of the statistics.
func checkWindows(t *testing.T, db *sql.DB, samples map[sample]float64) {
	keys := slices.Collect(maps.Keys(samples))
	for i := range 4 {
		one := keys[i*len(keys)/4]
		want := int64(0)
		for s := range samples {
			if s.host == one.host && s.time >= one.time && s.time < one.time+3000 {
				want++
			}
		}
		var got int64
		err := db.QueryRow(`SELECT count(*) FROM samples WHERE hostname = ? AND "timestamp" >= ? AND "timestamp" < ?`, one.host, one.time, one.time+3000).Scan(&got)
		if err != nil || got != want {
			t.Errorf("%s from %d: %d samples, want %d: %v", one.host, one.time, got, want, err)
		}
	}
}

// checkPages: the files are compressed, and all columns have statistics that DuckDB understands.
func checkPages(t *testing.T, db *sql.DB, files string) {
	var chunks, compressed, bounded int64
	err := db.QueryRow("SELECT count(*), count(*) FILTER (compression = 'ZSTD'), count(*) FILTER (stats_min_value IS NOT NULL AND stats_max_value IS NOT NULL) FROM parquet_metadata("+files+")").
		Scan(&chunks, &compressed, &bounded)
	if err != nil || chunks != 3*12 || compressed != chunks || bounded != chunks {
		t.Errorf("%d columns, %d of them compressed, %d with statistics: %v", chunks, compressed, bounded, err)
	}
}
