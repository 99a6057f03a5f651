package rest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"cc-metric-store/store"
)

// testPage is a page over counters of the test.
func testPage(asked *atomic.Int64) *Page {
	return &Page{
		Status: func() Status {
			asked.Add(1)
			return Status{Version: "1.2.3", Samples: SampleStatus{Stored: asked.Load(), NotStored: map[string]int64{"syntax": 2}}}
		},
		Refused: func(context.Context) ([]RefusedLine, error) {
			return []RefusedLine{{Reason: "syntax", Line: "<script>", Host: "f1"}}, nil
		},
	}
}

func (f *fixture) decode(path string, into any, header ...string) answer {
	f.t.Helper()
	a := f.send("GET", path, "", header...)
	if a.status != 200 || a.header.Get("Content-Type") != "application/json" {
		f.t.Fatalf("%s: %d %s", path, a.status, a.body)
	}
	if err := json.Unmarshal([]byte(a.body), into); err != nil {
		f.t.Fatalf("%s: %v", path, err)
	}
	return a
}

// TestPageStatus: the state is answered while queries are not, and one answer serves all who ask
// within a second.
func TestPageStatus(t *testing.T) {
	var asked atomic.Int64
	f := start(t, Config{Page: testPage(&asked), Degraded: func() error { return errors.New("no room") }}, nil)
	f.log.set(errors.New("the disk is full"), errors.New("replaying"))
	f.log.setUntil(time.Unix(origin, 0))
	var s Status
	f.decode("/api/page/status", &s)
	want := Condition{Why: "replaying\nthe disk is full"}
	if s.Ready != want || s.Answering.Why != "replaying" || s.Log.Writable.Why != "the disk is full" || s.Attention != "no room" ||
		s.CompleteUntil != origin || s.Version != "1.2.3" || s.Time == 0 || s.Samples.UnknownNames != 2 || s.Samples.Unknown[0].Lines != 12 {
		t.Errorf("%+v", s)
	}
	for _, path := range []string{"/api/page/clusters", "/api/page/hosts?cluster=alex", "/api/page/host?cluster=alex&host=n1"} {
		f.wantError(f.send("GET", path, ""), 503, "replaying")
	}
	begin := time.Now()
	for range 50 {
		f.decode("/api/page/status", &s)
	}
	if most := 2 + int64(time.Since(begin)/statusAge); asked.Load() > most {
		t.Errorf("the state was made %d times, at most %d are wanted", asked.Load(), most)
	}
}

func TestPageRefused(t *testing.T) {
	var asked atomic.Int64
	p := testPage(&asked)
	f := start(t, Config{Page: p}, nil)
	var got struct{ Lines []RefusedLine }
	a := f.decode("/api/page/refused", &got)
	if len(got.Lines) != 1 || got.Lines[0].Line != "<script>" || strings.Contains(a.body, "<") {
		t.Errorf("%s", a.body)
	}
	p.Refused = func(context.Context) ([]RefusedLine, error) { return nil, nil }
	if a := f.send("GET", "/api/page/refused", ""); a.body != "{\"lines\":[]}\n" {
		t.Errorf("%s", a.body)
	}
	p.Refused = func(context.Context) ([]RefusedLine, error) { return nil, errors.New("no answer") }
	f.wantError(f.send("GET", "/api/page/refused", ""), 503, "no answer")
}

func TestPageHosts(t *testing.T) {
	var asked atomic.Int64
	f := start(t, Config{Page: testPage(&asked)}, nil)
	now := time.Now().Unix()
	f.write(fmt.Sprintf("n1 cpu_load 1 %d\nn1/socket/0 flops 1 %d\nn1/socket/1 flops 1 %d\nn2 cpu_load 1 %d\nn3 flops 1 %d\n", now, now, now, now-3600, now))
	var clusters struct{ Clusters []clusterEntry }
	f.decode("/api/page/clusters", &clusters)
	if fmt.Sprint(clusters.Clusters) != "[{alex 3}]" {
		t.Errorf("%v", clusters)
	}
	var l hostList
	a := f.decode("/api/page/hosts?cluster=alex", &l)
	want := hostList{"alex", 0, []string{"n1", "n2", "n3"}, l.Newest, []int{2, 0, 1}, []int{0, 1, 0}, []int{0, 1, 1}, []int{3, 1, 1}}
	if !reflect.DeepEqual(l, want) || len(l.Newest) != 3 || l.Newest[0] != now || l.Newest[1] != now-3600 {
		t.Errorf("%+v", l)
	}
	if again := f.send("GET", "/api/page/hosts?cluster=alex", "", "If-None-Match", a.header.Get("ETag")); again.status != 304 || again.body != "" {
		t.Errorf("%d %s", again.status, again.body)
	}
	f.decode("/api/page/hosts?cluster=nobody", &l)
	if len(l.Hosts) != 0 {
		t.Errorf("%+v", l)
	}
	f.wantError(f.send("GET", "/api/page/hosts?cluster="+strings.Repeat("x", maxName+1), ""), 400, "at most 1024")
	if head := f.send("HEAD", "/api/page/clusters", ""); head.status != 200 || head.body != "" {
		t.Errorf("%d %s", head.status, head.body)
	}
	if post := f.send("POST", "/api/page/clusters", ""); post.status != 405 || post.header.Get("Allow") != "GET, HEAD" {
		t.Errorf("%d %s", post.status, post.body)
	}
}

