package embedded

import (
	"context"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"cc-metric-store/test/testkit"
)

// fillDisk lets every write that makes a file larger than half a MiB fail,
// until the function that it returns is called.
func fillDisk(t *testing.T) (makeRoom func()) {
	t.Helper()
	signal.Ignore(syscall.SIGXFSZ)
	var before syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &before); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: 512 << 10, Max: before.Max}); err != nil {
		t.Fatal(err)
	}
	makeRoom = sync.OnceFunc(func() {
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &before); err != nil {
			t.Error(err)
		}
		signal.Reset(syscall.SIGXFSZ)
	})
	t.Cleanup(makeRoom)
	return makeRoom
}

func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !condition(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("in vain waited for: %s", what)
		}
	}
}

// TestGoesOnAfterTheDiskWasFull runs in a process of its own: in this one, the limit would
// also apply to the files that the test binary itself writes.
func TestGoesOnAfterTheDiskWasFull(t *testing.T) {
	if os.Getenv(fullDiskEnv) == "" {
		cmd := exec.Command(os.Args[0], "-test.run=^TestGoesOnAfterTheDiskWasFull$")
		cmd.Env = append(os.Environ(), fullDiskEnv+"=yes")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	var log testkit.LogBuffer
	s := start(t, Config{
		Directory: t.TempDir(), Addr: "127.0.0.1:0", checkInterval: 10 * time.Millisecond, Streams: streamS,
		Logger: slog.New(slog.NewTextHandler(&log, nil)),
	})
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("log:\n%s", &log)
		}
	})

	outside := connect(t, s.URL(), nats.MaxReconnects(-1), nats.ReconnectWait(10*time.Millisecond))
	inside := connect(t, "", nats.InProcessServer(s), nats.MaxReconnects(-1), nats.ReconnectWait(10*time.Millisecond),
		nats.ReconnectHandler(func(*nats.Conn) {
			if err := s.Listen(); err != nil {
				t.Error(err)
			}
		}))
	if _, err := inside.CreateStream(ctx, jetstream.StreamConfig{Name: "S", Subjects: []string{"s"}}); err != nil {
		t.Fatal(err)
	}
	watched := make(chan struct{})
	go func() { defer close(watched); s.Watch(ctx) }()
	defer func() { cancel(); <-watched }()

	acknowledged := uint64(0)
	publish := func(js jetstream.JetStream) error {
		ctx, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		_, err := js.Publish(ctx, "s", make([]byte, 300<<10))
		if err == nil {
			acknowledged++
		}
		return err
	}
	if err := publish(inside); err != nil {
		t.Fatal(err)
	}
	makeRoom := fillDisk(t)
	eventually(t, "a full disk", func() bool { return publish(inside) != nil })
	eventually(t, "the reason", func() bool {
		err := s.Health()
		return err != nil && strings.Contains(err.Error(), "write error")
	})
	eventually(t, "a word about it", func() bool { return strings.Contains(log.String(), "waits in memory") })
	makeRoom()
	eventually(t, "health", func() bool { return s.Health() == nil })
	eventually(t, "a write in this process", func() bool { return publish(inside) == nil })
	eventually(t, "a write from outside", func() bool { return publish(outside) == nil })
	eventually(t, "a word about the recovery", func() bool { return strings.Contains(log.String(), "is written again") })
	stream, err := inside.Stream(ctx, "S")
	if err != nil {
		t.Fatal(err)
	}
	if n := stream.CachedInfo().State.Msgs; n < acknowledged {
		t.Errorf("the log holds %d messages, %d were acknowledged", n, acknowledged)
	}
}
