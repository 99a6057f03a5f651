package rest

import (
	"fmt"
	"strings"
	"testing"

	"cc-metric-store/store"
)

func TestFree(t *testing.T) {
	f := start(t, Config{}, nil)
	f.write(samples("n1", "cpu_load", 1) + samples("n2", "cpu_load", 2))
	for _, c := range []struct {
		target, body string
		status       int
		want         string
	}{
		{"/api/free", "[]", 400, "'to' is a required query parameter"},
		{"/api/free?to=", "[]", 400, "'to' is a required query parameter"},
		{"/api/free?to=abc", "[]", 400, "'to' is no Unix time"},
		{"/api/free/?to=1", "nope", 400, "invalid JSON at byte 2"},
		{"/api/free/?to=1", "", 400, "empty"},
		{"/api/free/?to=1", `["alex"]`, 400, "got string, want an array"},
		{"/api/free/?to=1", `[null]`, 400, "selector 0 is null"},
		{"/api/free/?to=1760000040", `[["alex","n1"]]`, 200, "buffers freed: 0\n"},
		{"/api/free/?to=1860000040", `[["none"],["alex","n9"]]`, 200, "buffers freed: 0\n"},
		{"/api/free?to=1860000040", `[["alex","n1"]]`, 200, "buffers freed: 1\n"},
		{"/api/free?to=1860000040", `[[]]`, 200, "buffers freed: 1\n"},
		{"/api/free?to=1860000040", `null`, 200, "buffers freed: 0\n"},
	} {
		a := f.send("POST", c.target, c.body, "Content-Type", "application/x-www-form-urlencoded")
		if c.status != 200 {
			f.wantError(a, c.status, c.want)
		} else if a.status != 200 || a.body != c.want || !strings.HasPrefix(a.header.Get("Content-Type"), "text/plain") {
			t.Errorf("%s %s: %d %q %v", c.target, c.body, a.status, a.body, a.header)
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
