package rest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http/httptest"
	"strings"
	"testing"

	"cc-metric-store/store"
)

// many repeats an element n times between a begin and an end.
func many(begin, element, end string, n int) string {
	return begin + element + strings.Repeat(","+element, n-1) + end
}

func TestJSONLimits(t *testing.T) {
	for _, c := range []struct {
		name, text string
		status     int // 0: none is reached
		word       string
	}{
		{"objects", many(`{"q":[`, "{}", "]}", maxObjects-1), 0, ""},
		{"one object more", many(`{"q":[`, "{}", "]}", maxObjects), 413, "262144 objects"},
		{"items", many(`[`, `""`, "]", maxItems), 0, ""},
		{"one item more", many(`[`, `""`, "]", maxItems+1), 413, "4194304 elements"},
		{"items in many arrays", many(`[`, `[1,2,3]`, "]", maxItems/4+1), 413, "4194304 elements"},
		{"empty arrays", many(`[`, `[]`, "]", maxItems+1), 413, "4194304 elements"},
		{"members", many(`{`, `"":1`, "}", maxFields+1), 413, "members"},
		{"deep", strings.Repeat("[", maxDepth) + strings.Repeat("]", maxDepth), 0, ""},
		{"deeper", strings.Repeat("[", maxDepth+1), 400, "32 levels"},
		{"deep objects", strings.Repeat(`{"a":`, maxDepth+1), 400, "32 levels"},
		{"a name", `["` + strings.Repeat("x", maxText) + `"]`, 0, ""},
		{"a longer name", `["` + strings.Repeat("x", maxText+1) + `"]`, 400, "at byte 1 of the JSON is longer than 65536"},
		{"a long name with escapes", `["` + strings.Repeat(`\"`, maxText) + `"]`, 400, "longer"},
		{"a name that does not end", `["` + strings.Repeat("x", maxText+1), 400, "longer"},
		{"a long number", `{"from":` + strings.Repeat("1", maxText+2) + `}`, 400, "longer"},
		{"what is in a string means nothing", `["` + strings.Repeat("[{,", 20_000) + `"]`, 0, ""},
		{"nor what follows", `{}` + strings.Repeat("[", 100), 0, ""},
	} {
		_, err := countJSON([]byte(c.text))
		known, refused := errors.AsType[*refusal](err)
		switch {
		case c.status == 0 && err != nil:
			t.Errorf("%s: %v", c.name, err)
		case c.status != 0 && (!refused || known.status != c.status || !strings.Contains(err.Error(), c.word)):
			t.Errorf("%s: %v, want %d with %q", c.name, err, c.status, c.word)
		}
	}
}

// FuzzCountJSON compares what is counted with what the decoder finds.
func FuzzCountJSON(f *testing.F) {
	for _, text := range []string{`{"a":[1,"x\"",{}],"b":{"c":null}} rest`, `[[],[[]],{}]`, `"x"`, `-1.5e7 `, `[`, ` {"a":"\\"}`} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		found, err := countJSON([]byte(text))
		if err != nil {
			return
		}
		var v any
		if json.Unmarshal([]byte(text[:found.end]), &v) != nil {
			return
		}
		objects, arrays, items := shape(v)
		// Members of one name are one in the decoded object.
		if found.objects < objects || found.arrays < arrays || found.items < items {
			t.Errorf("%q: counted %+v, there are %d objects, %d arrays, %d items", text, found, objects, arrays, items)
		}
		var first any
		if d := json.NewDecoder(strings.NewReader(text)); d.Decode(&first) != nil {
			t.Errorf("%q: the first value is cut off at %d", text, found.end)
		}
	})
}

