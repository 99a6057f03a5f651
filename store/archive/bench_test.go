package archive

import (
	"bufio"
	"compress/gzip"
	"encoding/binary"
	"math"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go/encoding/bytestreamsplit"

	"cc-metric-store/cmd/cc-metric-generator/load"
	"cc-metric-store/test/testkit"
)

const (
	benchTicks    = 720
	benchInterval = 60
	benchStart    = 1_700_000_000 - 30
)

// generated returns the series of hosts of a cluster as its generator sends them, in blocks of 128 slots, for
// one writer.
func generated(tb testing.TB, cluster string, hosts int) []series {
	tb.Helper()
	clusters, err := load.Clusters()
	if err != nil {
		tb.Fatal(err)
	}
	topology := clusters[cluster]
	layout, err := load.NewLayout(cluster, topology, []string{"node", "socket", "hwthread", "accelerator"}, 0)
	if err != nil {
		tb.Fatal(err)
	}
	var all []series
	for _, name := range topology.HostNames(hosts) {
		h := load.NewHost(layout, name, 1, benchInterval)
		lines := strings.Split(strings.TrimSpace(string(h.AppendTick(nil, benchStart+30))), "\n")
		rows := make([][]float64, len(lines))
		for tick := range benchTicks {
			for i, v := range h.Values(benchStart + 30 + int64(tick*benchInterval)) {
				rows[i] = append(rows[i], v)
			}
		}
		for i, line := range lines {
			metric, part := parseLine(line)
			all = append(all, blocks(name, metric, part, rows[i])...)
		}
	}
	sortSeries(all)
	return all
}

// parseLine returns the metric and the part of a line.
func parseLine(line string) (metric string, p Part) {
	keys, _, _ := strings.Cut(line, " ")
	fields := strings.Split(keys, ",")
	for _, f := range fields[1:] {
		switch name, value, _ := strings.Cut(f, "="); {
		case name == "type" && value != "node":
			p.Type = value
		case name == "type-id":
			p.ID = value
		}
	}
	return fields[0], p
}

// blocks cuts a series into blocks.
func blocks(host, metric string, p Part, values []float64) []series {
	var all []series
	for start := int64(benchStart); len(values) > 0; start += 128 * benchInterval {
		n := min(len(values), 128)
		all = append(all, series{host, metric, p, Block{start, start + 128*benchInterval, benchInterval}, values[:n]})
		values = values[n:]
	}
	return all
}

func sortSeries(all []series) {
	slices.SortFunc(all, func(s, o series) int {
		a := key{s.host, s.metric, s.part, s.block.Frequency, s.block.Start}
		return a.compare(&key{o.host, o.metric, o.part, o.block.Frequency, o.block.Start})
	})
}

// realSeries returns the series of a job on 32 nodes, 24 hours of 9 metrics.
func realSeries(tb testing.TB) []series {
	tb.Helper()
	file, err := os.Open("../../test/testdata/emmy-job-1403244.lp.gz")
	if err != nil {
		tb.Fatal(err)
	}
	defer file.Close()
	unpacked, err := gzip.NewReader(file)
	if err != nil {
		tb.Fatal(err)
	}
	type name struct{ host, metric string }
	values, first := map[name]map[int64]float64{}, int64(1<<62)
	for lines := bufio.NewScanner(unpacked); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) != 3 {
			continue
		}
		metric, _ := parseLine(fields[0] + " ")
		_, rest, _ := strings.Cut(fields[0], "hostname=")
		host, _, _ := strings.Cut(rest, ",")
		v, err := strconv.ParseFloat(strings.TrimPrefix(fields[1], "value="), 64)
		t, err2 := strconv.ParseInt(fields[2], 10, 64)
		if err != nil || err2 != nil {
			tb.Fatal(lines.Text(), err, err2)
		}
		k := name{host, metric}
		if values[k] == nil {
			values[k] = map[int64]float64{}
		}
		values[k][t], first = v, min(first, t)
	}
	var all []series
	for k, samples := range values {
		row := make([]float64, 25*60)
		for i := range row {
			v, ok := samples[first+int64(i)*60]
			row[i] = v
			if !ok {
				row[i] = nan()
			}
		}
		all = append(all, blocks(k.host, k.metric, Part{}, row)...)
	}
	sortSeries(all)
	return all
}

// BenchmarkWrite: time and bytes for a sample.
func BenchmarkWrite(b *testing.B) {
	for _, c := range []struct {
		name string
		all  []series
	}{{"generator", generated(b, "fritz", 4)}, {"real", realSeries(b)}} {
		b.Run(c.name, func(b *testing.B) {
			a := openArchive(b, Config{})
			var info FileInfo
			b.ReportAllocs()
			cpu := testkit.CPUTime()
			for b.Loop() {
				info = put(b, a, "fritz", 0, c.all, nil)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(info.Rows), "ns/sample")
			b.ReportMetric(float64(testkit.CPUTime()-cpu)/float64(b.N)/float64(info.Rows), "cpu-ns/sample")
			b.ReportMetric(float64(info.Bytes)/float64(info.Rows), "B/sample")
			b.ReportMetric(float64(info.Rows), "samples")
		})
	}
}

// benchRead reads a part of a file of 16 hosts.
func benchRead(b *testing.B, s Selection, want int) {
	a := openArchive(b, Config{})
	all := generated(b, "fritz", 16)
	put(b, a, "fritz", 0, all, nil)
	s.Cluster, s.Host, s.To = "fritz", all[len(all)/2].host, 1<<40
	all = nil
	runtime.GC()
	b.ReportAllocs()
	cpu := testkit.CPUTime()
	for b.Loop() {
		n := 0
		if err := a.Read(b.Context(), &s, func(r *Rows) error {
			n += len(r.Times)
			return nil
		}); err != nil || n != want {
			b.Fatal(n, err)
		}
	}
	b.ReportMetric(float64(testkit.CPUTime()-cpu)/float64(b.N), "cpu-ns/op")
}

