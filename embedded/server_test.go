package embedded

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	// nats-server keeps one goroutine of its own for the life of a process.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/nats-io/nats-server/v2/server.init.0.func1"),
		// It keeps one more for each server in a cluster that does not listen at once.
		goleak.IgnoreAnyFunction("github.com/nats-io/nats-server/v2/server.(*Server).StartRouting"))
}

func start(t *testing.T, cfg Config) *Server {
	t.Helper()
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	listen(t, s)
	return s
}

func listen(t *testing.T, s *Server) {
	t.Helper()
	if s.URL() != "" {
		t.Fatalf("listens at %s before it was told to", s.URL())
	}
	var urls [2]string
	for i := range urls {
		if err := s.Listen(); err != nil {
			t.Fatal(err)
		}
		urls[i] = s.URL()
	}
	if urls[0] != urls[1] {
		t.Fatalf("listens at %s, then at %s", urls[0], urls[1])
	}
}

func connect(t *testing.T, url string, opts ...nats.Option) jetstream.JetStream {
	t.Helper()
	nc, err := nats.Connect(url, opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	return js
}

func TestKeepsTheLogOverARestart(t *testing.T) {
	cfg := Config{Directory: t.TempDir(), Addr: "127.0.0.1:0"}
	s, _ := New(cfg)
	if err := s.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	listen(t, s)
	js := connect(t, s.URL())
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if _, err := js.CreateStream(ctx, jetstream.StreamConfig{Name: "S", Subjects: []string{"s"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := js.Publish(ctx, "s", bytes.Repeat([]byte("x"), largestPayload)); err != nil {
		t.Fatalf("largest message: %v", err)
	}
	if err := js.Conn().Publish("s", bytes.Repeat([]byte("x"), largestPayload+1)); err == nil {
		t.Fatal("a message that the log cannot take is accepted")
	}
	js.Conn().Close()
	s.Stop()

	s = start(t, cfg)
	stream, err := connect(t, s.URL()).Stream(ctx, "S")
	if err != nil {
		t.Fatal(err)
	}
	if n := stream.CachedInfo().State.Msgs; n != 1 {
		t.Fatalf("%d messages after the restart, want 1", n)
	}
}

func TestInProcessOnly(t *testing.T) {
	s := start(t, Config{Directory: t.TempDir(), Username: "u", Password: "p"})
	if s.URL() != "" {
		t.Fatalf("listens at %s", s.URL())
	}
	connect(t, "", nats.InProcessServer(s), nats.UserInfo("u", "p"))
}

func TestAsksForThePassword(t *testing.T) {
	s := start(t, Config{Directory: t.TempDir(), Addr: "127.0.0.1:0", Username: "u", Password: "p"})
	if nc, err := nats.Connect(s.URL()); err == nil {
		nc.Close()
		t.Fatal("connected without a password")
	}
}

func TestRefusesADirectoryInUse(t *testing.T) {
	dir := t.TempDir()
	start(t, Config{Directory: dir})
	s, _ := New(Config{Directory: dir})
	err := s.Start(context.Background())
	if err == nil || !strings.Contains(err.Error(), "in use by another process (pid ") || !strings.Contains(err.Error(), dir) {
		t.Fatalf("error %v", err)
	}
}

func TestRefusesAnAddressInUse(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	s, _ := New(Config{Directory: t.TempDir(), Addr: l.Addr().String()})
	if err := s.Start(context.Background()); err == nil || !strings.Contains(err.Error(), "address already in use") {
		t.Fatalf("error %v", err)
	}
}

// TestListenTellsThatItCannot: another program has taken the address since the start,
// or there is no server.
func TestListenTellsThatItCannot(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	s, _ := New(Config{Directory: t.TempDir(), Addr: l.Addr().String()})
	if err := s.Listen(); !errors.Is(err, errDown) {
		t.Errorf("before the start: %v", err)
	}
	if err := s.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	defer s.Stop()
	if l, err = net.Listen("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := s.Listen(); err == nil || !strings.Contains(err.Error(), "does not listen") {
		t.Errorf("error %v", err)
	}
}

func TestReportsAllFaults(t *testing.T) {
	_, err := New(Config{Addr: "nowhere", MaxPayload: 1, Password: "x", MaxStore: 1, SyncInterval: -1})
	for _, want := range []string{"directory is empty", `"nowhere" is not host:port`, "max payload", "negative", "below 64 MiB", "without a username"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v lacks %q", err, want)
		}
	}
}

func TestQuietStart(t *testing.T) {
	var out bytes.Buffer
	start(t, Config{Directory: t.TempDir(), Addr: "127.0.0.1:0", Logger: slog.New(slog.NewTextHandler(&out, nil))})
	if out.Len() > 0 {
		t.Fatalf("an undisturbed start logs:\n%s", out.String())
	}
}

func TestTheDefaultStoreCountsWhatTheLogTakes(t *testing.T) {
	dir := t.TempDir()
	free, err := freeBytes(dir)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, server.JetStreamStoreDir, "block")
	if err := os.Mkdir(filepath.Dir(file), 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(file, 4*free); err != nil { // a hole
		t.Fatal(err)
	}
	if n, err := defaultMaxStore(dir, 0); err != nil || n < 3*free {
		t.Fatalf("%d bytes (%v), want more than %d", n, err, 3*free)
	}
}

// TestTheDefaultStoreStays: the free space is another one at each start.
func TestTheDefaultStoreStays(t *testing.T) {
	const used = 1 << 30
	chosen := chooseMaxStore(100<<30, used, 0)
	for _, free := range []int64{100 << 30, 99 << 30, 101 << 30, 88 << 30, 180 << 30} {
		if n := chooseMaxStore(free, used, chosen); n != chosen {
			t.Errorf("with %d bytes free: %d, want %d as before", free, n, chosen)
		}
	}
	for free, why := range map[int64]string{80 << 30: "the disk would be full first", 400 << 30: "the disk is another one"} {
		if n := chooseMaxStore(free, used, chosen); n == chosen || n < free/2 || n > free+used {
			t.Errorf("with %d bytes free: %d, although %s", free, n, why)
		}
	}
	if n := chooseMaxStore(0, used, chosen); n < used {
		t.Errorf("a full disk would cost %d bytes of the log", used-n)
	}
	if n := chooseMaxStore(0, 0, 0); n < smallestStore {
		t.Errorf("%d bytes on a full disk", n)
	}
}
