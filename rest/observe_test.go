package rest

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"
)

func TestObserve(t *testing.T) {
	var mu sync.Mutex
	var seen []string
	f := start(t, Config{Observe: func(endpoint string, status int, took time.Duration) {
		mu.Lock()
		defer mu.Unlock()
		seen = append(seen, fmt.Sprint(endpoint, " ", status, " ", took > 0))
	}}, nil)
	for _, path := range []string{"/api/query", "/api/query/", "/api/nothing", "/healthz", "/api/write/?cluster=c"} {
		f.send("GET", path, `{"cluster":"alex"}`)
	}
	if err := f.stop(); err != nil { // each was told of when it was answered
		t.Error(err)
	}
	want := []string{"query 200 true", "query 200 true", "other 404 true", "other 200 true", "write 405 true"}
	mu.Lock()
	defer mu.Unlock()
	if !slices.Equal(seen, want) {
		t.Errorf("observed %q, want %q", seen, want)
	}
}

func TestReadyWithTrouble(t *testing.T) {
	var trouble error
	f := start(t, Config{Trouble: func() error { return trouble }}, nil)
	if a := f.send("GET", "/readyz", ""); a.status != 200 || a.body != "ready\n" {
		t.Errorf("%d %q", a.status, a.body)
	}
	trouble = errors.New("the disk is full")
	if a := f.send("GET", "/readyz", ""); a.status != 200 || a.body != "ready, but the disk is full\n" {
		t.Errorf("%d %q", a.status, a.body)
	}
}