// TestPageHostsBounds: a list ends at a limit and says so.
func TestPageHostsBounds(t *testing.T) {
	l := listHosts("c", make([]store.HostState, maxListed+7))
	if l.LeftOut != 7 || len(l.Hosts) != maxListed || len(l.Series) != maxListed {
		t.Errorf("%d left out, %d hosts", l.LeftOut, len(l.Hosts))
	}
}

func TestPageHost(t *testing.T) {
	var asked atomic.Int64
	f := start(t, Config{Page: testPage(&asked)}, nil)
	f.write(fmt.Sprintf("n1 cpu_load 1 %[1]d\nn1/socket/0 flops 1 %[1]d\nn1/socket/1 flops 1 %[1]d\nn1/core/7 flops 1 %[1]d\nn1 fast 1 %[1]d\nn1/socket/1 cpu_load 1 %[1]d\n", origin))
	a := f.send("GET", "/api/page/host?cluster=alex&host=n1", "")
	want := `{"cluster":"alex","host":"n1","newest":1760000040,"metrics":[` +
		`{"metric":"cpu_load","interval":60,"aggregation":"","own":true,"parts":[{"type":"socket","ids":["1"]}]},` +
		`{"metric":"fast","interval":1,"aggregation":"","own":true,"parts":[]},` +
		`{"metric":"flops","interval":60,"aggregation":"sum","own":false,"parts":[{"type":"core","ids":["7"]},{"type":"socket","ids":["0","1"]}]}]}` + "\n"
	if a.status != 200 || a.body != want {
		t.Errorf("%d %s", a.status, a.body)
	}
	f.wantError(f.send("GET", "/api/page/host?cluster=alex&host=n2", ""), 404, "no samples of host \"n2\"")
	f.wantError(f.send("GET", "/api/page/host?cluster=alex&host=n1&from=1&to=x", ""), 400, `to "x" is no time in Unix seconds`)
}

func TestListMetricsOfSecondLevels(t *testing.T) {
	m := hostMetric{}
	m.add(store.Part{})
	m.add(store.Part{Type: "socket", ID: "0"})
	for _, p := range []string{"0a", "0b", "1a"} {
		m.add(store.Part{Type: "socket", ID: p[:1], Subtype: "dimm", SubID: p[1:]})
	}
	if !m.Own || !reflect.DeepEqual(m.Parts, []partsList{{"socket", []string{"0", "1"}, []string{"dimm"}, []string{"a", "b"}}}) {
		t.Errorf("%+v", m)
	}
}

