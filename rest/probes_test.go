package rest

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestReadyButDegraded(t *testing.T) {
	var degraded error
	f := start(t, Config{Degraded: func() error { return degraded }}, nil)
	if a := f.send("GET", "/readyz", ""); a.status != 200 || a.body != "ready\n" {
		t.Errorf("%d %q", a.status, a.body)
	}
	degraded = errors.New("the disk is full")
	if a := f.send("GET", "/readyz", ""); a.status != 200 || a.body != "ready, but the disk is full\n" {
		t.Errorf("%d %q", a.status, a.body)
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
