package main

import (
	"context"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestStatusFollowsTheProgram: the service manager hears of the start at once,
// although the broker is away, and then what is missing.
func TestStatusFollowsTheProgram(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "notify")
	manager, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer manager.Close()
	t.Setenv("NOTIFY_SOCKET", path)
	closed, err := net.Listen("tcp", "127.0.0.1:0") // no broker is there
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	cfg := strings.Replace(string(readFile(t, writeConfig(t, dir))), `"nats":{`, `"nats":{"address":"nats://`+closed.Addr().String()+`",`, 1)
	opts := options{config: filepath.Join(dir, "broker.json"), configGiven: true, logLevel: "crit"}
	if err := os.WriteFile(opts.config, []byte(cfg), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- run(ctx, opts, io.Discard, io.Discard) }()
	for _, want := range []string{"READY=1", "STATUS=not answering queries yet: the log is not reached"} {
		b := make([]byte, 1024)
		if err := manager.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		n, err := manager.Read(b)
		if strings.HasPrefix(string(b[:n]), "STATUS=not answering queries yet: loading") { // it may be seen or not
			n, err = manager.Read(b)
		}
		if err != nil || !strings.HasPrefix(string(b[:n]), want) {
			t.Errorf("notified of %q (%v), want %q", b[:n], err, want)
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Errorf("run: %v", err)
	}
}
