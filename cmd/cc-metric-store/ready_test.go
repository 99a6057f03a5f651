package main

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestReadyAddress(t *testing.T) {
	for base, want := range map[string]string{
		"http://localhost:8080":         "http://localhost:8080/readyz",
		"http://localhost:8080/":        "http://localhost:8080/readyz",
		"https://[::1]:8443/readyz":     "https://[::1]:8443/readyz",
		"http://proxy.example/store/":   "http://proxy.example/store/readyz",
		"http://localhost:8080?all":     "http://localhost:8080/readyz?all",
		"http://localhost/readyz?all":   "http://localhost/readyz?all",
		"http://localhost/a/b/?x=y&all": "http://localhost/a/b/readyz?x=y&all",
	} {
		if got, err := readyAddress(base); err != nil || got.String() != want {
			t.Errorf("%s: %v, %v, want %s", base, got, err, want)
		}
	}
	for _, base := range []string{"localhost:8080", "8080", "ftp://localhost", "http://", "http:///readyz", "http://%zz", "/readyz"} {
		if got, err := readyAddress(base); err == nil || !strings.Contains(err.Error(), "no URL of a node") {
			t.Errorf("%q: %v, %v", base, got, err)
		}
	}
}

func TestLoopback(t *testing.T) {
	for host, want := range map[string]bool{
		"localhost": true, "127.0.0.1": true, "127.8.9.1": true, "::1": true,
		"192.0.2.1": false, "localhost.example.org": false, "127.0.0.1.example.org": false, "": false,
	} {
		if got := loopback(host); got != want {
			t.Errorf("%q: %v", host, got)
		}
	}
}

// TestReady asks servers that answer well, badly and not at all.
func TestReady(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("/good/readyz", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ready, but old\n") })
	mux.HandleFunc("/bad/readyz", func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "the log is away", http.StatusServiceUnavailable)
	})
	mux.HandleFunc("/moved/readyz", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/good/readyz", http.StatusFound) })
	mux.HandleFunc("/long/readyz", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, strings.Repeat("x", 1<<20)) })
	mux.HandleFunc("/silent/readyz", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	plain, secure := httptest.NewServer(mux), httptest.NewTLSServer(mux) // whose certificate nobody knows
	defer plain.Close()
	defer secure.Close()
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	for _, c := range []struct{ url, says, fault string }{
		{plain.URL + "/good", "ready, but old\n", ""},
		{secure.URL + "/good/readyz", "ready, but old\n", ""},
		{plain.URL + "/long", strings.Repeat("x", maxReadyBody) + "\n", ""},
		{plain.URL + "/bad", "", "says 503: the log is away"},
		{plain.URL + "/moved", "", "says 302"},
		{plain.URL + "/elsewhere", "", "says 404"},
		{strings.Replace(secure.URL, "https", "http", 1), "", "says 400: Client sent an HTTP request to an HTTPS server"},
		{strings.Replace(plain.URL, "http", "https", 1), "", "not ready: "},
		// At a name that may be another machine's the certificate counts. (Linux takes this one for its own.)
		{strings.Replace(secure.URL, "127.0.0.1", "0.0.0.0", 1) + "/good", "", "failed to verify certificate"},
		{plain.URL + "/silent", "", "gives no answer within 3s"},
		{"http://" + closed.Addr().String(), "", "connection refused"},
	} {
		var out strings.Builder
		err := printReady(context.Background(), &out, c.url, false)
		if out.String() != c.says || (err == nil) != (c.fault == "") || err != nil && !strings.Contains(err.Error(), c.fault) {
			t.Errorf("%s: prints %.40q, error %v, want %.40q, %q", c.url, &out, err, c.says, c.fault)
		}
	}
}
