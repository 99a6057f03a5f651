package rest

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"

	"cc-metric-store/store"
	"cc-metric-store/test/testkit"
)

// manyHosts puts samples of three metrics of some hosts and their sockets into the store.
func manyHosts(t *testing.T, s *store.Store, rnd *rand.Rand, hosts int) {
	t.Helper()
	for h := range hosts {
		b := store.Batch{Cluster: "alex", Host: fmt.Sprint("n", h), Parts: []store.Part{{}, {Type: "socket", ID: "0"}, {Type: "socket", ID: "1"}}}
		for _, name := range []string{"cpu_load", "flops"} {
			metric, _ := s.Metric([]byte(name))
			for part := range b.Parts {
				for i := range rnd.Int64N(300) {
					if rnd.IntN(10) > 0 {
						b.Add(int32(part), metric, origin+60*i, float64(rnd.IntN(1000))/8)
					}
				}
			}
		}
		s.Append(&b)
	}
}

// randomRequest returns a request of many queries.
func randomRequest(rnd *rand.Rand, hosts int) string {
	request := map[string]any{"cluster": "alex", "from": origin, "to": origin + 60*rnd.Int64N(400)}
	var queries []map[string]any
	for range 50 + rnd.IntN(300) {
		q := map[string]any{"host": fmt.Sprint("n", rnd.IntN(hosts+2)), "metric": []string{"cpu_load", "flops", "flops", "none"}[rnd.IntN(4)]}
		if rnd.IntN(3) == 0 {
			q["type"], q["type-ids"], q["aggreg"] = "socket", []string{"1", "0", "2"}[:1+rnd.IntN(3)], rnd.IntN(2) == 0
		}
		switch rnd.IntN(20) {
		case 0:
			q["to"] = origin + 60*directCost // its answer is too long to be kept
		case 1:
			q["from"] = origin + 6000
		case 2:
			q["resolution"], q["scale-by"] = 600, 0.5
		}
		queries = append(queries, q)
	}
	request["queries"] = queries
	for _, name := range []string{"with-data", "with-stats", "with-padding"} {
		if rnd.IntN(4) == 0 {
			request[name] = false
		}
	}
	if rnd.IntN(3) == 0 {
		request["for-all-nodes"] = []string{"flops", "cpu_load"}
	}
	text, err := json.Marshal(request)
	if err != nil {
		panic(err)
	}
	return string(text)
}

// TestHelpersAnswerTheSame compares answers that any number of helpers make with those that
// the goroutine of the request makes alone.
func TestHelpersAnswerTheSame(t *testing.T) {
	f := start(t, Config{}, nil)
	rnd := testkit.Rand(t)
	const hosts = 40
	manyHosts(t, f.store, rnd, hosts)
	for range 15 {
		request := randomRequest(rnd, hosts)
		f.server.api.helpers = newHelpers(1)
		want := f.send("POST", "/api/query", request)
		for _, n := range []int{2, 3, 8} {
			f.server.api.helpers = newHelpers(n)
			if got := f.send("POST", "/api/query", request); got.status != want.status || got.body != want.body {
				t.Fatalf("%s: with %d helpers %d, %d bytes, alone %d, %d bytes", request, n, got.status, len(got.body), want.status, len(want.body))
			}
			wantNoHelpers(t, f.server.api.helpers)
		}
	}
}

// failing is a store that panics for one host.
type failing struct{ *store.Store }

func (f failing) QueryEach(ctx context.Context, q *store.Query, use func(*store.Series) error) error {
	if q.Host == "n77" {
		panic("no such luck")
	}
	return f.Store.QueryEach(ctx, q, use)
}

// TestPanicOfAHelper: the request fails as it does without helpers, and the next one is answered.
func TestPanicOfAHelper(t *testing.T) {
	s := newStore(t)
	f := start(t, Config{}, failing{s})
	f.server.api.helpers = newHelpers(3)
	var queries []string
	for h := range 100 {
		queries = append(queries, fmt.Sprintf(`{"metric":"cpu_load","host":"n%d"}`, h))
	}
	request := func(queries []string) string {
		return fmt.Sprintf(`{"cluster":"alex","from":%d,"to":%d,"queries":[%s]}`, origin, origin+60*500, strings.Join(queries, ","))
	}
	if a, err := f.try("POST", "/api/query", strings.NewReader(request(queries))); err == nil && a.status != 500 {
		t.Errorf("%d %s", a.status, a.body)
	}
	if !f.lines.Contains("no such luck") || !f.lines.Contains("failing.QueryEach") {
		t.Errorf("the log does not say where it was:\n%s", f.lines)
	}
	if a := f.send("POST", "/api/query", request(queries[:70])); a.status != 200 {
		t.Errorf("%d %s", a.status, a.body)
	}
	wantNoHelpers(t, f.server.api.helpers)
}