// TestPageNeedsToken: what the page asks for needs a token that may query; its files need none.
func TestPageNeedsToken(t *testing.T) {
	var asked atomic.Int64
	key := newKeyPair(t)
	f := start(t, Config{Page: testPage(&asked), JWTPublicKey: key.config(), JWTRoles: map[string][]string{"query": {"reader"}}}, nil)
	for _, path := range []string{"status", "refused", "clusters", "hosts", "host?cluster=alex&host=n1"} {
		f.wantError(f.send("GET", "/api/page/"+path, ""), 401)
		f.wantError(f.send("GET", "/api/page/"+path, "", "Authorization", "Bearer "+key.sign(t, nil)), 403, "reader")
		a := f.send("GET", "/api/page/"+path, "", "Authorization", "Bearer "+key.sign(t, jwt.MapClaims{"roles": []string{"reader"}}))
		if a.status != 200 && a.status != 404 {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
	}
	if a := f.send("GET", "/", "", "Accept", "text/html"); a.status != 200 {
		t.Errorf("%d %s", a.status, a.body)
	}
}

// TestPageFiles: a browser gets the page, others the text, and each file that the page names is
// there, is what it is said to be, and is not sent twice.
func TestPageFiles(t *testing.T) {
	var asked atomic.Int64
	f := start(t, Config{Page: testPage(&asked)}, nil)
	a := f.send("GET", "/", "", "Accept", "text/html,application/xhtml+xml,*/*;q=0.8")
	if a.status != 200 || a.header.Get("Content-Type") != "text/html; charset=utf-8" || a.header.Get("Vary") != "Accept" {
		t.Fatalf("%d %v", a.status, a.header)
	}
	if text := f.send("GET", "/", "", "Accept", "*/*"); !strings.HasPrefix(text.body, "cc-metric-store") {
		t.Errorf("%s", text.body)
	}
	types := map[string]string{"js": "text/javascript; charset=utf-8", "css": "text/css; charset=utf-8", "svg": "image/svg+xml"}
	seen := map[string]bool{}
	for quoted := range strings.SplitSeq(a.body, `"`) {
		name, ok := strings.CutPrefix(quoted, "page/")
		if !ok {
			continue
		}
		kind := name[strings.LastIndex(name, ".")+1:]
		seen[kind] = true
		file := f.send("GET", "/page/"+name, "")
		if file.status != 200 || file.header.Get("Content-Type") != types[kind] || len(file.body) < 100 ||
			!strings.Contains(file.header.Get("Content-Security-Policy"), "default-src 'self'") || file.header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %d %v", name, file.status, file.header)
		}
		if again := f.send("GET", "/page/"+name, "", "If-None-Match", file.header.Get("ETag")); again.status != 304 || again.body != "" {
			t.Errorf("%s: %d", name, again.status)
		}
		if head := f.send("HEAD", "/page/"+name, ""); head.status != 200 || head.body != "" || head.header.Get("Content-Length") != fmt.Sprint(len(file.body)) {
			t.Errorf("%s: %d %v", name, head.status, head.header)
		}
	}
	if got := slices.Sorted(maps.Keys(seen)); !slices.Equal(got, []string{"css", "js", "svg"}) {
		t.Errorf("the page names files of the kinds %q", got)
	}
	for _, path := range []string{"/page/none.js", "/page/index.html", "/page/", "/page", "/page/..%2fpage.go", "/page/a/b"} {
		if a := f.send("GET", path, ""); a.status != 404 || a.body != "404 page not found\n" {
			t.Errorf("%s: %d %q", path, a.status, a.body)
		}
	}
}

// TestPageIsOff: without a page, a browser gets the text, and there is nothing else.
func TestPageIsOff(t *testing.T) {
	f := start(t, Config{}, nil)
	if a := f.send("GET", "/", "", "Accept", "text/html"); !strings.HasPrefix(a.body, "cc-metric-store") || a.header.Get("Vary") != "" {
		t.Errorf("%s", a.body)
	}
	f.wantError(f.send("GET", "/api/page/status", ""), 404)
	if a := f.send("GET", "/page/main.js", ""); a.status != 404 {
		t.Errorf("%d", a.status)
	}
}

// TestSharedAnswers: an answer is made again when it is too old or failed, few are kept, and who
// leaves is not kept waiting.
func TestSharedAnswers(t *testing.T) {
	s := newSharedAnswers()
	made := 0
	get := func(of string, age time.Duration, fault error) error {
		_, err := s.get(t.Context(), of, age, func() ([]byte, error) { made++; return nil, fault })
		return err
	}
	fault := errors.New("no")
	if err := get("a", time.Hour, fault); !errors.Is(err, fault) || made != 1 {
		t.Errorf("%v, made %d times", err, made)
	}
	for range 3 {
		_ = get("a", time.Hour, nil)
	}
	if made != 2 {
		t.Errorf("made %d times, want 2", made)
	}
	if _ = get("a", 0, nil); made != 3 {
		t.Errorf("made %d times, want 3", made)
	}
	for i := range 3 * maxShared {
		_ = get(fmt.Sprint(i), time.Hour, nil)
	}
	if len(s.by) > maxShared {
		t.Errorf("%d answers are kept", len(s.by))
	}
	s.busy <- struct{}{}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.get(ctx, "", 0, nil); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
