package test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"cc-metric-store/cmd/cc-metric-generator/load"
)

// nodeMetrics are what a view of a job shows of each of its hosts.
var nodeMetrics = [...]string{"cpu_load", "mem_used", "ib_recv", "ib_xmit", "ib_recv_pkts", "ib_xmit_pkts", "nfs4_read", "nfs4_total"}

// timedQuery is a query that cc-backend asks again and again.
type timedQuery struct {
	name    string
	request object
	series  int // of the answer
	cells   int // of each series, at least; 0: statistics alone
}

// timedQueryCount is how many timedQueries returns.
const timedQueryCount = 5

// timedQueries are those of the views of cc-backend: one curve, a job, a job's sum over its
// hardware threads, all nodes of a cluster.
func (g *generated) timedQueries() []timedQuery {
	to := g.first + int64(g.ticks)*60
	clusters, err := load.Clusters()
	if err != nil {
		g.t.Fatal(err)
	}
	topology := clusters["fritz"]
	names := topology.HostNames(g.hosts)
	request := func(span int64, more object) object {
		r := object{"cluster": "fritz", "from": max(to-span, g.first), "to": to, "with-stats": true, "with-data": true}
		for k, v := range more {
			r[k] = v
		}
		return r
	}
	job := names[:min(32, len(names))]
	var view, sums []object
	for _, h := range job {
		for _, m := range nodeMetrics {
			view = append(view, object{"metric": m, "host": h})
		}
		sums = append(sums, object{"metric": "flops_any", "host": h, "aggreg": true})
	}
	jobs := g.jobStatistics(names, to)
	cells := func(span int) int { return min(span/60, g.ticks) - 1 }
	return []timedQuery{
		{"one host, cpu_load, 6 h", request(6*3600, object{"queries": view[:1]}), 1, cells(6 * 3600)},
		{"view of a job: 32 hosts, 8 metrics, 12 h", request(12*3600, object{"queries": view}), len(view), cells(12 * 3600)},
		{"flops_any summed over 72 threads, 32 hosts, 6 h", request(6*3600, object{"queries": sums}), len(sums), cells(6 * 3600)},
		{"2 metrics of all nodes, 5 min", request(300, object{"for-all-nodes": []string{"cpu_load", "mem_used"}}), 2 * g.hosts, cells(300)},
		{"statistics of 1,000 jobs: 8 hosts, 10 metrics, up to 12 h each", request(12*3600, object{"queries": jobs, "with-data": false}), len(jobs), 0},
	}
}

// jobStatistics are queries for the statistics of 1,000 running jobs of 8 hosts with 10
// metrics each, two of them sums over the sockets, since each job's own start.
func (g *generated) jobStatistics(names []string, to int64) (queries []object) {
	for job := range 1000 {
		from := max(to-int64(job+1)*43, g.first) // up to 12 h
		for i := range 8 {
			host := names[(8*job+i)%len(names)]
			for _, m := range append(nodeMetrics[:], "mem_bw", "cpu_power") {
				queries = append(queries, object{"metric": m, "host": host, "from": from})
			}
		}
	}
	return queries
}

// TestQueryTimes asks queries of cc-backend over HTTP, one after the other, alone and while
// the generator sends at full speed. QUERY_HOSTS makes it the documented size: 24 h of so
// many hosts (200) instead of an hour of a few.
func TestQueryTimes(t *testing.T) {
	hosts, full := sizeFromEnvironment(t, "QUERY_HOSTS", 4)
	ticks, rounds := 60, 3
	if full {
		ticks, rounds = 1440, 200
	} else {
		t.Parallel()
	}
	more := ticks / 4 // that come in while one query is asked
	g := startGenerated(t, hosts, ticks+timedQueryCount*more, false)
	g.fill(ticks)
	for _, q := range g.timedQueries() {
		t.Logf("%s, alone: %s", q.name, g.ask(q, func(asked int) bool { return asked < rounds }))
	}
	for _, q := range g.timedQueries() {
		sent := make(chan error, 1)
		go func() { sent <- g.generate(g.ticks, g.ticks+more) }()
		t.Logf("%s, while samples come in: %s", q.name, g.ask(q, func(asked int) bool { return asked == 0 || len(sent) == 0 }))
		if err := <-sent; err != nil {
			t.Fatal(err)
		}
		g.awaitStored(g.ticks + more)
	}
}

// times are those of the answers to one query, and what the program took for each.
type times struct {
	took   []time.Duration // ascending
	cpu    time.Duration   // of the program, for each answer; with what else it did meanwhile
	allocs float64         // likewise
	bytes  int             // of an answer, uncompressed
}

func (s times) String() string {
	at := func(share float64) time.Duration {
		return s.took[int(share*float64(len(s.took)-1))].Round(10 * time.Microsecond)
	}
	return fmt.Sprintf("median %v, 99th percentile %v, %v of CPU and %.0f allocations each, %d answers of %d bytes",
		at(0.5), at(0.99), s.cpu.Round(10*time.Microsecond), s.allocs, len(s.took), s.bytes)
}

// ask asks a query for as long as more says, and checks what the first answer holds.
func (g *generated) ask(q timedQuery, more func(asked int) bool) (s times) {
	g.t.Helper()
	text, err := json.Marshal(q.request)
	if err != nil {
		g.t.Fatal(err)
	}
	client := http.Client{Timeout: patience} // it keeps its connection, and takes gzip, as cc-backend does
	defer client.CloseIdleConnections()
	post := func() []byte {
		resp, err := client.Post(g.URL+"/api/query", "application/json", strings.NewReader(string(text)))
		if err != nil {
			g.t.Fatal(err)
		}
		defer func() { _ = resp.Body.Close() }()
		body, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != http.StatusOK {
			g.t.Fatalf("%s: %d %v %s", q.name, resp.StatusCode, err, clip(string(body)))
		}
		return body
	}
	first := post()
	g.checkAnswer(q, first)
	s.bytes = len(first)
	cpu, allocs := g.processCPU(), g.allocations()
	for more(len(s.took)) {
		begin := time.Now()
		post()
		s.took = append(s.took, time.Since(begin))
	}
	n := len(s.took)
	s.cpu, s.allocs = (g.processCPU()-cpu)/time.Duration(n), (g.allocations()-allocs)/float64(n)
	slices.Sort(s.took)
	return s
}

// checkAnswer checks that an answer has the series and the cells that are expected.
func (g *generated) checkAnswer(q timedQuery, body []byte) {
	g.t.Helper()
	var got struct {
		Results [][]struct {
			Data []*float64
			Avg  *float64
		}
	}
	if err := json.Unmarshal(body, &got); err != nil {
		g.t.Fatalf("%s: %v", q.name, err)
	}
	series := 0
	for _, r := range got.Results {
		for _, one := range r {
			series++
			values := 0
			for _, v := range one.Data {
				if v != nil {
					values++
				}
			}
			if values < q.cells || one.Avg == nil {
				g.t.Fatalf("%s: a series of %d values, want at least %d and their average", q.name, values, q.cells)
			}
		}
	}
	if series != q.series {
		g.t.Errorf("%s: %d series, want %d", q.name, series, q.series)
	}
}

// allocations returns how often the program has allocated memory.
func (n *node) allocations() float64 {
	n.t.Helper()
	_, rest, _ := strings.Cut(n.send("GET", "/metrics", "").body, "\ngo_memstats_mallocs_total ")
	text, _, _ := strings.Cut(rest, "\n")
	count, err := strconv.ParseFloat(text, 64)
	if err != nil {
		n.t.Fatalf("allocations of the program: %v", err)
	}
	return count
}
