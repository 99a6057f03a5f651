package lineproto

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"cc-metric-store/store"
)

// entryTime is the time in the log of the entries under test.
var entryTime = time.Unix(1_760_000_000, 0)

func newTestStore(t testing.TB) *store.Store {
	t.Helper()
	s, err := store.New(store.Config{Metrics: testMetricConfigs()})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func testMetricConfigs() map[string]store.MetricConfig {
	return map[string]store.MetricConfig{
		"cpu_load":  {Frequency: 60},
		"cpu_user":  {Frequency: 60, Aggregation: store.AggregateAvg},
		"flops_any": {Frequency: 60, Aggregation: store.AggregateSum},
	}
}

var testMetrics = []string{"cpu_load", "cpu_user", "flops_any"} // by MetricID

// samplesOf lists the samples as "cluster/host/part/metric=value@time".
func samplesOf(d *Decoded) []string {
	var out []string
	for _, b := range d.Batches {
		for _, s := range b.Samples {
			name := b.Names[s.Name]
			p := b.Parts[name.Part]
			part := strings.Trim(p.Type+":"+p.ID+":"+p.Subtype+":"+p.SubID, ":")
			out = append(out, fmt.Sprintf("%s/%s/%s/%s=%s@%d", b.Cluster, b.Host, part,
				testMetrics[name.Metric], strconv.FormatFloat(s.Value, 'g', -1, 64), s.Time))
		}
	}
	return out
}

func decodeString(t testing.TB, data string) *Decoded {
	var out Decoded
	NewDecoder(newTestStore(t), nil, 10*time.Minute).Decode([]byte(data), "dc", entryTime, &out)
	return &out
}

func TestDecodeLine(t *testing.T) {
	long := strings.Repeat("x", MaxLine)
	tests := []struct {
		line string
		want string // the sample, or the reason
	}{
		{"cpu_load,cluster=c,hostname=h,type=node value=1.5 1700000000", "c/h//cpu_load=1.5@1700000000"},
		{"cpu_load,hostname=h value=1 1700000000", "dc/h//cpu_load=1@1700000000"},
		{"cpu_load,cluster=c,host=h value=1 1700000000", "c/h//cpu_load=1@1700000000"},
		{"cpu_load value=1 1700000000", "dc///cpu_load=1@1700000000"},
		{"cpu_load,type-id=3,hostname=h,type=hwthread,cluster=c value=1 17", "c/h/hwthread:3/cpu_load=1@17"},
		{"cpu_load,cluster=c,hostname=h,type=node,type-id=0 value=1 17", "c/h//cpu_load=1@17"},
		{"cpu_load,cluster=c,hostname=h,stype=network,stype-id=eth0,type=node value=1 17", "c/h//cpu_load=1@17"},
		{"cpu_load,cluster=c,hostname=h,type=socket,type-id=0,stype=disk,stype-id=a value=1 17", "c/h/socket:0:disk:a/cpu_load=1@17"},
		{"cpu_load,cluster=c,hostname=h,type=accelerator,type-id=00000000:49:00.0 value=1 17", "c/h/accelerator:00000000:49:00.0/cpu_load=1@17"},
		{`cpu_load,cluster=c,hostname=a\ b\,c\=d value=1 17`, "c/a b,c=d//cpu_load=1@17"},
		{"cpu_load,cluster=c,hostname=h,unit=GB/s,rack=r7 value=1 17", "c/h//cpu_load=1@17"},
		{"cpu_load,hostname=h value=4i 17", "dc/h//cpu_load=4@17"},
		{"cpu_load,hostname=h value=18446744073709551615u 17", "dc/h//cpu_load=1.8446744073709552e+19@17"},
		{"cpu_load,hostname=h value=-1.5E-2 17", "dc/h//cpu_load=-0.015@17"},
		{"cpu_load,hostname=h value=-0.0 17", "dc/h//cpu_load=-0@17"},
		{"cpu_load,hostname=h value=1e39 17", "dc/h//cpu_load=1e+39@17"},
		{"cpu_load,hostname=h value=1,value=7 17", "dc/h//cpu_load=7@17"},
		{"cpu_load,hostname=h value=1 17\r", "dc/h//cpu_load=1@17"},
		{"  cpu_load,hostname=h value=1 17", "dc/h//cpu_load=1@17"},
		// Times.
		{"cpu_load,hostname=h value=1", "dc/h//cpu_load=1@1760000000"},
		{"cpu_load,hostname=h value=1 -5", "dc/h//cpu_load=1@-5"},
		{"cpu_load,hostname=h value=1 1700000000123", "dc/h//cpu_load=1@1700000000"},
		{"cpu_load,hostname=h value=1 1700000000123456", "dc/h//cpu_load=1@1700000000"},
		{"cpu_load,hostname=h value=1 1700000000123456789", "dc/h//cpu_load=1@1700000000"},
		{"cpu_load,hostname=h value=1 -1", "dc/h//cpu_load=1@-1"},
		{"cpu_load,hostname=h value=1 -9223372036855", "dc/h//cpu_load=1@-9223373"}, // us
		{"cpu_load,hostname=h value=1 1760000600", "dc/h//cpu_load=1@1760000600"},
		{"cpu_load,hostname=h value=1 1760000601", "future"},
		{"cpu_load,hostname=h value=1 9223372036", "future"},
		{"cpu_load,hostname=h value=1 9223372036854775808", "timestamp"},
		{"cpu_load,hostname=h value=1 -9223372036854775808", "timestamp"},
		{"cpu_load,hostname=h value=1 99999999999999999999", "timestamp"},
		{"cpu_load,hostname=h value=1 1-7", "timestamp"},
		{"cpu_load,hostname=h value=1 -", "timestamp"},
		{"cpu_load,hostname=h value=1 007", "dc/h//cpu_load=1@7"},
		{"cpu_load,hostname=h value=1 0000000000000000000000017", "dc/h//cpu_load=1@17"},
		{"cpu_load,hostname=h value=1 -0000000000000000000000017", "dc/h//cpu_load=1@-17"},
		{"cpu_load,hostname=h value=1 0000000000000000000000000", "dc/h//cpu_load=1@0"},
		{"cpu_load,hostname=h value=1 1700000000.5", "syntax"},
		{"cpu_load,hostname=h value=1 abc", "syntax"},
		// Values.
		{"cpu_load,hostname=h value=abc 17", "syntax"},
		{"cpu_load,hostname=h value=NaN 17", "syntax"},
		{"cpu_load,hostname=h value=-Inf 17", "syntax"},
		{"cpu_load,hostname=h value=1e400 17", "syntax"},
		{"cpu_load,hostname=h value=true 17", "value"},
		{`cpu_load,hostname=h value="text" 17`, "value"},
		{"cpu_load,hostname=h load=1 17", "field"},
		{`cpu_load,hostname=h load="a` + "\n" + `b" 17`, "field"},
		{"cpu_load,hostname=h value=1,load=1 17", "field"},
		// Names.
		{"cpu_load,hostname=../../x value=1 17", "name"},
		{"cpu_load,cluster=a/b,hostname=h value=1 17", "name"},
		{`cpu_load,cluster=a\\b,hostname=h value=1 17`, "name"},
		{"cpu_load,hostname=n.example.org value=1 17", "dc/n.example.org//cpu_load=1@17"},
		// Not stored, and no fault.
		{"no_such,hostname=h value=1 17", "unknown-metric"},
		{"no_such,hostname=h other=1 17", "unknown-metric"},
		{"no_such,hostname=../x value=1 17", "unknown-metric"},
		{`job,function=start_job event="{\"a\":\"b c\"}" 17`, "foreign"},
		{`cpu_load,function=x event="{}" 17`, "foreign"},
		{`ccb,loglevel=err log="x` + "\n" + `y"`, "foreign"},
		{`ccms,method=GET control="x" 17`, "foreign"},
		// No line protocol.
		{"this is not line protocol", "syntax"},
		{"nonsense_without_fields", "syntax"},
		{"this is , not = a line", "syntax"},
		{"cpu_load,hostname= value=1 17", "syntax"},
		{"cpu_load,hostname=h value= 17", "syntax"},
		{"cpu_load,hostname=h value=1 17 x", "syntax"},
		{`cpu_load,hostname=h value="x 17`, "syntax"},
		{"\x1f\x8b\x08", "syntax"},
		{"cpu_load,hostname=" + long + " value=1 17", "too-long"},
		{"cpu_load,hostname=" + strings.Repeat("h", 300) + " value=1 17", "dc/" + strings.Repeat("h", 300) + "//cpu_load=1@17"},
		// Nothing.
		{"", ""}, {"# comment", ""}, {" \r", ""},
	}
	for _, test := range tests {
		d := decodeString(t, "cpu_load,hostname=before value=1 1\n"+test.line+"\ncpu_load,hostname=after value=2 2\n")
		got := samplesOf(d)
		if len(got) < 2 || got[0] != "dc/before//cpu_load=1@1" || got[len(got)-1] != "dc/after//cpu_load=2@2" {
			t.Errorf("%.80q costs its neighbours: %q", test.line, got)
			continue
		}
		result := strings.Join(got[1:len(got)-1], " ")
		for r, n := range d.Counts {
			if n > 0 {
				result += Reason(r).String()
			}
		}
		if result != test.want {
			t.Errorf("%.80q gives %q, want %q (%+v)", test.line, result, test.want, d.Faults)
		}
		for _, f := range d.Faults {
			if f.Line != 2 || string(f.Text) != test.line || f.Detail == "" {
				t.Errorf("%.80q: fault %+v", test.line, f)
			}
		}
	}
}

func TestDecodeGroupsByHostInOrder(t *testing.T) {
	d := decodeString(t, `cpu_load,hostname=a value=1 1
cpu_load,hostname=b value=2 1
cpu_load,hostname=a value=3 1
cpu_user,hostname=b,type=core,type-id=1 value=4 1
cpu_user,hostname=b,type=core,type-id=2 value=5 1
cpu_load,hostname=b,type=core,type-id=1 value=6 1
cpu_load,cluster=x,hostname=a value=7 1
`)
	want := "dc/a//cpu_load=1@1 dc/a//cpu_load=3@1 " +
		"dc/b//cpu_load=2@1 dc/b/core:1/cpu_user=4@1 dc/b/core:2/cpu_user=5@1 dc/b/core:1/cpu_load=6@1 " +
		"x/a//cpu_load=7@1"
	if got := strings.Join(samplesOf(d), " "); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if n := len(d.Batches[1].Parts); n != 3 {
		t.Errorf("%d parts of b, want 3", n)
	}
}

func TestDecodeReusesItsMemory(t *testing.T) {
	dec := NewDecoder(newTestStore(t), nil, time.Minute)
	var out Decoded
	first := "cpu_load,hostname=a value=1 1\ncpu_load,hostname=b,type=core,type-id=1 value=2 1\nbad\n"
	second := "cpu_user,hostname=c,type=core,type-id=2 value=3 2\n"
	for range 3 {
		out.Reset()
		dec.Decode([]byte(first), "x", entryTime, &out)
		if got := strings.Join(samplesOf(&out), " "); got != "x/a//cpu_load=1@1 x/b/core:1/cpu_load=2@1" || len(out.Faults) != 1 {
			t.Fatalf("got %s, %d faults", got, len(out.Faults))
		}
		out.Reset()
		dec.Decode([]byte(second), "y", entryTime, &out)
		if got := strings.Join(samplesOf(&out), " "); got != "y/c/core:2/cpu_user=3@2" || len(out.Faults) != 0 || out.Lines != 1 {
			t.Fatalf("got %s, %d faults, %d lines", got, len(out.Faults), out.Lines)
		}
	}
}

func TestDecodeKeepsFewFaults(t *testing.T) {
	d := decodeString(t, strings.Repeat("bad\n", 1000))
	if len(d.Faults) != MaxFaults || d.Counts[BadSyntax] != 1000 {
		t.Errorf("%d faults kept of %d", len(d.Faults), d.Counts[BadSyntax])
	}
	if d.RefusedLines() != 1000 || d.First.Line != 1 {
		t.Errorf("told of %d lines, first %+v", d.RefusedLines(), d.First)
	}
	// A writer is not told of names that look like paths, of which more than are
	// kept may precede what it is told.
	d = decodeString(t, strings.Repeat("cpu_load,hostname=.. value=1\n", 2*MaxFaults)+"bad\nbad\n")
	if len(d.Faults) != MaxFaults || d.RefusedLines() != 2 || d.First.Line != 2*MaxFaults+1 || d.First.Detail == "" {
		t.Errorf("%d faults kept, told of %d lines, first %+v", len(d.Faults), d.RefusedLines(), d.First)
	}
}

func TestOpenQuoteCostsItsLineAlone(t *testing.T) {
	for _, later := range []string{`log="x"`, `log=" indented"`, `log=""`, "log=\"\nx\"", `log=",x=1"`, "log=\",x=1\nx\""} {
		var b strings.Builder
		b.WriteString("cpu_load,hostname=bad value=\"oops 1\n")
		for i := range 100 {
			fmt.Fprintf(&b, "cpu_load,hostname=h%d value=1 1\n", i)
		}
		b.WriteString("ccb,loglevel=err " + later + " 1\ncpu_load,hostname=z value=1 1\n")
		d := decodeString(t, b.String())
		if d.Samples != 101 || d.Counts[Foreign] != 1 || len(d.Faults) != 1 || d.Faults[0].Line != 1 {
			t.Errorf("%q: %d of 101 samples, counts %v, faults %v", later, d.Samples, d.Counts, d.Faults)
		}
	}
}

// FuzzDecode checks on arbitrary bytes that decoding never fails, that each
// line is accounted for, and that a line means the same alone and among others.
func FuzzDecode(f *testing.F) {
	capture, err := os.ReadFile("testdata/lines.lp")
	if err != nil {
		f.Fatal(err)
	}
	for line := range bytes.Lines(capture) {
		f.Add(line)
	}
	f.Add(capture)
	s := newTestStore(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		var whole Decoded
		NewDecoder(s, nil, time.Minute).Decode(data, "dc", entryTime, &whole)
		sum := whole.Samples
		for _, n := range whole.Counts {
			sum += n
		}
		if sum != whole.Lines || len(samplesOf(&whole)) != whole.Samples {
			t.Fatalf("%q: %d lines, %d accounted for, %d samples", data, whole.Lines, sum, len(samplesOf(&whole)))
		}
		var lines int
		var samples []string
		for rest := data; len(rest) > 0; {
			var line []byte
			line, rest, _ = nextLine(rest)
			var one Decoded
			NewDecoder(s, nil, time.Minute).Decode(line, "dc", entryTime, &one)
			lines += one.Lines
			samples = append(samples, samplesOf(&one)...)
		}
		together := samplesOf(&whole)
		slices.Sort(samples)
		slices.Sort(together)
		if lines != whole.Lines || !slices.Equal(samples, together) {
			t.Fatalf("%q: %d lines and %q one by one, %d and %q together", data, lines, samples, whole.Lines, together)
		}
	})
}
