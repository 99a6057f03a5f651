package rest

import (
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
