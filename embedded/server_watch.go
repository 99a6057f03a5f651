package embedded

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

const (
	// A fault is logged at once, and then again in this interval.
	repeatLog = time.Minute
	// A fault is believed after so many checks: one may fail while a stream is created or
	// deleted.
	checksToBelieve = 3
	// After a restart that did not help, so many checks pass before the next one, and then twice
	// as many each time, up to mostBetweenRestarts: a restart interrupts the publishers.
	checksBetweenRestarts = 10
	mostBetweenRestarts   = 640
	// Files are looked for more often than the health is checked. They count as gone after so
	// many looks.
	looksPerCheck  = 5
	looksToBelieve = 2
	mostAsked      = 20 // attempts for one answer
)

// Health returns nil if our streams can be read and written, otherwise why not.
func (s *Server) Health() error {
	s.mu.Lock()
	ns, gone := s.ns, s.gone
	s.mu.Unlock()
	if ns == nil {
		return errDown
	}
	if gone != nil {
		return gone
	}
	return s.health(ns, false)
}

// health checks the server and our streams, with minor also those that are Minor. A stream that
// is not there is no fault: it is created when it is needed.
func (s *Server) health(ns *server.Server, minor bool) error {
	if err := ask(ns, &server.HealthzOptions{JSEnabledOnly: true}); err != nil {
		return err
	}
	for _, stream := range s.streams {
		if stream.Minor && !minor {
			continue
		}
		err := ask(ns, &server.HealthzOptions{Account: server.DEFAULT_GLOBAL_ACCOUNT, Stream: stream.Name})
		if err != nil && (s.cfg.Cluster == nil || isWriteError(err)) {
			return err
		}
	}
	return nil
}

// ask asks for the health of the server, or of a stream that need not exist.
func ask(ns *server.Server, what *server.HealthzOptions) error {
	for attempt := 0; ; attempt++ {
		switch h := ns.Healthz(what); {
		case h.Status == "ok" || h.StatusCode == http.StatusNotFound:
			return nil
		case h.StatusCode == http.StatusInternalServerError && attempt < mostAsked:
			// nats-server allows a millisecond for the answer, which a busy machine may miss.
		default:
			return errors.New(h.Error)
		}
	}
}

// Watch checks a started server until ctx ends. After the first disk error, nats-server never
// writes to the stream again, even if the disk was full only for a moment. So Watch restarts the
// server as soon as the directory can be written again; clients find it at the same address. It
// also restarts the server when its files are gone.
func (s *Server) Watch(ctx context.Context) {
	w := watcher{s: s}
	looks := time.NewTicker(max(s.cfg.checkInterval/looksPerCheck, 1))
	defer looks.Stop()
	for n := 1; ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-looks.C:
		}
		if w.look(ctx) && n%looksPerCheck == 0 {
			w.check(ctx)
		}
	}
}

// watcher is the state of Watch.
type watcher struct {
	s      *Server
	logged time.Time
	// How many looks in a row found files missing, and how many checks in a row failed.
	lost, failures int
	pause, next    int // checks until the next restart, and from that one to the one after it
}

// logError logs a fault, at most once in repeatLog.
func (w *watcher) logError(ctx context.Context, message string, err error) {
	if ctx.Err() == nil && time.Since(w.logged) >= repeatLog {
		w.logged = time.Now()
		w.s.cfg.Logger.Error(message, "directory", w.s.cfg.Directory, "error", err)
	}
}

// look looks for the files of the server, and starts it anew if they are gone or it does not
// run. It reports whether all is there.
func (w *watcher) look(ctx context.Context) bool {
	s := w.s
	gone := s.missing()
	if gone == nil && s.current() == nil {
		gone = errDown
	}
	if gone == nil {
		w.lost = 0
		s.setGone(nil)
		return true
	}
	w.lost++
	if w.lost == looksToBelieve && gone != errDown {
		s.setGone(fmt.Errorf("files of the embedded log are gone: %w", gone))
		w.logError(ctx, "the files of the embedded log are gone: what is in memory is written to a checkpoint, and the log starts anew with what is in its directory", gone)
	}
	if w.lost < looksToBelieve || (w.lost-looksToBelieve)%looksPerCheck != 0 {
		return false // it is not believed yet, or a restart was tried a moment ago
	}
	if err := s.renew(ctx); err != nil {
		w.logError(ctx, "the embedded nats-server cannot be started: it is tried again; what publishers send waits in memory, up to its bound", err)
		return false
	}
	s.cfg.Logger.Warn("the embedded log is there again", "directory", s.cfg.Directory)
	*w = watcher{s: s}
	return false
}

// check checks the health of the server, and restarts it if that can help.
func (w *watcher) check(ctx context.Context) {
	s := w.s
	ns := s.current()
	if ns == nil {
		return
	}
	err := s.health(ns, true)
	if err == nil {
		if w.failures >= checksToBelieve {
			s.cfg.Logger.Warn("the embedded log is written again", "directory", s.cfg.Directory)
		}
		w.failures, w.logged, w.pause = 0, time.Time{}, max(w.pause-1, 0)
		if w.pause == 0 {
			w.next = checksBetweenRestarts
		}
		s.updateManifest(ns)
		return
	}
	if w.failures++; w.failures < checksToBelieve {
		return
	}
	if w.pause > 0 {
		w.pause--
	} else if remedy := writable(s.cfg.Directory); remedy != nil {
		err = fmt.Errorf("%w; %w", err, remedy)
	} else {
		w.next = max(w.next, checksBetweenRestarts)
		w.pause, w.next = w.next, min(2*w.next, mostBetweenRestarts)
		if err = s.restart(ctx, err); err == nil {
			return
		}
	}
	w.logError(ctx, fmt.Sprintf("the embedded log cannot be written: what publishers send waits in memory, up to %d MiB, and beyond that is lost and counted; "+
		"writes over REST are refused; it is opened again by itself when its directory takes data", s.cfg.MaxBuffered>>20), err)
}

// setGone sets what Health returns while files are gone.
func (s *Server) setGone(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gone = err
}

// restart stops the server and starts it again in the same directory.
func (s *Server) restart(ctx context.Context, cause error) error {
	s.cfg.Logger.Warn("starting the embedded nats-server anew, as its directory takes data again", "directory", s.cfg.Directory, "was", cause)
	s.halt()
	if err := s.launch(ctx); err != nil {
		return fmt.Errorf("start embedded nats-server again in %s: %w", s.cfg.Directory, err)
	}
	return nil
}

// renew starts a server on what is in the directory now, which it makes if need be and locks.
func (s *Server) renew(ctx context.Context) error {
	if s.cfg.Hold != nil && s.current() != nil {
		defer s.cfg.Hold(ctx)()
	}
	s.halt()
	s.unlock()
	if err := s.lockDir(); err != nil {
		return err
	}
	if s.cfg.Keep != nil {
		s.cfg.Keep(ctx)
	}
	return s.launch(ctx)
}
