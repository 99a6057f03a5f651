package rest

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

func TestMethodsAndSlashes(t *testing.T) {
	f := start(t, Config{Metrics: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "up 1\n")
	})}, nil)
	f.write(fmt.Sprintf("n1 cpu_load 1.5 %d\n", origin))
	all := []string{"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"}
	for _, e := range []struct {
		path, query, body, allow string
	}{
		{"/api/query", "?version=v2", `{"cluster":"alex","queries":[]}`, "GET, HEAD, POST"},
		{"/api/healthcheck", "", `{"cluster":"alex","nodes":["n1"]}`, "GET, HEAD, POST"},
		{"/api/debug", "?selector=alex:n1", "", "GET, HEAD, POST"},
		{"/api/write", "?cluster=alex", "", "POST, PUT"},
		{"/api/free", "?to=1", "[]", "POST"},
		{"/healthz", "", "", "GET, HEAD"},
		{"/readyz", "", "", "GET, HEAD"},
		{"/metrics", "", "", "GET, HEAD"},
	} {
		paths := []string{e.path}
		if isAPI(e.path) {
			paths = append(paths, e.path+"/", e.path+"/below/it")
		}
		for _, path := range paths {
			for _, method := range all {
				a := f.send(method, path+e.query, e.body)
				allowed := false
				for m := range strings.SplitSeq(e.allow, ", ") {
					allowed = allowed || m == method
				}
				switch {
				case allowed && a.status != 200:
					t.Errorf("%s %s: %d %s", method, path, a.status, a.body)
				case allowed:
				case a.status != 405 || a.header.Get("Allow") != e.allow:
					t.Errorf("%s %s: %d, Allow %q, want 405 and %q", method, path, a.status, a.header.Get("Allow"), e.allow)
				case method == "HEAD":
				case isAPI(path):
					f.wantError(a, 405, "Method Not Allowed")
				case a.body != "Method Not Allowed\n":
					t.Errorf("%s %s: %q", method, path, a.body)
				}
			}
		}
	}
}

func TestNotFound(t *testing.T) {
	f := start(t, Config{}, nil)
	for _, path := range []string{"/api", "/api/", "/api/nothing", "/api/queryx", "/api/quer"} {
		f.wantError(f.send("GET", path, ""), 404, "page not found")
	}
	for _, path := range []string{"/apix", "/nothing", "/healthz/x", "/metrics", "/swagger", "/swagger/", "/swagger/index.html", "/swagger/doc.json"} {
		a := f.send("GET", path, "")
		if a.status != 404 || a.body != "404 page not found\n" || !strings.HasPrefix(a.header.Get("Content-Type"), "text/plain") {
			t.Errorf("%s: %d %q %s", path, a.status, a.body, a.header.Get("Content-Type"))
		}
	}
}

func TestHeadHasNoBody(t *testing.T) {
	f := start(t, Config{}, nil)
	f.write(fmt.Sprintf("n1 cpu_load 1.5 %d\n", origin))
	body := fmt.Sprintf(`{"cluster":"alex","from":%d,"to":%d,"queries":[{"metric":"cpu_load","host":"n1"}]}`, origin, origin+60)
	head, get := f.send("HEAD", "/api/query", body), f.send("GET", "/api/query", body)
	if head.body != "" || head.status != 200 || head.header.Get("Content-Length") != fmt.Sprint(len(get.body)) {
		t.Errorf("HEAD: %d %q, length %s; GET has %d bytes", head.status, head.body, head.header.Get("Content-Length"), len(get.body))
	}
}

func TestNotReady(t *testing.T) {
	f := start(t, Config{}, nil)
	if a := f.send("GET", "/readyz", ""); a.status != 200 || a.body != "ready\n" {
		t.Errorf("readyz: %d %q", a.status, a.body)
	}
	f.log.set(nil, errors.New("17 of 42 entries are replayed"))
	for _, path := range []string{"/api/query", "/api/query/", "/api/healthcheck", "/api/debug"} {
		f.wantError(f.send("POST", path, "{}"), 503, "17 of 42 entries")
	}
	if a := f.send("GET", "/readyz", ""); a.status != 503 || a.body != "17 of 42 entries are replayed\n" {
		t.Errorf("readyz: %d %q", a.status, a.body)
	}
	if a := f.send("GET", "/healthz", ""); a.status != 200 || a.body != "ok\n" {
		t.Errorf("healthz: %d %q", a.status, a.body)
	}
	f.write(fmt.Sprintf("n1 cpu_load 1.5 %d\n", origin))
	if a := f.send("POST", "/api/free?to=1", "[]"); a.status != 200 {
		t.Errorf("free: %d %s", a.status, a.body)
	}
	f.log.set(nil, nil)
	if a := f.send("GET", "/api/debug", ""); a.status != 200 {
		t.Errorf("debug: %d %s", a.status, a.body)
	}
}

func TestNotWritable(t *testing.T) {
	f := start(t, Config{}, nil)
	f.log.set(errors.New("the disk is full"), nil)
	if a := f.send("GET", "/readyz", ""); a.status != 503 || a.body != "the disk is full\n" {
		t.Errorf("readyz: %d %q", a.status, a.body)
	}
	if a := f.send("GET", "/api/debug", ""); a.status != 200 {
		t.Errorf("debug: %d %s", a.status, a.body)
	}
	f.log.set(errors.New("the disk is full"), errors.New("replaying"))
	if a := f.send("GET", "/readyz", ""); a.status != 503 || a.body != "replaying\nthe disk is full\n" {
		t.Errorf("readyz: %d %q", a.status, a.body)
	}
}