func shape(v any) (objects, arrays, items int) {
	var below []any
	switch v := v.(type) {
	case map[string]any:
		objects++
		for _, m := range v {
			below = append(below, m)
		}
	case []any:
		arrays, items = 1, len(v)
		below = v
	}
	for _, b := range below {
		o, a, i := shape(b)
		objects, arrays, items = objects+o, arrays+a, items+i
	}
	return objects, arrays, items
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

func TestSelectorsAreCompactInTheLog(t *testing.T) {
	f := start(t, Config{}, nil)
	var seen [][]string
	f.log.freed = func(selectors [][]string) { seen = selectors }
	for body, want := range map[string]string{
		many("[", "[]", "]", 1000):                      "[[]]",
		many("[", `["c"]`, `,["c","h"],["a"]]`, 20_000): "[[a] [c]]",
		`[["c"],[]]`: "[[]]",
		`[]`:         "[]",
	} {
		if a := f.send("POST", "/api/free?to=1", body); a.status != 200 || fmt.Sprint(seen) != want {
			t.Errorf("%s: %d, the log got %v, want %s", clip(body), a.status, seen, want)
		}
	}
	f.wantError(f.send("POST", "/api/free?to=1", many("[", "[]", "]", store.MaxSelectors+1)), 413, "131073 selectors", "131072")
	if a := f.send("POST", "/api/free?to=1", many("[", "[]", "]", store.MaxSelectors)); a.status != 200 {
		t.Errorf("as many selectors as are possible: %d %s", a.status, a.body)
	}
	var b strings.Builder
	for i := range maxSelectors + 1 {
		fmt.Fprintf(&b, `,["c","h%d"]`, i)
	}
	f.wantError(f.send("POST", "/api/free?to=1", "["+b.String()[1:]+"]"), 413, "20001 different selectors", "20000")
	long := strings.Repeat("x", 1000)
	b.Reset()
	for i := range 800 {
		fmt.Fprintf(&b, `,["%s","h%d"]`, long, i)
	}
	f.wantError(f.send("POST", "/api/free?to=1", "["+b.String()[1:]+"]"), 413, "768 KiB")
}

func TestClusterNames(t *testing.T) {
	f := start(t, Config{}, nil)
	line := samples("n1", "cpu_load", 1)
	for _, c := range []struct{ name, word string }{
		{strings.Repeat("x", maxName+1), "1025 bytes, at most 1024"},
		{strings.Repeat("x", 70_000), "70000 bytes"},
		{"\xff\xfe", "not valid UTF-8"},
		{"a\xc3", "not valid UTF-8"},
		{"a\xc2\x85b", "control characters"},
	} {
		f.wantError(f.send("POST", "/api/write/?cluster="+c.name, line), 400, "'cluster'", c.word)
		f.wantError(f.send("POST", "/api/write?x=1&cluster="+c.name, line), 400, "'cluster'", c.word)
	}
	for _, name := range []string{strings.Repeat("x", maxName), "ä", "a%ff"} {
		if a := f.send("POST", "/api/write?cluster="+name, line); a.status != 200 {
			t.Errorf("%q: %d %s", clip(name), a.status, a.body)
		}
	}
	if len(f.log.clusters) != 3 {
		t.Errorf("%d writes came to the log", len(f.log.clusters))
	}
	f.log.set(&store.TooLargeError{Bytes: 7, Cause: errors.New("too much")}, nil)
	f.wantError(f.send("POST", "/api/write", line), 413, "send less")
	f.wantError(f.send("POST", "/api/free?to=1", "[]"), 413, "send less")
}

func TestHealthCheckLimits(t *testing.T) {
	f := start(t, Config{}, nil)
	f.write(age("n1", "cpu_load", 0))
	list := func(prefix string, n int) string {
		names := make([]string, n)
		for i := range names {
			names[i] = fmt.Sprintf(`"%s%d"`, prefix, i)
		}
		return "[" + strings.Join(names, ",") + "]"
	}
	ask := func(nodes, names string) answer {
		return f.send("POST", "/api/healthcheck", `{"cluster":"alex","nodes":`+nodes+`,"metric-names":`+names+`}`)
	}
	f.wantError(ask(list("n", 3000), list("m", 3000)), 400, "3000 nodes and 3000 metrics", "4194304 verdicts")
	f.wantError(ask(list("n", 20_000), list(strings.Repeat("x", 1000), 50)), 400, "lists of 128 MiB")
	// Names that are repeated are one, and 10,000 nodes with 400 metrics no attack.
	if a := ask(many("[", `"n1"`, "]", 100_000), many("[", `"cpu_load"`, "]", 100_000)); a.body != `{"n1":{"State":"full","HealthMetrics":"{\"degraded\":[],\"missing\":[]}"}}`+"\n" {
		t.Errorf("repeated names: %d %s", a.status, clip(a.body))
	}
	a := ask(list("n", 10_000), list("m", 400))
	var verdicts map[string]struct{ State, HealthMetrics string }
	if err := json.Unmarshal([]byte(a.body), &verdicts); err != nil || a.status != 200 || len(verdicts) != 10_000 {
		t.Fatalf("a large cluster: %d, %d verdicts (%v)", a.status, len(verdicts), err)
	}
	if v := verdicts["n1"]; v.State != "failed" || strings.Count(v.HealthMetrics, `"m`) != 401 || verdicts["n2"].HealthMetrics != "" {
		t.Errorf("verdicts: %+v", v)
	}
}

// leaver ends the request of its client after so many hosts.
type leaver struct {
	*store.Store
	left   int
	cancel func()
	asked  int
}

func (l *leaver) Health(cluster, host string, metrics []string) (store.Health, bool) {
	if l.asked++; l.asked == l.left {
		l.cancel()
	}
	return l.Store.Health(cluster, host, metrics)
}

func TestHealthCheckStopsWithItsClient(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	view := &leaver{Store: newStore(t), left: 5, cancel: cancel}
	s, err := New(Config{}, view, &testLog{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if p := recover(); p == nil || view.asked != 5 {
			t.Errorf("%d hosts were judged (%v)", view.asked, p)
		}
	}()
	req := httptest.NewRequestWithContext(ctx, "POST", "/api/healthcheck", strings.NewReader(`{"cluster":"c","nodes":["1","2","3","4","5","6","7"]}`))
	s.handler.ServeHTTP(httptest.NewRecorder(), req)
}

func TestWelcome(t *testing.T) {
	for _, dev := range []bool{false, true} {
		f := start(t, Config{Dev: dev, Version: "1.2.3"}, nil)
		a := f.send("GET", "/", "")
		if a.status != 200 || !strings.HasPrefix(a.header.Get("Content-Type"), "text/plain") {
			t.Errorf("%d %v", a.status, a.header)
		}
		for path := range strings.FieldsSeq(a.body) {
			if strings.HasPrefix(path, "/") && !isAPI(path) {
				if path = strings.TrimSuffix(path, "."); path == "/swagger/" && !dev {
					continue
				}
				if got := f.send("GET", path, ""); got.status >= 400 {
					t.Errorf("%s, which the welcome names: %d", path, got.status)
				}
			}
		}
		if !strings.Contains(a.body, "cc-metric-store 1.2.3") || !strings.Contains(a.body, "/readyz") {
			t.Errorf("welcome: %s", a.body)
		}
	}
}
