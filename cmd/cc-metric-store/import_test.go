package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"cc-metric-store/config"
	"cc-metric-store/ingest/original"
	"cc-metric-store/store/archive"
)

// TestImportState: what was recorded is read back, whatever a crash has left of the last line.
func TestImportState(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if s, err := readImportState(dir); s != nil || err != nil {
		t.Fatalf("of nothing %v, %v are read", s, err)
	}
	s, err := beginImportState(dir)
	if err != nil {
		t.Fatal(err)
	}
	files := []original.File{
		{Path: filepath.Join(dir, "c", "a host\n", "1.json"), Size: 7, Modified: time.Unix(5, 6)},
		{Path: filepath.Join(dir, "c", "h", "current.wal"), Size: 8, Modified: time.Unix(7, 8)},
		{Path: filepath.Join(dir, "c", "h2", "current.wal"), Size: 8, Modified: time.Unix(7, 8)},
	}
	if err := s.record(files[:1]); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, importStateName)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for cut := range len(whole) {
		if err := os.WriteFile(path, whole[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := readImportState(dir)
		if err != nil {
			t.Fatalf("%d of %d bytes: %v", cut, len(whole), err)
		}
		if got == nil {
			continue
		}
		if err := got.record(files[1:2]); err != nil {
			t.Fatal(err)
		}
		again, err := readImportState(dir)
		if err != nil || again == nil || len(again.without(files[1:2])) != 0 || len(again.without(files[2:])) != 1 || (len(again.without(files[:1])) != 1 && cut < len(whole)-1) || again.complete || !again.started.Equal(s.started) {
			t.Fatalf("cut to %d bytes, and written to, %+v, %v are read", cut, again, err)
		}
	}
	if err := os.WriteFile(path, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.end(); err != nil {
		t.Fatal(err)
	}
	got, err := readImportState(dir)
	if err != nil || !got.complete || len(got.without(files[:1])) != 0 {
		t.Errorf("read are %+v, %v", got, err)
	}
	files[0].Size++
	if len(got.without(files[:1])) != 1 {
		t.Error("a file that has grown counts as imported")
	}
	if err := os.WriteFile(path, []byte("something else\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := readImportState(dir); err == nil {
		t.Error("another file is read as a state")
	}
}

// TestParseRefusal: the texts of refusals over REST.
func TestParseRefusal(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]refusedLines{
		"line 17: too far ahead (and 3 more refused lines); all other lines are stored":  {4, "too far ahead"},
		"line 1: too far ahead; all other lines are stored":                              {1, "too far ahead"},
		"12 samples are of more series than the store takes; all other lines are stored": {12, "12 samples are of more series than the store takes"},
		"something": {1, "something"},
	} {
		if got := *parseRefusal(text); got != want {
			t.Errorf("%q is %+v, want %+v", text, got, want)
		}
	}
}

// TestImportIntoNode: a node that is busy is asked again; one that refuses lines, or the token,
// is not; and another program at its address is found out.
func TestImportIntoNode(t *testing.T) {
	t.Parallel()
	answers := make(chan int, 10)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if r.Header.Get("Authorization") != "Bearer secret" {
			t.Error("a request has no token")
		}
		w.WriteHeader(<-answers)
		fmt.Fprintln(w, `{"status":"x","error":"line 3: too late (and 1 more refused lines); all other lines are stored"}`)
	}))
	defer server.Close()
	cfg := config.Default()
	cfg.Main.Addr = strings.TrimPrefix(server.URL, "http://")
	node, err := nodeOf(cfg, "secret")
	if err != nil {
		t.Fatal(err)
	}
	target := persistent{node.write, ofOperator(slog.New(slog.DiscardHandler), "-import", time.Minute)}
	for _, c := range []struct {
		answers []int
		refused int
		fails   bool
	}{
		{[]int{200}, 0, false}, {[]int{503, 429, 500, 200}, 0, false}, {[]int{503, 400}, 2, false}, {[]int{401}, 0, true}, {[]int{404}, 0, true}, {[]int{302}, 0, true},
	} {
		for _, a := range c.answers {
			answers <- a
		}
		refused, err := target.write(context.Background(), []byte("x value=1\n"))
		if (err != nil) != c.fails || c.refused > 0 != (refused != nil) || refused != nil && refused.lines != c.refused {
			t.Errorf("answers %v: %v, %v", c.answers, refused, err)
		}
	}
	for status, want := range map[int]string{200: "running", 503: "running", 404: "another program"} {
		answers <- status
		running, err := node.isRunning(context.Background())
		if running != (want == "running") || (err != nil) != (want != "running") {
			t.Errorf("with %d: %v, %v; want %s", status, running, err, want)
		}
	}
	server.Close()
	if running, err := node.isRunning(context.Background()); running || err != nil {
		t.Errorf("nobody listens: %v, %v", running, err)
	}
	impatient := persistent{node.write, patience{slog.New(slog.DiscardHandler), "-import", time.Millisecond, time.Hour}}
	if _, err := impatient.write(context.Background(), nil); err == nil {
		t.Error("a node that is gone is waited for without an end")
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := target.write(ctx, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("the end of the context is %v", err)
	}
}

// TestFilesOfTheOriginal: only files of float32 that this program has not written are the original's.
func TestFilesOfTheOriginal(t *testing.T) {
	t.Parallel()
	ours, theirs, others := archive.FileInfo{}, archive.FileInfo{Foreign: true, Single: true}, archive.FileInfo{Foreign: true}
	for _, c := range []struct {
		infos []archive.FileInfo
		want  bool
	}{{nil, false}, {[]archive.FileInfo{ours}, false}, {[]archive.FileInfo{others}, false}, {[]archive.FileInfo{theirs}, true}, {[]archive.FileInfo{theirs, others}, false}} {
		if got := areOfOriginal(c.infos); got != c.want {
			t.Errorf("%+v: %v", c.infos, got)
		}
	}
}
