package rest

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
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

// TestEveryEndpointIsObservedByItsName: a new one is no "other".
func TestEveryEndpointIsObservedByItsName(t *testing.T) {
	a := newAPI(Config{}.withDefaults(), settings{}, newStore(t), &testLog{})
	h, err := a.routes(Config{})
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, r := range h.(*echo.Echo).Routes() {
		if name, ok := strings.CutPrefix(r.Path, "/api/"); ok {
			found++
			if want, _, _ := strings.Cut(name, "/"); endpoint(r.Path) != want {
				t.Errorf("%s is observed as %q", r.Path, endpoint(r.Path))
			}
		}
	}
	if found < 20 {
		t.Errorf("only %d routes below /api", found)
	}
}
