package rest

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"cc-metric-store/store"
)

func (f *fixture) query(body string) answer {
	f.t.Helper()
	return f.send("GET", "/api/query/", strings.NewReplacer("FROM", fmt.Sprint(origin), "TO", fmt.Sprint(origin+180)).Replace(body))
}

func samples(host, metric string, values ...float64) string {
	var b strings.Builder
	for i, v := range values {
		fmt.Fprintf(&b, "%s %s %v %d\n", host, metric, v, origin+60*i)
	}
	return b.String()
}

// TestAnswersSayUntilWhenTheyAreComplete: the time is asked for before the store.
func TestAnswersSayUntilWhenTheyAreComplete(t *testing.T) {
	view := &longAnswers{Store: newStore(t), cells: 1}
	f := start(t, Config{}, view)
	view.hook = func(int) { f.log.setUntil(time.Unix(20, 0)) }
	for _, c := range []struct {
		until time.Time
		want  string
	}{{time.Time{}, "0"}, {time.Unix(12, 999), "12"}} {
		f.log.setUntil(c.until)
		if got := f.send("POST", "/api/query", manyQueries(1)).header.Get("X-Complete-Until"); got != c.want {
			t.Errorf("%v: %q", c.until, got)
		}
	}
}

func TestQueryForms(t *testing.T) {
	f := start(t, Config{}, nil)
	f.write(samples("n1", "cpu_load", 0.5, 1e-7, 2.25) + samples("n2/hwthread/0", "flops", 1, 2) + samples("n2/hwthread/3", "flops", 10, 20, 30) +
		samples("n3/socket/0", "cpu_load", 1) + samples("n3/socket/1", "cpu_load", 2))
	const times = `"from":1760000040,"to":1760000220,"resolution":60,`
	const failed = `"from":0,"to":0,"resolution":0,"avg":0.00,"min":0.00,"max":0.00}`
	for _, c := range []struct{ name, request, want string }{
		{"one series", `"queries":[{"metric":"cpu_load","host":"n1"}]`,
			`[[{"data":[0.5,1e-7,2.25],` + times + `"avg":0.9166667,"min":1e-7,"max":2.25}]]`},
		{"defaults by null", `"queries":[{"metric":"cpu_load","host":"n1","type":null,"type-ids":null,"resolution":0}],
			"for-all-nodes":null,"with-stats":null,"with-data":null,"with-padding":null`,
			`[[{"data":[0.5,1e-7,2.25],` + times + `"avg":0.9166667,"min":1e-7,"max":2.25}]]`},
		{"without statistics", `"with-stats":false,"queries":[{"metric":"cpu_load","host":"n1"}]`,
			`[[{"data":[0.5,1e-7,2.25],` + times + `"avg":0.00,"min":0.00,"max":0.00}]]`},
		{"without data", `"with-data":false,"queries":[{"metric":"flops","host":"n2"}]`,
			`[[{` + times + `"avg":16.5,"min":11,"max":22}]]`},
		{"ids, one of them unknown", `"queries":[{"metric":"flops","host":"n2","type":"hwthread","type-ids":["0","7"]}]`,
			`[[{"data":[1,2,null],` + times + `"avg":1.5,"min":1,"max":2},{"data":[null,null,null],` + times + `"avg":null,"min":null,"max":null}]]`},
		{"combined and scaled", `"queries":[{"metric":"flops","host":"n2","type":"hwthread","type-ids":["0","3"],"aggreg":true,"scale-by":0.5}]`,
			`[[{"data":[5.5,11,null],` + times + `"avg":8.25,"min":5.5,"max":11}]]`},
		{"without padding", `"with-padding":false,"queries":[{"metric":"flops","host":"n2","type":"hwthread","type-ids":["0"]}]`,
			`[[{"data":[1,2],"from":1760000040,"to":1760000160,"resolution":60,"avg":1.5,"min":1,"max":2}]]`},
		{"nothing there", `"queries":[{"metric":"cpu_load","host":"nope"},{"metric":"flops","host":"n1"},{"metric":"flops","host":"n2","type":"socket","type-ids":[]}]`,
			`[[],[],[]]`},
		{"one wrong query", `"queries":[{"metric":"no<such>","host":"n1"},{"metric":"cpu_load","host":"n3"},{"metric":"cpu_load","host":"nope"}]`,
			`[[{"error":"[METRICSTORE]\u003e unknown metric: no\u003csuch\u003e",` + failed + `],[{"error":"[METRICSTORE]\u003e invalid aggregation",` + failed + `],[]]`},
		{"unknown fields", `"queries":[{"metric":"cpu_load","host":"nope","colour":1}],"resample-algo":"lttb"`, `[[]]`},
		{"no queries", `"queries":null`, `[]`},
		{"no hosts", `"for-all-nodes":[]`, `[]`},
	} {
		a := f.query(`{"cluster":"alex","from":FROM,"to":TO,` + c.request + `}` + "}garbage")
		want := `{"results":` + c.want + "}\n"
		if a.status != 200 || a.body != want {
			t.Errorf("%s:\ngot  %d %swant %s", c.name, a.status, a.body, want)
		}
		if a.header.Get("Content-Type") != "application/json" || a.header.Get("Content-Length") != fmt.Sprint(len(want)) {
			t.Errorf("%s: header %v", c.name, a.header)
		}
	}
}

