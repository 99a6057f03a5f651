package embedded

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"cc-metric-store/test/testkit"
)

// TestRemovedInOrderIsNotMissed removes entries and whole streams through the server,
// while it is looked for their files again and again.
func TestRemovedInOrderIsNotMissed(t *testing.T) {
	var log testkit.LogBuffer
	s := start(t, Config{Directory: t.TempDir(), Streams: streamS, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(log.String())
		}
	})
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		// Not Watch itself: it checks the health, too, which is bad while a stream is created.
		w := watcher{s: s}
		for looks := time.NewTicker(time.Millisecond); ctx.Err() == nil; <-looks.C {
			w.look(ctx)
		}
	}()
	defer func() { cancel(); <-watched }()
	js := connect(t, "", nats.InProcessServer(s))
	for range 3 {
		var stream jetstream.Stream
		// The server may still be removing the directory of all streams, which was empty.
		eventually(t, "the stream is created", func() (ok bool) {
			var err error
			stream, err = js.CreateStream(ctx, jetstream.StreamConfig{Name: "S", Subjects: []string{"s"}, MaxBytes: 127000})
			return err == nil
		})
		for i := range 400 {
			ack, err := js.Publish(ctx, "s", message(i))
			if err != nil {
				t.Fatal(err)
			}
			switch {
			case i%150 == 149:
				err = stream.Purge(ctx)
			case i%40 == 39:
				err = stream.Purge(ctx, jetstream.WithPurgeSequence(ack.Sequence-5))
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if err := js.DeleteStream(ctx, "S"); err != nil {
			t.Fatal(err)
		}
		// The server is still removing the files; those of a stream that is made anew
		// before would go with them.
		eventually(t, "the files are gone", func() bool {
			_, err := os.Stat(streamPath(s.cfg.Directory))
			return errors.Is(err, fs.ErrNotExist)
		})
	}
	if text := log.String(); strings.Contains(text, "gone") || strings.Contains(text, "level=ERROR") {
		t.Errorf("the log says:\n%s", text)
	}
}

// TestRemovedFilesAreMissed takes files of a running server away.
func TestRemovedFilesAreMissed(t *testing.T) {
	for _, name := range []string{"", "msgs", "meta.inf", "meta.sum", "msgs/1.blk", "msgs/2.blk", "msgs/4.blk"} {
		t.Run(name, func(t *testing.T) {
			site := makeSite(t)
			s, _ := startLogged(t, site.stopped)
			if err := s.missing(); err != nil {
				t.Fatal(err)
			}
			if err := os.RemoveAll(streamPath(site.stopped, name)); err != nil {
				t.Fatal(err)
			}
			if err := s.missing(); err == nil || name != "" && !strings.Contains(err.Error(), "S") {
				t.Errorf("missing: %v", err)
			}
		})
	}
	t.Run("lock", func(t *testing.T) {
		site := makeSite(t)
		s, _ := startLogged(t, site.stopped)
		if err := os.Rename(site.stopped, site.stopped+".old"); err != nil {
			t.Fatal(err)
		}
		if err := s.missing(); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("missing: %v", err)
		}
		if err := os.Rename(site.stopped+".old", site.stopped); err != nil {
			t.Fatal(err)
		}
		if err := s.missing(); err != nil {
			t.Errorf("it is there again: %v", err)
		}
	})
}
