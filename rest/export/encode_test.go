package export

import (
	"bytes"
	"encoding/csv"
	"math"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/influxdata/line-protocol/v2/lineprotocol"

	"cc-metric-store/test/testkit"
)

// encode returns the text of a row.
func encode(f Format, s *Series, r Row) (string, error) {
	e := NewEncoder(f)
	b := []byte(e.Header())
	var err error
	for len(r.Values) > 0 && err == nil {
		b, r, err = e.Append(b, s, r)
	}
	return string(b), err
}

func TestFormats(t *testing.T) {
	t.Parallel()
	row := Row{1700000000, 60, []float64{math.NaN(), math.Copysign(0, -1), 1e-308, math.NaN(), 0.30000000000000004, 123456789012345678}}
	host := &Series{Cluster: "fritz", Host: "f1", Metric: "cpu_load"}
	part := &Series{"a,b", "", "x y", "hwthread", "0=1", "mount", `"/home", ü`}
	for _, c := range []struct {
		format Format
		series *Series
		want   string
	}{
		{LineProtocol, host, `cpu_load,cluster=fritz,hostname=f1,type=node value=-0 1700000060
cpu_load,cluster=fritz,hostname=f1,type=node value=1e-308 1700000120
cpu_load,cluster=fritz,hostname=f1,type=node value=0.30000000000000004 1700000240
cpu_load,cluster=fritz,hostname=f1,type=node value=1.2345678901234568e+17 1700000300
`},
		{LineProtocol, part, `x\ y,cluster=a\,b,stype=mount,stype-id="/home"\,\ ü,type=hwthread,type-id=0\=1 value=-0 1700000060
`},
		{CSV, host, `cluster,hostname,metric,type,type-id,stype,stype-id,time,value
fritz,f1,cpu_load,node,,,,1700000060,-0
`},
		{CSV, part, `cluster,hostname,metric,type,type-id,stype,stype-id,time,value
"a,b",,x y,hwthread,0=1,mount,"""/home"", ü",1700000060,-0
`},
		{JSONLines, host, `{"cluster":"fritz","hostname":"f1","metric":"cpu_load","interval":60,"start":1700000060,"values":[-0,1e-308,null,0.30000000000000004,1.2345678901234568e+17]}
`},
		{JSONLines, part, `{"cluster":"a,b","hostname":"","metric":"x y","type":"hwthread","type-id":"0=1","stype":"mount","stype-id":"\"/home\", ü","interval":60,"start":1700000060,`},
	} {
		if got, err := encode(c.format, c.series, row); err != nil || !strings.HasPrefix(got, c.want) {
			t.Errorf("%v: %v\n%s\nwant\n%s", c.format, err, got, c.want)
		}
	}
	for _, name := range []string{"a\nb", "a\x7f", `a\`, "\xff"} {
		s := &Series{Metric: "m", Host: name}
		if _, err := encode(LineProtocol, s, row); err == nil {
			t.Errorf("%q stands in a line", name)
		}
		if _, err := encode(JSONLines, s, row); err != nil {
			t.Error(err)
		}
	}
}

// TestLongRow: a row of any length comes in pieces of bounded size, with all samples.
func TestLongRow(t *testing.T) {
	t.Parallel()
	rnd := testkit.Rand(t)
	row := Row{-600, 7, make([]float64, 2000)}
	for i := range row.Values {
		row.Values[i] = math.Float64frombits(rnd.Uint64())
		if math.IsInf(row.Values[i], 0) {
			row.Values[i] = math.NaN()
		}
	}
	s := &Series{Cluster: "c", Host: strings.Repeat("h", 20_000), Metric: "m"}
	for f := range formats {
		e := NewEncoder(f)
		left := row
		var b []byte
		got := map[int64]uint64{}
		for len(left.Values) > 0 {
			var err error
			if b, left, err = e.Append(b[:0], s, left); err != nil || len(b) > 100_000 {
				t.Fatalf("%v: a piece of %d bytes, %v", f, len(b), err)
			}
			readPiece(t, f, b, got)
		}
		for i, v := range row.Values {
			bits, ok := got[row.Start+int64(i)*row.Step]
			if ok != (v == v) || ok && bits != math.Float64bits(v) {
				t.Fatalf("%v: sample %d of %v is %x", f, i, v, bits)
			}
		}
	}
}

// readPiece reads text back, by parsers of others.
func readPiece(t *testing.T, f Format, b []byte, into map[int64]uint64) {
	t.Helper()
	add := func(at, value string) {
		n, err := strconv.ParseInt(at, 10, 64)
		v, err2 := strconv.ParseFloat(value, 64)
		if err != nil || err2 != nil {
			t.Fatal(err, err2)
		}
		into[n] = math.Float64bits(v)
	}
	switch f {
	case CSV:
		records, err := csv.NewReader(bytes.NewReader(b)).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range records {
			add(r[7], r[8])
		}
	case JSONLines:
		var r Row
		for line := range bytes.Lines(b) {
			if _, err := ParseObject(line, &r); err != nil {
				t.Fatal(err)
			}
			for i, v := range r.Values {
				if v == v {
					into[r.Start+int64(i)*r.Step] = math.Float64bits(v)
				}
			}
		}
	default:
		for line := range strings.Lines(string(b)) {
			_, rest, _ := strings.Cut(strings.TrimSpace(line), " value=")
			value, at, _ := strings.Cut(rest, " ")
			add(at, value)
		}
	}
}

// FuzzLine: the line protocol's own library reads the names back.
func FuzzLine(f *testing.F) {
	f.Add("c", "h", "m", "", "", "", "", 1.5)
	f.Add(`a\ b`, `\,`, `m=\ x`, `t=\=`, `"`, `\\ `, "ü,", 1e-308)
	f.Fuzz(func(t *testing.T, cluster, host, metric, typ, id, subtype, subID string, value float64) {
		s := &Series{cluster, host, metric, typ, id, subtype, subID}
		checkObject(t, s, value)
		line, err := encode(LineProtocol, s, Row{1, 1, []float64{value}})
		if err != nil || value != value || math.IsInf(value, 0) {
			return
		}
		d := lineprotocol.NewDecoderWithBytes([]byte(line))
		if !d.Next() {
			t.Fatalf("%q is no line", line)
		}
		got := Series{}
		name, err := d.Measurement()
		if err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		got.Metric = string(name)
		for {
			key, v, err := d.NextTag()
			if err != nil {
				t.Fatalf("%q: %v", line, err)
			}
			if key == nil {
				break
			}
			*map[string]*string{
				"cluster": &got.Cluster, "hostname": &got.Host, "type": &got.Type, "type-id": &got.TypeID, "stype": &got.Subtype, "stype-id": &got.SubtypeID,
			}[string(key)] = string(v)
		}
		want := *s
		if want.Type == "" {
			want.Type = "node"
		}
		_, v, err := d.NextField()
		if err != nil || got != want || math.Float64bits(v.FloatV()) != math.Float64bits(value) {
			t.Errorf("%q is read as %+v = %v, %v; want %+v", line, got, v, err, want)
		}
	})
}

// checkObject reads an object back.
func checkObject(t *testing.T, s *Series, value float64) {
	t.Helper()
	line, err := encode(JSONLines, s, Row{-7, 9, []float64{value}})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{s.Cluster, s.Host, s.Metric, s.Type, s.TypeID, s.Subtype, s.SubtypeID} {
		if !utf8.ValidString(name) {
			return
		}
	}
	if value != value || math.IsInf(value, 0) || s.Metric == "" {
		return
	}
	var r Row
	if got, err := ParseObject([]byte(line), &r); err != nil || got != *s || r.Start != -7 || r.Step != 9 || len(r.Values) != 1 || math.Float64bits(r.Values[0]) != math.Float64bits(value) {
		t.Errorf("%q is read as %+v, %+v, %v", line, got, r, err)
	}
}