func TestQueryForAllNodes(t *testing.T) {
	f := start(t, Config{}, nil)
	f.write(samples("n2", "cpu_load", 2) + samples("n1", "cpu_load", 1) + samples("n1", "flops", 3))
	a := f.query(`{"cluster":"alex","from":FROM,"to":1760000100,"with-stats":false,"with-padding":false,
		"queries":[{"metric":"flops","host":"n1"}],"for-all-nodes":["cpu_load","flops"]}`)
	series := func(v int) string {
		return fmt.Sprintf(`[{"data":[%d],"from":1760000040,"to":1760000100,"resolution":60,"avg":0.00,"min":0.00,"max":0.00}]`, v)
	}
	item := func(metric, host string) string {
		return fmt.Sprintf(`{"metric":"%s","host":"%s","resolution":0,"aggreg":false}`, metric, host)
	}
	want := `{"queries":[` + item("cpu_load", "n1") + "," + item("flops", "n1") + "," + item("cpu_load", "n2") + "," + item("flops", "n2") +
		`],"results":[` + series(3) + "," + series(1) + "," + series(3) + "," + series(2) + ",[]]}\n"
	if a.body != want {
		t.Errorf("got  %swant %s", a.body, want)
	}
	if a := f.query(`{"cluster":"none","from":FROM,"to":TO,"for-all-nodes":["cpu_load"]}`); a.body != `{"results":[]}`+"\n" {
		t.Errorf("a cluster without hosts: %s", a.body)
	}
}

func TestQueryFaults(t *testing.T) {
	f := start(t, Config{}, nil)
	for _, c := range []struct {
		body  string
		words []string
	}{
		{``, []string{"body is empty", "EOF"}},
		{`{`, []string{"ends within the JSON"}},
		{`{"cluster":"alex",}`, []string{"invalid JSON at byte 19"}},
		{`nope`, []string{"invalid JSON at byte 2"}},
		{`[]`, []string{"the body", "got array, want an object"}},
		{`{"from":"now"}`, []string{`field "from"`, "got string, want an integer"}},
		{`{"from":1.5}`, []string{`field "from"`, "got number 1.5, want an integer"}},
		{`{"from":99999999999999999999}`, []string{`field "from"`}},
		{`{"with-stats":1}`, []string{`field "with-stats"`, "want true or false"}},
		{`{"queries":[{"type-ids":"0"}]}`, []string{`field "queries.type-ids"`, "got string, want an array"}},
		{`{"queries":[{"scale-by":"2"}]}`, []string{`field "queries.scale-by"`, "want a number"}},
		{`{"from":10,"to":5}`, []string{"invalid time range", "from 10 is after to 5"}},
		{`{"to":9000000000000000,"queries":[{"metric":"flops"},{"metric":"fast"}]}`, []string{`queries[0] of "flops"`, "9000000000000000", "1048576"}},
		{`{"to":2000000,"queries":[{"metric":"flops"},{"metric":"fast"}]}`, []string{`queries[1] of "fast"`}},
		{`{"to":2000000,"for-all-nodes":["flops","fast"]}`, []string{`for-all-nodes[1], "fast"`}},
	} {
		f.wantError(f.send("GET", "/api/query", c.body), 400, c.words...)
	}
	if a := f.send("GET", "/api/query", "null"); a.status != 200 {
		t.Errorf("null: %d %s", a.status, a.body)
	}
}

// numbers answers every query with the same values.
type numbers struct {
	*store.Store
	values []float64
}

func (n numbers) QueryEach(_ context.Context, q *store.Query, use func(*store.Series) error) error {
	return use(&store.Series{From: q.From, To: q.To, Resolution: 1, Values: append([]float64(nil), n.values...),
		Avg: math.Inf(1), Min: math.NaN(), Max: math.MaxFloat64})
}

