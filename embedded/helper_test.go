package embedded

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"cc-metric-store/test/testkit"
)

// streamS is a stream with the subject s, of several small blocks.
func streamS(int64) []Stream {
	return []Stream{
		{Name: "S", Config: []byte(`{"name":"S","subjects":["s"],"retention":"limits","storage":"file","max_bytes":127000,"max_msgs":-1,"max_consumers":-1,"max_age":0,"max_msgs_per_subject":-1,"discard":"old","num_replicas":1,"compression":"none"}`)},
		{Name: "S_BAD", Config: []byte(`{"name":"S_BAD","subjects":["bad"],"retention":"limits","storage":"file","max_bytes":-1,"max_msgs":-1,"max_consumers":-1,"max_age":0,"max_msgs_per_subject":-1,"discard":"old","num_replicas":1,"compression":"none"}`), Minor: true},
	}
}

// messages is how many the stream S of a site has. They are in four or more blocks.
const messages = 110

// site is a directory as a server has left it.
type site struct {
	stopped, crashed string // in order, and in the middle of its life
}

func makeSite(t *testing.T) site {
	t.Helper()
	out := site{t.TempDir(), t.TempDir()}
	s := start(t, Config{Directory: out.stopped, Streams: streamS})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	js := connect(t, "", nats.InProcessServer(s))
	if _, err := js.CreateStream(ctx, jetstream.StreamConfig{Name: "S", Subjects: []string{"s"}, MaxBytes: 127000}); err != nil {
		t.Fatal(err)
	}
	if _, err := js.CreateStream(ctx, jetstream.StreamConfig{Name: "S_BAD", Subjects: []string{"bad"}}); err != nil {
		t.Fatal(err)
	}
	for i := range messages {
		if _, err := js.Publish(ctx, "s", message(i)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := js.Publish(ctx, "bad", []byte("letter")); err != nil {
		t.Fatal(err)
	}
	s.updateManifest(s.current())
	copyDir(t, out.stopped, out.crashed)
	js.Conn().Close()
	s.Stop()
	return out
}

func message(i int) []byte {
	return append(fmt.Appendf(nil, "message %d", i), bytes.Repeat([]byte{byte(i)}, 1000)...)
}

func copyDir(t *testing.T, from, to string) {
	t.Helper()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	// The times of files count.
	err := filepath.WalkDir(from, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(from, path)
		return os.Chtimes(filepath.Join(to, rel), time.Time{}, info.ModTime())
	})
	if err != nil {
		t.Fatal(err)
	}
}

// streamPath returns the path of a file of the stream S.
func streamPath(dir string, names ...string) string {
	return filepath.Join(append([]string{dir, "jetstream", "$G", "streams", "S"}, names...)...)
}

// startLogged starts a server whose log is kept.
func startLogged(t *testing.T, dir string) (*Server, *testkit.LogBuffer) {
	t.Helper()
	var log testkit.LogBuffer
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("log:\n%s", log.String())
		}
	})
	begun := time.Now()
	s := start(t, Config{Directory: dir, Streams: streamS, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	if took := time.Since(begun); took > testkit.Patience {
		t.Errorf("the start took %v", took)
	}
	return s, &log
}

// stored returns which messages the stream S holds, checked byte for byte.
func stored(t *testing.T, s *Server) (numbers []int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	js := connect(t, "", nats.InProcessServer(s))
	defer js.Conn().Close()
	stream, err := js.Stream(ctx, "S")
	if err != nil {
		return nil
	}
	for seq := stream.CachedInfo().State.FirstSeq; seq <= stream.CachedInfo().State.LastSeq; seq++ {
		m, err := stream.GetMsg(ctx, seq)
		if err != nil {
			continue
		}
		i := int(seq) - 1
		if !bytes.Equal(m.Data, message(i)) {
			t.Errorf("message %d is %q", i, m.Data[:min(len(m.Data), 20)])
		}
		numbers = append(numbers, i)
	}
	return numbers
}

// wantAll checks that the stream has all messages but those from first to last.
func wantAll(t *testing.T, s *Server, without ...int) {
	t.Helper()
	var want []int
	for i := range messages {
		if !slices.Contains(without, i) {
			want = append(want, i)
		}
	}
	if got := stored(t, s); !slices.Equal(got, want) {
		t.Errorf("%d messages are there: %v\nwant all but %v", len(got), got, without)
	}
}

func wantLine(t *testing.T, log *testkit.LogBuffer, words ...string) {
	t.Helper()
	for line := range strings.Lines(log.String()) {
		if !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(line, w) }) {
			return
		}
	}
	t.Errorf("no line of the log holds all of %q", words)
}