// TestHelpersEndWithTheClient: a client that does not read a long answer keeps no core from
// others, and when it leaves nothing at all.
func TestHelpersEndWithTheClient(t *testing.T) {
	f := start(t, Config{}, nil)
	manyHosts(t, f.store, testkit.Rand(t), 20)
	f.server.api.helpers = newHelpers(3)
	query := fmt.Sprintf(`{"metric":"cpu_load","host":"n1","to":%d}`, origin+60*20_000)
	request := fmt.Sprintf(`{"cluster":"alex","from":%d,"to":%d,"queries":%s}`, origin, origin+60, many("[", query, "]", 2000))
	req, err := http.NewRequestWithContext(t.Context(), "POST", f.server.URL()+"/api/query", strings.NewReader(request))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := f.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(resp.Body, make([]byte, 1<<20)); err != nil {
		t.Fatal(err)
	}
	h := f.server.api.helpers
	if len(h.requests) != 1 {
		t.Error("the answer is made without helpers, or it is not long enough")
	}
	testkit.Eventually(t, "all cores to be free", func() bool { return len(h.cores) == 0 })
	_ = resp.Body.Close()
	testkit.Eventually(t, "the request to have ended", func() bool { return len(h.requests) == 0 })
	wantNoHelpers(t, h)
}

func wantNoHelpers(t *testing.T, h *helpers) {
	t.Helper()
	if len(h.requests) != 0 || len(h.cores) != 0 {
		t.Errorf("%d requests and %d cores are taken", len(h.requests), len(h.cores))
	}
}

// TestPartsAreSmall: whatever takes room in a row counts, so that no part of an answer takes
// much memory.
func TestPartsAreSmall(t *testing.T) {
	const most = 2 << 20
	s := newStore(t)
	f := start(t, Config{}, s)
	manyHosts(t, s, testkit.Rand(t), 1)
	var ids []string
	for i := range directCost - 1 {
		ids = append(ids, fmt.Sprint(i))
	}
	for name, item := range map[string]queryItem{
		"series": {Metric: "cpu_load", Host: "n0", Type: "socket", TypeIDs: ids},
		"values": {Metric: "cpu_load", Host: "n0", ScaleBy: 1. / 3},
		"errors": {Metric: strings.Repeat("\x01", maxText), Host: "n0"},
	} {
		req := &queryRequest{Cluster: "alex", From: origin, To: origin}
		if name == "values" {
			req.To += 60 * (directCost - 1000)
		}
		for range 100 {
			req.Queries = append(req.Queries, item)
		}
		q := &queryRun{store: s, req: req, reply: &reply{pools: f.server.api.replies}, helpers: newHelpers(2)}
		q.answerer = newRowAnswerer(s, req, store.ResampleLTTB)
		if err := q.check(t.Context()); err != nil {
			t.Fatal(err)
		}
		p := q.nextPart(0, len(req.Queries))
		if p.isDirect {
			continue
		}
		if q.help(t.Context(), q.answerer, p); p.err != nil || p.panicked != "" {
			t.Fatal(p.err, p.panicked)
		}
		if n := len(p.reply.buf); n > most {
			t.Errorf("%s: a part of %d rows has %d bytes, want at most %d", name, p.end-p.first, n, most)
		}
	}
}

// helperless is a store that notes how many helpers are taken while it answers.
type helperless struct {
	*store.Store
	taken func() int
	seen  chan int
}

func (h helperless) QueryEach(ctx context.Context, q *store.Query, use func(*store.Series) error) error {
	h.seen <- h.taken()
	return h.Store.QueryEach(ctx, q, use)
}

// TestLongRowsTakeNoHelpers: helpers that have nothing to do would be missed by others.
func TestLongRowsTakeNoHelpers(t *testing.T) {
	h := &helperless{Store: newStore(t), seen: make(chan int, 100)}
	f := start(t, Config{}, h)
	f.server.api.helpers = newHelpers(3)
	h.taken = func() int { return len(f.server.api.helpers.requests) }
	query := fmt.Sprintf(`{"metric":"cpu_load","host":"n1","to":%d}`, origin+60*directCost)
	request := fmt.Sprintf(`{"cluster":"alex","from":%d,"to":%d,"queries":%s}`, origin, origin+60, many("[", query, "]", 3))
	if a := f.send("POST", "/api/query", request); a.status != 200 {
		t.Fatalf("%d %s", a.status, a.body)
	}
	for range 3 {
		if n := <-h.seen; n > 0 {
			t.Errorf("%d helpers are taken", n)
		}
	}
}
