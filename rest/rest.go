// Package rest is the HTTP interface of the metric store: queries, writes, free
// requests, health checks and dumps below /api, probes beside it, and a Swagger page
// for developers.
//
// It reads the store directly and changes it through the log only. Every error below
// /api is a JSON object with the members status and error. What a client may take of
// the server is bounded, see limits.go.
package rest

import (
	"context"
	"io"
	"time"

	"cc-metric-store/rest/promapi"
	"cc-metric-store/store"
)

// Store answers the requests that read. All methods are safe for concurrent use. They
// are documented at store.Store, which implements it.
type Store interface {
	QueryEach(ctx context.Context, q *store.Query, use func(*store.Series) error) error
	Cost(q *store.Query) (store.Cost, error)
	HostsIn(ctx context.Context, cluster string, from, to int64) ([]string, error)
	Health(cluster, host string, metrics []string) (store.Health, bool)
	StaleSeries(ctx context.Context, cluster, host string) (int, error)
	Export(ctx context.Context, sel *store.ExportSelection, use func(id *store.SeriesID, r *store.Run) error) error
	Dump(ctx context.Context, selector []string, use func(*store.Dumped) error) error
	promapi.Store

	// These are for the page.
	Clusters() []string
	CountHosts(cluster string) int
	Newest(cluster, host string) int64
	HostStates(ctx context.Context, cluster string) ([]store.HostState, error)
	Configured(metric string) (store.MetricConfig, bool)
}

// Log is the way to change what the store holds. All methods are safe for concurrent use.
// A store.TooLargeError says that the log takes no entry of such a size.
type Log interface {
	// Write appends the lines of body to the log and returns when queries see them.
	// cluster is the cluster of lines that name none. A store.RefusedError says that
	// some lines were refused and all others are stored. An error of body is returned
	// wrapped. A body with a method Whole() []byte is in memory, and need not be read. Nothing
	// refers to body when Write has returned.
	Write(ctx context.Context, cluster string, body io.Reader) error
	// Free frees the buffers at and below the selectors that end before the given
	// time, in Unix seconds. It returns how many, when queries do not see them any
	// more.
	Free(ctx context.Context, selectors [][]string, before int64) (int, error)
	// Ready returns nil when the store holds all that the log held when the program
	// started, otherwise an error that says what is missing.
	Ready() error
	// Answerable returns nil if queries are to be answered, otherwise an error that
	// says what is missing. They are if no answer can contradict one given before the
	// program was restarted, which may be so before the program is ready, or if the log
	// is out of reach for so long that an answer from a part of it is better than none.
	Answerable() error
	// CompleteUntil returns the time up to which the store holds all that the log took: now,
	// or, while the store is behind the log or the log is out of reach, when the log took the
	// newest entry that the store holds. It is the zero time if nothing is known.
	CompleteUntil() time.Time
	// UnknownMetrics lists the metrics that are not configured, of which lines were
	// therefore not stored: those with most lines first, and last, without a name, all
	// that are not known by name.
	UnknownMetrics() []store.UnknownMetric
	// Writable returns nil if the log takes entries, otherwise an error that
	// says why not. Queries do not depend on it.
	Writable() error
	// Serving returns nil if requests may be sent to this node, otherwise an error that says
	// why not. A node of several goes on serving for a while when the log takes no entries.
	Serving() error
	// Settled returns nil if another node may be stopped: this one is serving, the log takes
	// entries now, and all nodes have all of it. Otherwise the error says what is missing.
	Settled() error
	// Position returns a position of the log up to which the store holds all, the newest one. It
	// is not before the entries of a Write or Free that has returned. ok is false if there is
	// none that other nodes know.
	Position() (p store.LogPosition, ok bool)
	// AwaitPosition returns when the store holds the log up to p, of which Created and
	// Entry.Seq count, or with an error when ctx ends.
	AwaitPosition(ctx context.Context, p store.LogPosition) error
}
