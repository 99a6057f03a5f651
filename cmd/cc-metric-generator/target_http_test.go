package main

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// startHTTP serves writes on 127.0.0.1: check sees the number and the body of each.
func startHTTP(t *testing.T, check func(n int64, w http.ResponseWriter, r *http.Request, body string)) *httptest.Server {
	t.Helper()
	var requests atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		check(requests.Add(1), w, r, string(body))
	}))
	t.Cleanup(s.Close)
	return s
}

func TestHTTPWrites(t *testing.T) {
	tokenFile := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(tokenFile, []byte("a.b.c\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name          string
		args          []string
		authorization string
	}{
		{"no token", nil, ""},
		{"token", []string{"-jwt", "x.y.z"}, "Bearer x.y.z"},
		{"token file", []string{"-jwt-file", tokenFile}, "Bearer a.b.c"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var lines atomic.Int64
			s := startHTTP(t, func(_ int64, w http.ResponseWriter, r *http.Request, body string) {
				if r.Method != http.MethodPost || r.URL.Path != "/api/write" || r.URL.RawQuery != "cluster=fritz" {
					t.Errorf("%s %s", r.Method, r.URL)
				}
				if got := r.Header.Get("Authorization"); got != tc.authorization {
					t.Errorf("Authorization %q, want %q", got, tc.authorization)
				}
				lines.Add(int64(strings.Count(body, "\n")))
			})
			args := append([]string{"-url", s.URL, "-clusters", "fritz", "-hosts", "2", "-history", "5m", "-connections", "2"}, tc.args...)
			got := runProgram(t.Context(), args...)
			if got.status != exitAccepted || !strings.Contains(got.stdout, "10 of 10 messages") {
				t.Fatalf("status %d: %s%s", got.status, got.stdout, got.stderr)
			}
			if want := int64(2 * 5 * 518); lines.Load() != want {
				t.Errorf("%d samples received, want %d", lines.Load(), want)
			}
		})
	}
}

// TestHTTPRefusals: which answers end a run, which one costs a message, and
// which are tried again.
func TestHTTPRefusals(t *testing.T) {
	for _, tc := range []struct {
		name     string
		status   int
		body     string
		times    int64 // refusals before success
		requests int64
		exit     int
		says     []string
	}{
		{"bad line", 400, `{"status":"Bad Request","error":"at line 2: no value"}`, 1, 5, exitNotAccepted,
			[]string{"4 of 5 messages", "errors        1, the first:", "400 Bad Request: at line 2: no value"}},
		{"no token", 401, "Use JWT Authentication\n", 9, 1, exitNotAccepted,
			[]string{"0 of 1 messages", "Use JWT Authentication (give a valid token by -jwt or -jwt-file)"}},
		{"not a store", 404, "", 9, 1, exitNotAccepted, []string{"404 Not Found: no reason given"}},
		{"not 200", 204, "", 9, 1, exitNotAccepted, []string{"204 No Content"}},
		{"passing fault", 503, "starting", 2, 7, exitAccepted, []string{"5 of 5 messages", "retries       2"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var requests atomic.Int64
			s := startHTTP(t, func(n int64, w http.ResponseWriter, _ *http.Request, _ string) {
				requests.Store(n)
				if n <= tc.times {
					w.WriteHeader(tc.status)
					io.WriteString(w, tc.body)
				}
			})
			got := runProgram(t.Context(), "-url", s.URL, "-clusters", "fritz", "-hosts", "1", "-history", "5m")
			if got.status != tc.exit || requests.Load() != tc.requests {
				t.Errorf("status %d after %d requests, want %d after %d", got.status, requests.Load(), tc.exit, tc.requests)
			}
			for _, s := range tc.says {
				if !strings.Contains(got.stdout, s) {
					t.Errorf("summary lacks %q:\n%s", s, got.stdout)
				}
			}
		})
	}
}

// TestInterruptedRequest: a signal lets the request under way finish and be counted.
func TestInterruptedRequest(t *testing.T) {
	ctx, interrupt := context.WithCancel(t.Context())
	s := startHTTP(t, func(n int64, w http.ResponseWriter, r *http.Request, _ string) {
		if n == 3 {
			interrupt()
			<-ctx.Done()
		}
	})
	got := runProgram(ctx, "-url", s.URL, "-clusters", "fritz", "-hosts", "1", "-history", "24h")
	if got.status != exitAccepted || !strings.Contains(got.stdout, "3 of 3 messages") ||
		!strings.Contains(got.stdout, "of 1440 ticks") {
		t.Errorf("status %d: %s%s", got.status, got.stdout, got.stderr)
	}
}

func TestHTTPNobodyThere(t *testing.T) {
	s := startHTTP(t, nil)
	url := s.URL
	s.Close()
	began := time.Now()
	got := runProgram(t.Context(), "-url", url, "-hosts", "1", "-history", "1m", "-give-up", "0")
	if got.status != exitNotAccepted || !strings.Contains(got.stdout, "connection refused") {
		t.Errorf("status %d after %v: %s%s", got.status, time.Since(began), got.stdout, got.stderr)
	}
}
