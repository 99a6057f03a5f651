package rest

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"cc-metric-store/store"
	"cc-metric-store/test/testkit"
)

// jobQuery is a query with a window of its own, as the statistics of many jobs need it.
type jobQuery struct {
	host, metric string
	from, to     int64
	rest         string // further members
}

func (j jobQuery) members() string {
	return fmt.Sprintf(`{"metric":%q,"host":%q%s`, j.metric, j.host, j.rest)
}

// TestWindowsOfQueries asks for many jobs at once and for each alone: the answers are the
// same.
func TestWindowsOfQueries(t *testing.T) {
	f := start(t, Config{}, nil)
	rng := testkit.Rand(t)
	var lines strings.Builder
	for host := range 5 {
		for i := range 300 {
			if rng.IntN(8) > 0 {
				fmt.Fprintf(&lines, "n%d cpu_load %v %d\n", host, rng.IntN(1000), origin+60*i)
				fmt.Fprintf(&lines, "n%d/socket/%d flops %v %d\n", host, rng.IntN(2), rng.IntN(1000), origin+60*i)
			}
		}
	}
	f.write(lines.String())
	for _, switches := range []string{`"with-data":false`, `"with-stats":false`, `"with-padding":false`, `"resample-algo":"average"`} {
		var jobs []jobQuery
		var all []string
		for range 200 {
			j := jobQuery{fmt.Sprint("n", rng.IntN(6)), []string{"cpu_load", "flops", "none"}[rng.IntN(3)], origin - 1000, origin + 5000, ""}
			own := j.members()
			if rng.IntN(4) > 0 {
				j.from += rng.Int64N(10000)
				own += fmt.Sprintf(`,"from":%d`, j.from)
			}
			if j.from > j.to || rng.IntN(4) > 0 {
				j.to = j.from + rng.Int64N(10000)
				own += fmt.Sprintf(`,"to":%d`, j.to)
			}
			jobs, all = append(jobs, j), append(all, own+"}")
		}
		many := f.results(fmt.Sprintf(`{"cluster":"alex","from":%d,"to":%d,%s,"queries":[%s]}`, origin-1000, origin+5000, switches, strings.Join(all, ",")))
		if len(many) != len(jobs) {
			t.Fatalf("%d results of %d queries", len(many), len(jobs))
		}
		for i, j := range jobs {
			one := f.results(fmt.Sprintf(`{"cluster":"alex","from":%d,"to":%d,%s,"queries":[%s}]}`, j.from, j.to, switches, j.members()))
			if string(one[0]) != string(many[i]) {
				t.Fatalf("%s, %+v:\nalone    %s\ntogether %s", switches, j, one[0], many[i])
			}
		}
	}
}

// results returns the rows of an answer.
func (f *fixture) results(body string) []json.RawMessage {
	f.t.Helper()
	a := f.send("POST", "/api/query", body)
	var got struct{ Results []json.RawMessage }
	if err := json.Unmarshal([]byte(a.body), &got); err != nil || a.status != 200 {
		f.t.Fatalf("%d %s: %v", a.status, a.body, err)
	}
	return got.Results
}

func TestWindowsOfQueriesFaults(t *testing.T) {
	f := start(t, Config{}, nil)
	f.write(samples("n1", "cpu_load", 1))
	for _, c := range []struct {
		queries string
		words   []string
	}{
		{`{"metric":"cpu_load"},{"metric":"cpu_load","from":10,"to":5}`, []string{`queries[1] of "cpu_load"`, "invalid time range: from 10 is after to 5"}},
		{`{"metric":"none","from":101}`, []string{`queries[0] of "none"`, "from 101 is after to 100"}},
		{`{"metric":"none","to":-1}`, []string{`queries[0] of "none"`, "from 0 is after to -1"}},
		{fmt.Sprintf(`{"metric":"cpu_load","from":%d000,"to":%d000}`, origin, origin+60), []string{"queries[0]", "from 1760000040000 looks like milliseconds"}},
		{fmt.Sprintf(`{"metric":"none","from":%d,"to":%d000}`, origin, origin+60), []string{"queries[0]", "to 1760000100000 looks like milliseconds"}},
		{`{"metric":"fast","to":2000000}`, []string{`queries[0] of "fast"`, "1048576"}},
		{`{"metric":"fast","from":"now"}`, []string{`field "queries.from"`, "want an integer"}},
		{strings.Repeat(`{"metric":"fast","from":0,"to":1000000},`, 2147) + `{"metric":"fast","to":1000000}`, []string{"queries[2147]", "2147483648 samples"}},
	} {
		f.wantError(f.send("POST", "/api/query", `{"cluster":"alex","to":100,"queries":[`+c.queries+`]}`), 400, c.words...)
	}
	f.wantError(f.send("POST", "/api/query", `{"from":2,"to":1,"queries":[{"metric":"fast","from":1,"to":2}]}`), 400, "from 2 is after to 1")
	a := f.send("POST", "/api/query", `{"cluster":"alex","to":60,"queries":[{"metric":"cpu_load","host":"n1","from":null,"to":null}]}`)
	if !strings.Contains(a.body, `"from":0,"to":60`) {
		t.Errorf("null stands for the window of the request: %s", a.body)
	}
}

