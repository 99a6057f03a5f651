package archive

import (
	"encoding/binary"
	"maps"
	"math"
	"os"
	"slices"
	"strconv"
	"testing"

	"github.com/parquet-go/parquet-go"

	"cc-metric-store/test/testkit"
)

// originalRow is a row of a file of the original program.
type originalRow struct {
	Cluster   string  `parquet:"cluster"`
	Host      string  `parquet:"hostname"`
	Metric    string  `parquet:"metric"`
	Scope     string  `parquet:"scope"`
	ScopeID   string  `parquet:"scope_id"`
	Time      int64   `parquet:"timestamp"`
	Frequency int64   `parquet:"frequency"`
	Value     float32 `parquet:"value"`
}

func (r *originalRow) sample() sample {
	p := Part{Type: r.Scope, ID: r.ScopeID}
	switch p.Type {
	case "node":
		p.Type = ""
	case "cpu":
		p.Type = "hwthread"
	}
	return sample{r.Cluster, r.Host, r.Metric, p, r.Frequency, Block{}, r.Time}
}

// TestOriginalFiles: the files of the original program are read as the library reads them, by Scan and by Read.
func TestOriginalFiles(t *testing.T) {
	t.Parallel()
	want := map[sample]float64{}
	infos, err := List("testdata/original")
	if err != nil || len(infos) != 4 {
		t.Fatal(infos, err)
	}
	for _, i := range infos {
		rows, err := parquet.ReadFile[originalRow](i.Path)
		if err != nil {
			t.Fatal(err)
		}
		if !i.Foreign || int(i.Rows) != len(rows) {
			t.Errorf("%+v for %d rows", i, len(rows))
		}
		for _, r := range rows {
			text := strconv.FormatFloat(float64(r.Value), 'g', -1, 32)
			if want[r.sample()], err = strconv.ParseFloat(text, 64); err != nil {
				t.Fatal(err)
			}
		}
	}
	got := map[sample]float64{}
	err = Scan(t.Context(), "testdata/original", ScanSelection{}, func(cluster, host string, r *Rows) error {
		return collect(t, got, cluster, host)(r)
	})
	if err != nil {
		t.Fatal(err)
	}
	compareSamples(t, got, want)

	directory := t.TempDir()
	if err := os.CopyFS(directory, os.DirFS("testdata/original")); err != nil {
		t.Fatal(err)
	}
	a := openArchive(t, Config{Directory: directory})
	for k := range want {
		if _, ok := got[sample{host: k.host}]; ok {
			continue
		}
		got[sample{host: k.host}] = 0 // seen
		read := map[sample]float64{}
		s := &Selection{Cluster: k.cluster, Host: k.host, Metrics: []string{"clock"}, Types: []string{"hwthread"}, To: math.MaxInt64}
		if err := a.Read(t.Context(), s, collect(t, read, k.cluster, k.host)); err != nil {
			t.Fatal(err)
		}
		selected := map[sample]float64{}
		for k2, v := range want {
			if k2.host == k.host && k2.metric == "clock" && k2.part.Type == "hwthread" {
				selected[k2] = v
			}
		}
		compareSamples(t, read, selected)
	}
	for _, parts := range []bool{true, false} {
		names, wanted := map[SeriesName]bool{}, map[SeriesName]bool{}
		for k := range want {
			name := SeriesName{k.host, k.metric, Part{}}
			if parts {
				name.Part = k.part
			}
			wanted[name] = true
		}
		for _, cluster := range a.Clusters() {
			if err := a.SeriesNames(t.Context(), &SeriesSelection{Cluster: cluster, To: math.MaxInt64}, parts, func(n *SeriesName) error {
				names[*n] = true
				return nil
			}); err != nil {
				t.Fatal(err)
			}
		}
		if !maps.Equal(names, wanted) {
			t.Errorf("with parts %t: %v, want %v", parts, names, wanted)
		}
	}
}

