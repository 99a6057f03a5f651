package embedded

import (
	"context"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"cc-metric-store/test/testkit"
)

// fullDiskEnv says to a test that it runs in a process of its own, whose disk is or gets
// full.
const fullDiskEnv = "TEST_FULL_DISK"

// TestStartsOnAFullDisk: nothing has to be written for what is there to be read; what
// has to be is named.
func TestStartsOnAFullDisk(t *testing.T) {
	if dir := os.Getenv(fullDiskEnv); dir != "" {
		startOnAFullDisk(t, dir)
		return
	}
	site := makeSite(t)
	if out, err := inFullDisk(site.crashed); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	if err := os.Remove(streamPath(site.crashed, server.JetStreamMetaFileSum)); err != nil {
		t.Fatal(err)
	}
	out, err := inFullDisk(site.crashed)
	if err == nil || !strings.Contains(out, "metadata of stream S") || !strings.Contains(out, streamPath(site.crashed, server.JetStreamMetaFile)) || !strings.Contains(out, "file too large") {
		t.Errorf("the start on damaged metadata that cannot be mended: %v\n%s", err, out)
	}
	mended, _ := startLogged(t, site.crashed)
	wantAll(t, mended)
}

func inFullDisk(dir string) (output string, err error) {
	cmd := exec.Command(os.Args[0], "-test.run=^TestStartsOnAFullDisk$")
	cmd.Env = append(os.Environ(), fullDiskEnv+"="+dir)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func startOnAFullDisk(t *testing.T, dir string) {
	signal.Ignore(syscall.SIGXFSZ)
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{}); err != nil {
		t.Fatal(err)
	}
	s, err := New(Config{Directory: dir, Streams: streamS})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer s.Stop()
	wantAll(t, s)
}

// TestQuarantinesARefusedStream has a stream that nats-server refuses although all its
// files are whole: nothing waits for it.
func TestQuarantinesARefusedStream(t *testing.T) {
	site := makeSite(t)
	dir := site.crashed
	for _, path := range []string{streamPath(dir, server.JetStreamMetaFile), filepath.Join(dir, manifestName)} {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
	var log testkit.LogBuffer
	s := start(t, Config{Directory: dir, Logger: slog.New(slog.NewTextHandler(&log, nil)), Streams: func(n int64) []Stream {
		streams := streamS(n)
		streams[0].Config = []byte(strings.Replace(string(streams[0].Config), `"max_age":0`, `"max_age":1`, 1))
		return streams
	}})
	wantLine(t, &log, "level=ERROR", "set aside", streamPath(dir), "max age", filepath.Join(dir, quarantineName))
	if err := s.Health(); err != nil {
		t.Errorf("health: %v", err)
	}
	kept, err := filepath.Glob(filepath.Join(dir, quarantineName, "S-*", messagesName, "1.blk"))
	if err != nil || len(kept) != 1 {
		t.Errorf("kept %v, %v", kept, err)
	}
}

// slowLog is a log that holds a start up where it quarantines something, until the
// operator was told that it takes long.
type slowLog struct {
	slog.Handler
	server *Server
	phase  string // at that time
	told   chan struct{}
}

func (l *slowLog) Handle(ctx context.Context, r slog.Record) error {
	switch {
	case strings.Contains(r.Message, "set aside"):
		l.phase = l.server.Phase()
		select {
		case <-l.told:
		case <-time.After(time.Minute):
		}
	case strings.Contains(r.Message, "still starting"):
		close(l.told)
	}
	return l.Handler.Handle(ctx, r)
}

func TestALongStartIsLogged(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, server.JetStreamStoreDir), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	var log testkit.LogBuffer
	slow := &slowLog{Handler: slog.NewTextHandler(&log, nil), told: make(chan struct{})}
	s, err := New(Config{Directory: dir, Logger: slog.New(slow)})
	if err != nil {
		t.Fatal(err)
	}
	slow.server = s
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer s.Stop()
	wantLine(t, &log, "level=WARN", "still starting", "looking through "+dir)
	if slow.phase == "" || s.Phase() != "" {
		t.Errorf("the phase was %q, and is %q now", slow.phase, s.Phase())
	}
}
