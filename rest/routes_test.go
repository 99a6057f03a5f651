package rest

import (
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
		{"/api/export", "?cluster=alex", "", "GET, HEAD"},
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
