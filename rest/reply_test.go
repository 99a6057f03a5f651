package rest

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/labstack/echo/v4"

	"cc-metric-store/store"
	"cc-metric-store/test/testkit"
)

// longAnswers answers every query with one long series, and calls before each
// query the hook with its number, from 1.
type longAnswers struct {
	*store.Store
	cells int
	hook  func(n int)
	count atomic.Int64
}

func (l *longAnswers) QueryEach(_ context.Context, q *store.Query, use func(*store.Series) error) error {
	n := int(l.count.Add(1))
	if l.hook != nil {
		l.hook(n)
	}
	rnd := rand.New(rand.NewPCG(uint64(n), 1))
	values := make([]float64, l.cells)
	for i := range values {
		values[i] = rnd.Float64()
	}
	return use(&store.Series{From: q.From, To: q.To, Resolution: 60, Values: values})
}

func manyQueries(n int) string {
	return `{"with-stats":false,"queries":[` + strings.TrimSuffix(strings.Repeat(`{"metric":"cpu_load"},`, n), ",") + `]}`
}

// open sends a query as a proxy does for somebody else.
func (f *fixture) open(body, encoding string) *http.Response {
	f.t.Helper()
	req, err := http.NewRequestWithContext(f.t.Context(), "GET", f.server.URL()+"/api/query", strings.NewReader(body))
	if err != nil {
		f.t.Fatal(err)
	}
	req.Header.Set("Accept-Encoding", encoding)
	req.Header.Set("Via", "1.1 proxy")
	resp, err := f.client.Do(req)
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { _ = resp.Body.Close() })
	return resp
}

func TestAnswerStartsBeforeItsEndIsKnown(t *testing.T) {
	started := make(chan struct{})
	view := &longAnswers{Store: newStore(t), cells: 50_000, hook: func(n int) {
		if n == 20 {
			<-started
		}
	}}
	f := start(t, Config{}, view)
	resp := f.open(manyQueries(20), "identity")
	if _, err := io.ReadFull(resp.Body, make([]byte, 100_000)); err != nil {
		t.Fatal(err)
	}
	close(started)
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		t.Fatal(err)
	}
}

func TestMemoryOfALargeAnswerIsBounded(t *testing.T) {
	var base, most uint64
	view := &longAnswers{Store: newStore(t), cells: 20_000, hook: func(n int) {
		if n%25 != 1 {
			return
		}
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		if n == 1 {
			base = m.HeapAlloc
		}
		most = max(most, m.HeapAlloc)
	}}
	f := start(t, Config{}, view)
	for _, encoding := range []string{"identity", "gzip"} {
		view.count.Store(0)
		size, err := io.Copy(io.Discard, f.open(manyQueries(100), encoding).Body)
		if err != nil {
			t.Fatal(err)
		}
		if size < 16<<20 || most > base+8<<20 {
			t.Errorf("%s: an answer of %d bytes took the heap from %d to %d", encoding, size, base, most)
		}
	}
}

func TestOneLongSeriesIsSentInParts(t *testing.T) {
	a := &api{replies: newReplyPools(), gates: newGates(1), helpers: newHelpers(2)}
	e := echo.New()
	c := e.NewContext(httptest.NewRequest("GET", "/", nil), httptest.NewRecorder())
	newClient(c)
	r, err := a.newReply(c)
	if err != nil {
		t.Fatal(err)
	}
	defer r.release()
	room := cap(r.buf)
	values := make([]float64, store.MaxCells)
	for i := range values {
		values[i] = -1.2345678901234567e-100 // as long as they get
	}
	if err := r.series(&store.Series{Values: values}, true); err != nil {
		t.Fatal(err)
	}
	if cap(r.buf) != room {
		t.Errorf("the buffer grew from %d to %d bytes", room, cap(r.buf))
	}
}

