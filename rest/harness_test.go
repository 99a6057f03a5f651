package rest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"cc-metric-store/store"
	"cc-metric-store/test/testkit"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// origin is the time of the first sample of most tests.
const origin = 1760000040

// testLog is a log of lines of the form "host metric value time", or
// "host/type/id ..." for a part of a host. They go straight to the store.
type testLog struct {
	store *store.Store

	mu       sync.Mutex
	fault    error // what Write and Free return, if not nil
	notReady error
	clusters []string
	bytes    int64
	until    time.Time
	discard  bool // Write counts the bytes and drops them

	unsettled error
	entries   uint64 // writes so far
	unknown   bool   // there is no position
	freed     func(selectors [][]string)
}

func (l *testLog) set(fault, notReady error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fault, l.notReady = fault, notReady
}

func (l *testLog) Write(_ context.Context, cluster string, body io.Reader) error {
	if l.discard {
		n, err := io.Copy(io.Discard, body)
		l.bytes = n
		return err
	}
	text, err := io.ReadAll(body)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.clusters = append(l.clusters, cluster)
	l.entries++
	l.bytes = int64(len(text))
	if err != nil {
		return fmt.Errorf("write to the test log: %w", err)
	}
	if l.fault != nil {
		return l.fault
	}
	refused := store.RefusedError{}
	number := 0
	for line := range strings.Lines(string(text)) {
		number++
		if !l.apply(cluster, line) {
			if refused.Lines++; refused.Lines == 1 {
				refused.First, refused.Reason = number, "not a line"
			}
		}
	}
	if refused.Lines > 0 {
		return &refused
	}
	return nil
}

func (l *testLog) apply(cluster, line string) bool {
	f := strings.Fields(line)
	if len(f) != 4 {
		return false
	}
	id, known := l.store.Metric([]byte(f[1]))
	value, err := strconv.ParseFloat(f[2], 64)
	at, err2 := strconv.ParseInt(f[3], 10, 64)
	if !known || err != nil || err2 != nil {
		return false
	}
	path := append(strings.Split(f[0], "/"), "", "")
	b := store.Batch{Cluster: cluster, Host: path[0], Parts: []store.Part{{Type: path[1], ID: path[2]}}}
	b.Add(0, id, at, value)
	return l.store.Append(&b).Stored == 1
}

func (l *testLog) Free(_ context.Context, selectors [][]string, before int64) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.fault != nil {
		return 0, l.fault
	}
	if l.freed != nil {
		l.freed(selectors)
	}
	return l.store.Free(selectors, before, store.Entry{}), nil
}

func (l *testLog) UnknownMetrics() []store.UnknownMetric {
	return []store.UnknownMetric{{Name: "no\"pe", Lines: 12, Cluster: "fritz", Host: "f1"}, {Lines: 3}}
}

func (l *testLog) Answerable() error { return l.Ready() }

func (l *testLog) setUntil(t time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.until = t
}

func (l *testLog) CompleteUntil() time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.until
}

func (l *testLog) Ready() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.notReady
}

func (l *testLog) Serving() error { return errors.Join(l.Ready(), l.Writable()) }

func (l *testLog) Settled() error { return errors.Join(l.Serving(), l.unsettled) }

// Position counts the writes.
func (l *testLog) Position() (store.LogPosition, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return store.LogPosition{Created: time.Unix(0, origin), Entry: store.Entry{Seq: l.entries}}, !l.unknown
}

func (l *testLog) AwaitPosition(ctx context.Context, p store.LogPosition) error {
	if at, _ := l.Position(); p.Created.Equal(at.Created) && p.Entry.Seq <= at.Entry.Seq {
		return nil
	}
	<-ctx.Done()
	return ctx.Err()
}

func (l *testLog) Writable() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.fault
}

// fixture is a running server with a real store behind it.
type fixture struct {
	t      *testing.T
	store  *store.Store
	log    *testLog
	server *Server
	client *http.Client
	lines  *testkit.LogBuffer // what the server logged
	header http.Header        // sent with each request
	stop   func() error       // ends Run and returns its result
}

func newStore(t testing.TB) *store.Store {
	s, err := store.New(store.Config{Metrics: map[string]store.MetricConfig{
		"cpu_load": {Frequency: 60},
		"flops":    {Frequency: 60, Aggregation: store.AggregateSum},
		"fast":     {Frequency: 1},
	}})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// start runs a server over a real store, or over view if it is not nil.
func start(t *testing.T, cfg Config, view Store) *fixture {
	t.Helper()
	f := &fixture{t: t, store: newStore(t), lines: &testkit.LogBuffer{}, header: http.Header{}}
	f.log = &testLog{store: f.store}
	if view == nil {
		view = f.store
	}
	cfg.Addr = "127.0.0.1:0"
	cfg.Logger = slog.New(slog.NewTextHandler(f.lines, &slog.HandlerOptions{Level: slog.LevelDebug}))
	var err error
	if f.server, err = New(cfg, view, f.log); err != nil {
		t.Fatal(err)
	}
	if err := f.server.Listen(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- f.server.Run(ctx) }()
	transport := &http.Transport{DisableCompression: true}
	f.client = &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}}
	f.stop = sync.OnceValue(func() error {
		transport.CloseIdleConnections()
		cancel()
		return <-done
	})
	t.Cleanup(func() {
		if err := f.stop(); err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	return f
}

// answer is a response that was read to its end.
type answer struct {
	status int
	header http.Header
	body   string
}

func (f *fixture) send(method, path, body string, header ...string) answer {
	f.t.Helper()
	a, err := f.try(method, path, strings.NewReader(body), header...)
	if err != nil {
		f.t.Fatalf("%s %s: %v", method, path, err)
	}
	return a
}

func (f *fixture) try(method, path string, body io.Reader, header ...string) (answer, error) {
	ctx, cancel := context.WithTimeout(f.t.Context(), time.Minute)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, f.server.URL()+path, body)
	if err != nil {
		return answer{}, err
	}
	req.Header = f.header.Clone()
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := f.client.Do(req)
	if err != nil {
		return answer{}, err
	}
	text, err := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, resp.Header, string(text)}, errors.Join(err, resp.Body.Close())
}

func (f *fixture) write(lines string) {
	f.t.Helper()
	if a := f.send("POST", "/api/write/?cluster=alex", lines); a.status != 200 {
		f.t.Fatalf("write: %d %s", a.status, a.body)
	}
}

// wantError checks that a is an error object with the status and the words.
func (f *fixture) wantError(a answer, status int, words ...string) {
	f.t.Helper()
	var object map[string]string
	if err := json.Unmarshal([]byte(a.body), &object); err != nil || !strings.HasSuffix(a.body, "}\n") {
		f.t.Fatalf("%q is no error object on a line (%v)", a.body, err)
	}
	if a.status != status || object["status"] != http.StatusText(status) || len(object) != 2 {
		f.t.Errorf("got %d %s, want %d", a.status, a.body, status)
	}
	if got := a.header.Get("Content-Type"); got != "application/json" {
		f.t.Errorf("an error of type %q", got)
	}
	for _, w := range words {
		if !strings.Contains(object["error"], w) {
			f.t.Errorf("error %q lacks %q", object["error"], w)
		}
	}
}

func mustURL(t *testing.T, text string) *url.URL {
	t.Helper()
	u, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// many repeats an element n times between a begin and an end.
func many(begin, element, end string, n int) string {
	return begin + element + strings.Repeat(","+element, n-1) + end
}