// TestResampleAlgo asks with each name that cc-backend may send.
func TestResampleAlgo(t *testing.T) {
	f := start(t, Config{}, nil)
	values := make([]float64, 1200)
	for i := range values {
		values[i] = float64(i)
	}
	f.write(samples("n1", "cpu_load", values...))
	ask := func(algo string) answer {
		return f.send("POST", "/api/query", fmt.Sprintf(`{"cluster":"alex","from":%d,"to":%d,%s"queries":[{"metric":"cpu_load","host":"n1","resolution":21600}]}`,
			origin, origin+60*len(values), algo))
	}
	lttb := f.results(fmt.Sprintf(`{"cluster":"alex","from":%d,"to":%d,"queries":[{"metric":"cpu_load","host":"n1","resolution":21600}]}`, origin, origin+60*len(values)))[0]
	for algo, want := range map[string]string{
		``: string(lttb), `"resample-algo":"",`: string(lttb), `"resample-algo":null,`: string(lttb), `"resample-algo":"lttb",`: string(lttb),
		`"resample-algo":"average",`: `"data":[179.5,539.5,899.5],`,
		`"resample-algo":"simple",`:  `"data":[0,360,720],`,
	} {
		if a := ask(algo); a.status != 200 || !strings.Contains(a.body, want) || !strings.Contains(a.body, `"resolution":21600,"avg":599.5,"min":0,"max":1199}`) {
			t.Errorf("%s: %d %s", algo, a.status, a.body)
		}
	}
	for _, algo := range []string{"LTTB", "mean", strings.Repeat("x", 1000)} {
		a := ask(`"resample-algo":"` + algo + `",`)
		f.wantError(a, 400, "resample-algo", algo[:4], "lttb, average or simple")
		if len(a.body) > 300 {
			t.Errorf("%d bytes", len(a.body))
		}
	}
}

// costly is a store of which each query touches as many runs as a small one may.
type costly struct {
	*store.Store
	inside func() int // of the gate of large requests
	seen   chan int
}

func (costly) Cost(*store.Query) store.Cost { return store.Cost{Cells: 1, Series: 1, Runs: smallRuns} }

func (c costly) QueryEach(context.Context, *store.Query, func(*store.Series) error) error {
	c.seen <- c.inside()
	return nil
}

// TestManyCostlyQueriesAreLarge: what queries touch counts in sum, too.
func TestManyCostlyQueriesAreLarge(t *testing.T) {
	c := costly{Store: newStore(t), seen: make(chan int, 100)}
	var f *fixture
	c.inside = func() int {
		g := f.server.api.gates.queries
		g.mu.Lock()
		defer g.mu.Unlock()
		return len(g.inside)
	}
	f = start(t, Config{}, &c)
	for queries, want := range map[int]int{1: 0, smallRequestRuns / smallRuns: 0, smallRequestRuns/smallRuns + 1: 1} {
		if a := f.send("POST", "/api/query", manyQueries(queries)); a.status != 200 {
			t.Fatalf("%d %s", a.status, a.body)
		}
		for range queries {
			if got := <-c.seen; got != want {
				t.Errorf("%d queries: %d in the gate, want %d", queries, got, want)
			}
		}
	}
}
