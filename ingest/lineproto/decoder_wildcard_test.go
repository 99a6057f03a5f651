package lineproto

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"cc-metric-store/store"
)

// TestLinesWithoutANumber: what only the wildcard takes need not be a sample, and is
// no fault of its sender then.
func TestLinesWithoutANumber(t *testing.T) {
	const before, after = "cpu_load,hostname=h value=1 1\n", "\ncpu_load,hostname=h value=2 2\n"
	for _, test := range []struct {
		line string
		want string // the sample, or the reason
	}{
		{`topproc1,hostname=h value="store" 17`, "no-number"},
		{`topproc1,hostname=h value=""`, "no-number"},
		{"failed,hostname=h value=true 17", "no-number"},
		{"failed,hostname=h value=F 17", "no-number"},
		{"disk,hostname=h used=1,free=2i 17", "no-number"},
		{`disk,hostname=h used="x" 17`, "no-number"},
		{"disk,hostname=../h used=1 99999999999999999999", "no-number"},
		{"disk,hostname=h" + strings.Repeat(",a=b", MaxTags+1) + " used=1 17", "no-number"},
		// A number is stored, whatever stands beside it.
		{"custom,hostname=h other=2,value=7 17", "7"},
		{`custom,hostname=h value=7,note="x" 17`, "7"},
		{`custom,hostname=h value="x",value=7 17`, "7"},
		{`custom,hostname=h value=7,value="x" 17`, "no-number"},
		// The rules of a sample hold for it.
		{"custom,hostname=../h other=2,value=7 17", "name"},
		{"custom,hostname=h other=2,value=7 x", "syntax"},
		{"custom,hostname=h other=2,value=7 1790000000", "future"},
		// What is named is expected to be a number.
		{`cpu_load,hostname=h value="x" 17`, "value"},
		{"cpu_load,hostname=h value=true 17", "value"},
		{"cpu_load,hostname=h used=1 17", "field"},
		{"cpu_load,hostname=h value=1,used=1 17", "field"},
		// Others are as they always were.
		{`job,hostname=h event="x" 17`, "foreign"},
		{"custom,hostname=h value=x 17", "syntax"},
	} {
		for _, learnt := range []bool{false, true} { // a name that is known by a number
			s := wildcardStore(t)
			if learnt {
				name, _, _ := strings.Cut(test.line, ",")
				s.Admit(0, "dc", "h", []byte(name))
			}
			var d Decoded
			NewDecoder(s, nil, 10*time.Minute).Decode([]byte(before+test.line+after), "dc", entryTime, &d)
			if got := wildcardResult(&d); got != "1 "+test.want+" 2" && got != "1 2 "+test.want {
				t.Errorf("%.80q gives %q, want %q (%+v)", test.line, got, test.want, d.Faults)
			}
			if d.Lines != 3 {
				t.Errorf("%.80q: %d lines", test.line, d.Lines)
			}
			if n := d.RefusedLines(); (n > 0) != (len(d.Faults) > 0 && d.Faults[0].Reason.IsTold()) {
				t.Errorf("%.80q: the writer is told of %d lines", test.line, n)
			}
		}
	}
}

func wildcardStore(t *testing.T) *store.Store {
	t.Helper()
	s, err := store.New(store.Config{Metrics: testMetricConfigs(), AnyMetric: &store.MetricConfig{Frequency: 60}})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// wildcardResult lists the values, then the reasons.
func wildcardResult(d *Decoded) string {
	var list []string
	for _, b := range d.Batches {
		for _, s := range b.Samples {
			list = append(list, strconv.FormatFloat(s.Value, 'g', -1, 64))
		}
	}
	for r, n := range d.Counts {
		if n > 0 {
			list = append(list, Reason(r).String())
		}
	}
	return strings.Join(list, " ")
}