func TestNumbersReadBackExactly(t *testing.T) {
	n := numbers{newStore(t), []float64{123456789.123, 0.1 + 0.2, 1.0 / 3, 5e-324, -1e300, math.Copysign(0, -1), 1e21, 123456789012345680}}
	a := start(t, Config{}, n).query(`{"from":FROM,"to":TO,"queries":[{}]}`)
	var got struct {
		Results [][]struct {
			Data          []float64
			Avg, Min, Max *float64
		}
	}
	if err := json.Unmarshal([]byte(a.body), &got); err != nil {
		t.Fatal(err)
	}
	series := got.Results[0][0]
	for i, v := range n.values {
		if math.Float64bits(series.Data[i]) != math.Float64bits(v) {
			t.Errorf("value %d is %v, want %v", i, series.Data[i], v)
		}
	}
	if series.Avg != nil || series.Min != nil || series.Max == nil || *series.Max != math.MaxFloat64 {
		t.Errorf("statistics of %s", a.body)
	}
}

// TestQueryWithoutAWindow is what the document says of it.
func TestQueryWithoutAWindow(t *testing.T) {
	f := start(t, Config{}, nil)
	f.write(samples("n1", "cpu_load", 1))
	a := f.send("POST", "/api/query", `{"cluster":"alex","queries":[{"metric":"cpu_load","host":"n1"},{"metric":"cpu_load","host":"n2"}]}`)
	if want := `{"results":[[{"from":0,"to":0,"resolution":60,"avg":null,"min":null,"max":null}],[]]}` + "\n"; a.status != 200 || a.body != want {
		t.Errorf("%d %s", a.status, a.body)
	}
}

func TestRequestLimits(t *testing.T) {
	f := start(t, Config{}, nil)
	f.write(samples("n1", "cpu_load", 1))
	for _, c := range []struct {
		name, body string
		words      []string
	}{
		{"a product", `{"cluster":"alex","queries":[{"metric":"flops","type":"core","type-ids":` + many("[", `""`, "]", 3000) +
			`,"subtype":"x","subtype-ids":` + many("[", `""`, "]", 3000) + `}]}`, []string{"queries[0]", "9000000", "65536"}},
		{"products", many(`{"queries":[`, `{"type":"core","subtype":"x","type-ids":`+many("[", `""`, "]", 256)+`,"subtype-ids":`+many("[", `""`, "]", 256)+"}", "]}", 200),
			[]string{"queries[128]", "8388608 series"}},
		{"samples", many(`{"to":60000000,"queries":[`, `{"metric":"cpu_load","host":"n1"}`, "]}", 2200), []string{"queries[2147]", "2147483648 samples"}},
		{"a name for each host", `{"cluster":"alex","for-all-nodes":["` + strings.Repeat("x", maxName+1) + `"]}`, []string{"for-all-nodes[0] has 1025 bytes, at most 1024"}},
		{"milliseconds", fmt.Sprintf(`{"from":%d000,"to":%d000,"queries":[{"metric":"cpu_load"}]}`, origin, origin+60), []string{"from 1760000040000 looks like milliseconds"}},
		{"microseconds", fmt.Sprintf(`{"from":%d,"to":%d000000,"queries":[{"metric":"none"}]}`, origin, origin+60), []string{"to 1760000100000000 looks like microseconds"}},
		{"nanoseconds", fmt.Sprintf(`{"cluster":"alex","from":%d000000000,"to":%d000000000,"for-all-nodes":["none"]}`, origin, origin+60), []string{"looks like nanoseconds"}},
		{"the least time", fmt.Sprintf(`{"from":%d,"to":0,"queries":[{"metric":"none"}]}`, math.MinInt64), []string{"from", "looks like nanoseconds"}},
	} {
		t.Run(c.name, func(t *testing.T) { f.wantError(f.send("POST", "/api/query", c.body), 400, c.words...) })
	}
	for _, to := range []string{"9223372037", "1760000040000", "1760000040000000", fmt.Sprint(math.MaxInt64), fmt.Sprint(math.MinInt64)} {
		f.wantError(f.send("POST", "/api/free?to="+to, "[[]]"), 400, "'to'", "looks like", "seconds")
	}
	if a := f.query(`{"cluster":"alex","from":FROM,"to":TO,"queries":[{"metric":"cpu_load","host":"n1"}]}`); !strings.Contains(a.body, "[1,null,null]") {
		t.Errorf("after frees that are refused: %s", a.body)
	}
	if a := f.send("POST", "/api/free?to=9223372036", "[[]]"); a.status != 200 || a.body != "buffers freed: 1\n" {
		t.Errorf("the latest time in seconds: %d %s", a.status, a.body)
	}
	for _, body := range []string{`{"from":0,"to":99999999999,"queries":[]}`, `{"to":99999999999,"for-all-nodes":[]}`} {
		if a := f.send("POST", "/api/query", body); a.status != 200 {
			t.Errorf("nothing is asked for: %d %s", a.status, a.body)
		}
	}
}
