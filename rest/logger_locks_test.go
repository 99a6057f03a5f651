package rest

import (
	"context"
	"log/slog"
	"net"
	"sync"
	"testing"
	"time"
)

// lockWatcher is a slog.Handler that fails a test if the lock is held while it handles a
// record: whoever waits for the lock would wait for the logger, which may stand still.
type lockWatcher struct {
	t       *testing.T
	mu      *sync.Mutex
	records int
}

func (w *lockWatcher) Enabled(context.Context, slog.Level) bool { return true }

func (w *lockWatcher) Handle(_ context.Context, r slog.Record) error {
	w.records++
	if !w.mu.TryLock() {
		w.t.Errorf("the lock is held while %q is logged", r.Message)
		return nil
	}
	w.mu.Unlock()
	return nil
}

func (w *lockWatcher) WithAttrs([]slog.Attr) slog.Handler { return w }
func (w *lockWatcher) WithGroup(string) slog.Handler      { return w }

func TestNoLockIsHeldWhileSomethingIsLogged(t *testing.T) {
	conns := newConnections(1, nil)
	w := &lockWatcher{t: t, mu: &conns.mu}
	conns.logger = slog.New(w)
	open := func(moved time.Time) bool {
		server, client := net.Pipe()
		t.Cleanup(func() { _, _ = server.Close(), client.Close() })
		c := &connection{Conn: server, of: conns}
		c.moved.Store(moved.UnixNano())
		return conns.add(c)
	}
	open(time.Time{})
	if !open(time.Now().Add(time.Hour)) || w.records != 1 {
		t.Errorf("no connection was closed for another one: %d warnings", w.records)
	}
	conns.warned = time.Time{}
	if open(time.Now()) || w.records != 2 {
		t.Errorf("none was refused: %d warnings", w.records)
	}

	l := &serverLogger{}
	w = &lockWatcher{t: t, mu: &l.mu}
	l.logger = slog.New(w)
	for _, line := range []string{"http: TLS handshake error from x: EOF\n", "http: a\n", "http: b\n"} {
		if n, err := l.Write([]byte(line)); n != len(line) || err != nil {
			t.Errorf("%d, %v", n, err)
		}
	}
	if w.records != 2 || l.suppressed != 1 {
		t.Errorf("%d lines are logged and %d suppressed", w.records, l.suppressed)
	}
}
