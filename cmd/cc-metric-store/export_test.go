package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unsafe"

	"cc-metric-store/config"
)

// TestExportOfNodeThatBreaksOff: an answer without its end is an error, and leaves what was there.
func TestExportOfNodeThatBreaksOff(t *testing.T) {
	t.Parallel()
	object := `{"cluster":"c","hostname":"h","metric":"m","interval":60,"start":60,"values":[1,null,2]}` + "\n"
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text := object
		if r.URL.Query().Get("format") == "lp" {
			text = "m,cluster=c,hostname=h value=1 60\n"
		}
		if r.URL.Path != "/below/api/export" || r.URL.Query().Get("host") != "a,b" {
			t.Errorf("asked is %s", r.URL)
		}
		w.Header().Set("X-Complete-Until", "1760000000")
		_, _ = io.WriteString(w, text)
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}))
	defer server.Close()
	for _, name := range []string{"x.lp", "x.parquet", "x.jsonl.zst"} {
		dir := t.TempDir()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte("before"), 0o600); err != nil {
			t.Fatal(err)
		}
		selection := exportSelection{}
		if err := selection.add("host=a%2Cb"); err != nil {
			t.Fatal(err)
		}
		var stderr strings.Builder
		err := exportSamples(context.Background(), exportOptions{source: server.URL + "/below", output: path, selection: selection}, io.Discard, &stderr)
		if err == nil || !strings.Contains(err.Error(), "not complete") || !strings.Contains(stderr.String(), "2025-10-09T08:53:20Z") {
			t.Errorf("%s: %v, %q", name, err, &stderr)
		}
		if text, err := os.ReadFile(path); err != nil || string(text) != "before" {
			t.Errorf("%s is %q, %v", name, text, err)
		}
		if left, _ := os.ReadDir(dir); len(left) != 1 {
			t.Errorf("%s: left are %v", name, left)
		}
	}
}

func TestExportSelection(t *testing.T) {
	t.Parallel()
	for _, wrong := range []string{"", "host", "hosts=a", "from=x", "from=1,from=2", "to=2025-10-09", "host=%zz"} {
		if err := (exportSelection{}).add(wrong); err == nil {
			t.Errorf("%q is taken", wrong)
		}
	}
	s := exportSelection{}
	if err := s.add("cluster=c,host=,host=a%2Cb,type=node,type=core,from=-5,to=1970-01-01T00:00:10Z"); err != nil {
		t.Fatal(err)
	}
	got, err := s.forStore()
	if err != nil || fmt.Sprintf("%q %d %d", []any{got.Clusters, got.Hosts, got.Metrics, got.Types}, got.From, got.To) != `[["c"] ["" "a,b"] [] ["" "core"]] -5 10` {
		t.Errorf("%+v, %v", got, err)
	}
}

// TestLineSorter: lines come back in order of time, those of one time in theirs, and more of them than fit are told.
func TestLineSorter(t *testing.T) {
	t.Parallel()
	var s lineSorter
	for i, at := range []int64{5, -1, 5, 3, -1} {
		s.add(at, []byte{byte('a' + i)})
	}
	got := ""
	if err := s.drain(func(line []byte) error { got += string(line); return nil }); err != nil || got != "bedac" {
		t.Errorf("%q, %v", got, err)
	}
	if s.isFull(maxSorted + 1) {
		t.Error("one that is empty is full")
	}
	s.add(1, make([]byte, maxSorted))
	if !s.isFull(1) {
		t.Error("one that is full takes more")
	}
}

// TestExportOfWhatIsNoNode: an answer of another program, or one that may be cut off without notice, is no export.
func TestExportOfWhatIsNoNode(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/page") {
			_, _ = io.WriteString(w, "<!doctype html><p>Log in.\n")
			return
		}
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nX-Complete-Until: 1760000000\r\nConnection: close\r\n\r\nm,cluster=c value=1 60\nm,cl")
		_ = conn.Close()
	}))
	defer server.Close()
	for below, words := range map[string]string{"/page": "no node", "/cut": "its end", "/api/export?host=a": "-select"} {
		path := filepath.Join(t.TempDir(), "x.lp")
		err := exportSamples(context.Background(), exportOptions{source: server.URL + below, output: path}, io.Discard, io.Discard)
		if err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("%s: %v", below, err)
		}
		if _, err := os.Stat(path); err == nil {
			t.Errorf("%s: there is a file", below)
		}
	}
}

// TestLineSorterOfShortLines: what is noted of each line counts, too.
func TestLineSorterOfShortLines(t *testing.T) {
	t.Parallel()
	var s lineSorter
	n := 0
	for ; !s.isFull(4); n++ {
		s.add(0, []byte("m 1\n"))
	}
	if held := cap(s.lines) * int(unsafe.Sizeof(sortedLine{})); held > 2*maxSorted {
		t.Errorf("%d bytes are held for %d lines", held, n)
	}
}

// TestImportOfNoLines: what is no file of lines does not go into the log as lines.
func TestImportOfNoLines(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ text, words string }{
		"current.wal":     {"m value=1\n", "give the directory"},
		"1760000000.json": {"{}", "give the directory"},
		"1760000000.bin":  {"m value=1\n", "give the directory"},
		"program":         {"m value=1\n\x00", "neither"},
		"lines":           {"m value=1\n", ""},
		"1760000000.lp":   {"m value=1\n", ""},
		"empty":           {"", ""},
	} {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := newFileImporter(path, &config.Config{}); (err == nil) != (c.words == "") || err != nil && !strings.Contains(err.Error(), c.words) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestImportOfEmptyParquet: a file that was cut off at its begin is not taken for lines.
func TestImportOfEmptyParquet(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "PA", "m value=1\n"} {
		path := filepath.Join(t.TempDir(), "backup.parquet")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := newFileImporter(path, &config.Config{}); err == nil || !strings.Contains(err.Error(), "no Parquet file") {
			t.Errorf("%q: %v", text, err)
		}
	}
}
