package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"cc-metric-store/ingest"
	"cc-metric-store/store"
)

// watchedLog is the log as REST, /metrics and the service manager see it: it
// implements rest.Log. Its conditions are those of ingest and two more. Before the
// checkpoint is loaded nothing is in the store. A server that nobody has tried to
// write to may be unable to keep anything all the same.
type watchedLog struct {
	ingest   *ingest.Ingest
	embedded *embeddedServer
	loaded   chan struct{} // closed when the checkpoint is
}

// Write appends lines, see rest.Log.
func (l watchedLog) Write(ctx context.Context, cluster string, body io.Reader) error {
	return l.ingest.Write(ctx, cluster, body)
}

// Free appends a free request, see rest.Log.
func (l watchedLog) Free(ctx context.Context, selectors [][]string, before int64) (int, error) {
	return l.ingest.Free(ctx, selectors, before)
}

// UnknownMetrics lists metrics that are not configured, see rest.Log.
func (l watchedLog) UnknownMetrics() []store.UnknownMetric { return l.ingest.UnknownMetrics() }

// Ready returns nil when the store shows all that the log held at the start. Otherwise
// the error says what is missing, and what a start of the embedded log is doing.
func (l watchedLog) Ready() error {
	if err := l.errLoading(); err != nil {
		return err
	}
	err := l.ingest.Ready()
	if phase := l.embedded.server.Phase(); err != nil && phase != "" {
		return fmt.Errorf("%w; the embedded log is %s", err, phase)
	}
	return err
}

// Consistent returns nil if what the store holds contradicts no earlier answer.
func (l watchedLog) Consistent() error {
	if err := l.errLoading(); err != nil {
		return err
	}
	return l.ingest.Consistent()
}

// Answerable returns nil if queries are to be answered, see rest.Log.
func (l watchedLog) Answerable() error {
	if err := l.errLoading(); err != nil {
		return err
	}
	return l.ingest.Answerable()
}

// CompleteUntil returns the time up to which answers are complete, see rest.Log.
func (l watchedLog) CompleteUntil() time.Time { return l.ingest.CompleteUntil() }

// Writable returns nil if the log takes entries, otherwise why not. The embedded
// server's own health goes first: it names the directory.
func (l watchedLog) Writable() error {
	if err := l.embedded.health(); err != nil {
		return err
	}
	return l.ingest.Writable()
}

// Serving returns nil if requests may be sent to this node, see rest.Log.
func (l watchedLog) Serving() error {
	if l.embedded.clustered {
		if err := l.Ready(); err != nil {
			return err
		}
		// That its own disk takes nothing is no reason while the other nodes keep the log.
		return l.ingest.Serving()
	}
	return errors.Join(l.Ready(), l.Writable())
}

// Settled returns nil if another node may be stopped, see rest.Log.
func (l watchedLog) Settled() error {
	if err := l.Serving(); err != nil || !l.embedded.clustered {
		return err
	}
	return errors.Join(l.embedded.health(), l.ingest.Settled(), l.embedded.metaHealth())
}

// Position returns how far the store is, see rest.Log.
func (l watchedLog) Position() (store.LogPosition, bool) { return l.ingest.Position() }

// AwaitPosition waits for the store, see rest.Log.
func (l watchedLog) AwaitPosition(ctx context.Context, p store.LogPosition) error {
	return l.ingest.AwaitPosition(ctx, p)
}

// errLoading returns an error until the checkpoint is loaded.
func (l watchedLog) errLoading() error {
	select {
	case <-l.loaded:
		return nil
	default:
		return errors.New("loading the newest checkpoint")
	}
}