// BenchmarkReadOne reads one series of 720 samples.
func BenchmarkReadOne(b *testing.B) {
	benchRead(b, Selection{Metrics: []string{"cpu_load"}, Types: []string{""}}, benchTicks)
}

// BenchmarkReadParts reads all threads of a host, 72 series of 720 samples.
func BenchmarkReadParts(b *testing.B) {
	benchRead(b, Selection{Metrics: []string{"flops_any"}, Types: []string{"hwthread"}}, 72*benchTicks)
}

// BenchmarkEncoding: what values take in pages of each encoding, and how long it takes to write and to read them.
func BenchmarkEncoding(b *testing.B) {
	for _, data := range []struct {
		name string
		all  []series
	}{{"generator", generated(b, "fritz", 2)}, {"real", realSeries(b)}} {
		var values []float64
		for _, s := range data.all {
			for _, v := range s.values {
				if v == v {
					values = append(values, v)
				}
			}
		}
		ids := map[float64]uint32{}
		encodings := map[string]func([]byte, []float64) []byte{
			"plain": func(dst []byte, page []float64) []byte {
				for _, v := range page {
					dst = binary.LittleEndian.AppendUint64(dst, math.Float64bits(v))
				}
				return dst
			},
			"split": func(dst []byte, page []float64) []byte {
				var e bytestreamsplit.Encoding
				dst, err := e.EncodeDouble(dst, page)
				if err != nil {
					b.Fatal(err)
				}
				return dst
			},
			"dictionary": func(dst []byte, page []float64) []byte { // 24 bits each; the dictionary is not counted
				for _, v := range page {
					if _, ok := ids[v]; !ok {
						ids[v] = uint32(len(ids))
					}
					dst = append(dst, byte(ids[v]), byte(ids[v]>>8), byte(ids[v]>>16))
				}
				return dst
			},
		}
		for _, name := range []string{"plain", "split", "dictionary"} {
			b.Run(data.name+"/"+name, func(b *testing.B) {
				p, err := newPageCompressor()
				if err != nil {
					b.Fatal(err)
				}
				size := 0
				for b.Loop() {
					size = 0
					for page := range slices.Chunk(values, pageRows) {
						p.body = encodings[name](p.body[:0], page)
						p.compressed = p.encoder.EncodeAll(p.body, p.compressed[:0])
						size += len(p.compressed)
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(values)), "ns/sample")
				b.ReportMetric(float64(size)/float64(len(values)), "B/sample")
				if name == "dictionary" {
					b.ReportMetric(float64(8*len(ids))/float64(len(values)), "B/sample-dictionary")
				}
			})
		}
	}
}

// BenchmarkReadFiles reads one series from 60 files, as of a month with two files a day.
func BenchmarkReadFiles(b *testing.B) {
	const files = 60
	for name, isCached := range map[string]bool{"first": false, "again": true} {
		b.Run(name, func(b *testing.B) {
			a := openArchive(b, Config{})
			all := generated(b, "fritz", 2)
			for i := range files {
				put(b, a, "fritz", int64(i), all, nil)
				for k := range all {
					all[k].block.Start += benchTicks * benchInterval
					all[k].block.End += benchTicks * benchInterval
				}
			}
			s := Selection{Cluster: "fritz", Host: all[0].host, Metrics: []string{"cpu_load"}, Types: []string{""}, To: 1 << 40}
			cpu := testkit.CPUTime()
			for b.Loop() {
				if !isCached {
					a.cache.close()
				}
				n := 0
				if err := a.Read(b.Context(), &s, func(r *Rows) error { n += len(r.Times); return nil }); err != nil || n != files*benchTicks {
					b.Fatal(n, err)
				}
			}
			b.ReportMetric(float64(testkit.CPUTime()-cpu)/float64(b.N)/files, "cpu-ns/file")
		})
	}
}

// BenchmarkReadJob reads metrics of the hosts of a job as cc-backend asks for them: one metric of all hosts, then the next
// one, of pages that nobody has asked for before.
func BenchmarkReadJob(b *testing.B) {
	const hosts, jobHosts = 32, 8
	a := openArchive(b, Config{})
	all := generated(b, "fritz", hosts)
	put(b, a, "fritz", 1, all, nil)
	var names, metrics []string
	for _, one := range all {
		names = append(names, one.host)
		if one.part == (Part{}) {
			metrics = append(metrics, one.metric)
		}
	}
	slices.Sort(metrics)
	names, metrics = slices.Compact(names), slices.Compact(metrics)
	from := int64(benchStart + benchTicks*benchInterval/2)
	job := 0
	b.ReportAllocs()
	for b.Loop() {
		job = (job + jobHosts) % hosts
		a.cache.decoded = newPageCache()
		a.cache.close()
		for _, metric := range metrics {
			for _, host := range names[job:][:jobHosts] {
				n := 0
				s := Selection{Cluster: "fritz", Host: host, Metrics: []string{metric}, Types: []string{""}, From: from, To: 1 << 40}
				if err := a.Read(b.Context(), &s, func(r *Rows) error { n += len(r.Times); return nil }); err != nil || n != benchTicks/2 {
					b.Fatal(n, err)
				}
			}
		}
	}
}