func TestCancelledQueryStops(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	view := &longAnswers{Store: newStore(t), cells: 1, hook: func(n int) {
		if n == 3 {
			cancel()
		}
	}}
	lines := &testkit.LogBuffer{}
	s, err := New(Config{Logger: slog.New(slog.NewTextHandler(lines, &slog.HandlerOptions{Level: slog.LevelDebug}))}, view, &testLog{})
	if err != nil {
		t.Fatal(err)
	}
	req := httptest.NewRequestWithContext(ctx, "GET", "/api/query", strings.NewReader(manyQueries(100)))
	defer func() {
		if p := recover(); p != http.ErrAbortHandler {
			t.Errorf("the answer was not cut off: %v", p)
		}
		if n := view.count.Load(); n != 3 {
			t.Errorf("%d queries ran, want 3", n)
		}
		if !strings.Contains(lines.String(), "level=DEBUG") || !strings.Contains(lines.String(), "status=499") {
			t.Errorf("logged: %s", lines)
		}
	}()
	s.handler.ServeHTTP(httptest.NewRecorder(), req)
}

func TestPanic(t *testing.T) {
	for _, c := range []struct{ cells, at int }{{1, 1}, {50_000, 5}} {
		t.Run(fmt.Sprint(c.at), func(t *testing.T) {
			f := start(t, Config{}, &longAnswers{Store: newStore(t), cells: c.cells, hook: func(n int) {
				if n == c.at {
					panic("the store broke")
				}
			}})
			a, err := f.try("GET", "/api/query", strings.NewReader(manyQueries(5)))
			if c.at == 1 {
				if err != nil {
					t.Fatal(err)
				}
				f.wantError(a, 500, "internal error")
			} else if err == nil {
				t.Error("an answer that was cut off looks complete")
			}
			for _, w := range []string{"the store broke", "level=ERROR", "stack=", "level=WARN", "status=500"} {
				if !strings.Contains(f.lines.String(), w) {
					t.Errorf("the log lacks %q: %s", w, f.lines)
				}
			}
			if a := f.send("GET", "/healthz", ""); a.status != 200 {
				t.Errorf("the server does not live on: %d", a.status)
			}
		})
	}
}

// TestAnswersOfManySmallPartsAreSentInParts asks for what has many results without
// samples, and for many metrics of one host: the buffer does not grow.
func TestAnswersOfManySmallPartsAreSentInParts(t *testing.T) {
	s := newStore(t)
	log := &testLog{store: s}
	log.apply("alex", fmt.Sprintf("n1/core/0 flops 1 %d", origin))
	a := &api{store: s, log: log, replies: newReplyPools(), gates: newGates(1), helpers: newHelpers(2)}
	for name, body := range map[string]string{
		"series":        fmt.Sprintf(`{"cluster":"alex","from":%d,"to":%d,"queries":[{"metric":"flops","host":"n1","type":"core","type-ids":%s}]}`, origin, origin+60, many("[", `"0"`, "]", 60_000)),
		"for-all-nodes": fmt.Sprintf(`{"cluster":"alex","from":%d,"to":%d,"for-all-nodes":%s}`, origin, origin+60, many("[", `"flops"`, "]", 60_000)),
	} {
		out := &longestWrite{ResponseRecorder: httptest.NewRecorder()}
		c := echo.New().NewContext(httptest.NewRequest("POST", "/api/query", strings.NewReader(body)), out)
		newClient(c)
		if err := a.query(c); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if out.bytes > chunkBytes+chunkSlack || out.Body.Len() < 60_000*50 {
			t.Errorf("%s: an answer of %d bytes has a part of %d", name, out.Body.Len(), out.bytes)
		}
	}
}

// longestWrite notes the longest part of an answer.
type longestWrite struct {
	*httptest.ResponseRecorder
	bytes int
}

func (l *longestWrite) Write(p []byte) (int, error) {
	l.bytes = max(l.bytes, len(p))
	return l.ResponseRecorder.Write(p)
}