// TestForeignEncodings: files that the library writes in other ways are read as well: other types, other
// encodings and compressions, no page index, other orders of columns and of rows.
func TestForeignEncodings(t *testing.T) {
	t.Parallel()
	type narrow struct {
		Value     float32 `parquet:"value,split"`
		Time      int32   `parquet:"timestamp,delta"`
		Frequency int32   `parquet:"frequency"`
		Extra     string  `parquet:"extra,optional"`
		Scope     string  `parquet:"scope,dict"`
		ScopeID   string  `parquet:"scope_id,dict"`
		Host      string  `parquet:"hostname"`
		Metric    string  `parquet:"metric"`
		Cluster   string  `parquet:"cluster,dict"`
	}
	type dictionaries struct {
		Cluster   string  `parquet:"cluster,plain"`
		Host      string  `parquet:"hostname,dict"`
		Metric    string  `parquet:"metric,dict"`
		Scope     string  `parquet:"scope,dict"`
		ScopeID   string  `parquet:"scope_id,plain"`
		Time      int64   `parquet:"timestamp,dict"`
		Frequency int64   `parquet:"frequency,dict"`
		Value     float64 `parquet:"value,dict"`
	}
	r := testkit.Rand(t)
	directory := t.TempDir()
	want := map[sample]float64{}
	var first []narrow
	var second []dictionaries
	for i := range 20_000 {
		o := originalRow{"c", hostName(r.IntN(3)), hostName(r.IntN(4)), []string{"node", "cpu", "socket"}[r.IntN(3)], "", int64(r.IntN(1 << 20)), 10, float32(r.IntN(2000))}
		first = append(first, narrow{Value: o.Value, Time: int32(o.Time), Frequency: 10, Scope: o.Scope, Host: o.Host, Metric: o.Metric, Cluster: o.Cluster})
		want[o.sample()] = float64(o.Value)
		if i%2 == 0 {
			o.Cluster, o.ScopeID = "d", hostName(r.IntN(20))
			second = append(second, dictionaries{o.Cluster, o.Host, o.Metric, o.Scope, o.ScopeID, o.Time, o.Frequency, float64(o.Value) / 3})
			want[o.sample()] = float64(o.Value) / 3
		}
	}
	writeForeign(t, directory+"/c", first, parquet.Compression(&parquet.Snappy), parquet.MaxRowsPerRowGroup(7000), parquet.DataPageVersion(1))
	writeForeign(t, directory+"/d", second, parquet.PageBufferSize(1000))
	// Where a sample is twice, the later row counts; the order of rows of a series is kept.
	got := map[sample]float64{}
	err := Scan(t.Context(), directory, ScanSelection{}, func(cluster, host string, r *Rows) error {
		return collect(t, got, cluster, host)(r)
	})
	if err != nil {
		t.Fatal(err)
	}
	compareSamples(t, got, want)
}

// TestScanOfDamagedFile: a byte that is damaged anywhere costs at most its row group, if the footer is not.
func TestScanOfDamagedFile(t *testing.T) {
	t.Parallel()
	const groups, each = 5, 400
	var rows []originalRow
	for i := range int64(groups * each) {
		rows = append(rows, originalRow{"c", hostName(int(i / each)), "m", "node", "", i % each * 10, 10, float32(i)})
	}
	directory := t.TempDir() + "/a"
	writeForeign(t, directory, rows, parquet.MaxRowsPerRowGroup(each), parquet.Compression(&parquet.Zstd))
	path := directory + "/1.parquet"
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	r, losses := testkit.Rand(t), 0
	footer := len(whole) - 8 - int(binary.LittleEndian.Uint32(whole[len(whole)-8:]))
	for range 300 {
		damaged := slices.Clone(whole)
		damaged[4+r.IntN(footer-4)] ^= 1 << r.IntN(8)
		if err := os.WriteFile(path, damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		got := map[string]int{}
		err := Scan(t.Context(), path, ScanSelection{}, func(_, host string, r *Rows) error {
			for i, v := range r.Values {
				if hostName(int(v)/each) != host || int64(v)%each*10 != r.Times[i] {
					t.Errorf("host %s has %v at %d", host, v, r.Times[i])
				}
			}
			got[host] += len(r.Times)
			return nil
		})
		complete := 0
		for _, n := range got {
			if n == each {
				complete++
			}
		}
		if complete < groups-1 || (complete == groups) != (err == nil) {
			t.Fatalf("%d of %d row groups are read: %v, %v", complete, groups, got, err)
		}
		if err != nil {
			losses++
		}
	}
	if losses == 0 {
		t.Error("no damage was noticed")
	}
}

func writeForeign[T any](t *testing.T, directory string, rows []T, options ...parquet.WriterOption) {
	t.Helper()
	if err := os.Mkdir(directory, 0o750); err != nil {
		t.Fatal(err)
	}
	if err := parquet.WriteFile(directory+"/1.parquet", rows, options...); err != nil {
		t.Fatal(err)
	}
}
