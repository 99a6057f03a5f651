package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestHostsInUse(t *testing.T) {
	tests := []struct {
		name, body string
		status     int
		want       string // the error, or "" for alex: a1, a2
	}{
		{"documented form", `{"usedNodes":{"alex":["a1","a2"]}}`, 200, ""},
		{"bare form", `{"alex":["a1","a2"]}`, 200, ""},
		{"no JSON", `<html>`, 200, "neither of the known forms"},
		{"another shape", `{"alex":"a1"}`, 200, "neither of the known forms"},
		{"no token", `{"error":"x"}`, 401, "main.backend-token"},
		{"fault of the backend", `out of order`, 500, "500 Internal Server Error: out of order"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Header.Get("Authorization") != "Bearer secret" || r.URL.String() != "/api/jobs/used_nodes?ts=1700000000" {
					t.Errorf("asked %s with %v", r.URL, r.Header)
				}
				w.WriteHeader(test.status)
				w.Write([]byte(test.body))
			}))
			defer srv.Close()
			b := backend{url: srv.URL, token: "secret"}
			hosts, err := b.hostsInUse(context.Background(), time.Unix(1_700_000_000, 0))
			if test.want != "" {
				if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), srv.URL) {
					t.Fatalf("error %v", err)
				}
				return
			}
			if err != nil || len(hosts) != 1 || len(hosts["alex"]) != 2 || !hosts["alex"]["a2"] {
				t.Fatalf("%v, %v", hosts, err)
			}
		})
	}
	b := backend{url: "http://127.0.0.1:1"}
	if _, err := b.hostsInUse(context.Background(), time.Now()); err == nil || strings.Count(err.Error(), "127.0.0.1:1/api") != 1 {
		t.Errorf("nobody there: %v", err)
	}
}
