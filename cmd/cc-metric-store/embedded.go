package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"cc-metric-store/config"
	"cc-metric-store/embedded"
	"cc-metric-store/ingest"
)

// embeddedServer starts the embedded nats-server when it is first needed. Its methods
// but start and stop are safe for concurrent use.
type embeddedServer struct {
	server  *embedded.Server
	logger  *slog.Logger
	dir     string
	started chan struct{} // closed when the server is started
	// clustered says that it keeps the log together with others.
	clustered bool
	// hold and keep are called when the files of the log are gone, see
	// embedded.Config. They are set before the server is started.
	hold func(ctx context.Context) (release func())
	keep func(ctx context.Context)
	// covered is embedded.Config.Covered, set in the same way.
	covered func(stream string, created time.Time, last uint64) bool
}

func newEmbeddedServer(cfg *config.Config, logger *slog.Logger) (*embeddedServer, error) {
	e := cfg.NATS.Embedded
	s := &embeddedServer{logger: logger, dir: absolute(e.Directory), started: make(chan struct{}), clustered: e.Cluster.Exists()}
	c := embedded.Config{
		Directory:  absolute(e.Directory),
		Addr:       e.Addr,
		Username:   e.Username,
		Password:   e.Password,
		MaxPayload: e.MaxPayload,
		MaxStore:   e.MaxStore,
		Logger:     logger,
		Hold:       func(ctx context.Context) func() { return s.hold(ctx) },
		Keep:       func(ctx context.Context) { s.keep(ctx) },
		Streams: func(maxStore int64) (out []embedded.Stream) {
			for _, one := range ingest.EmbeddedStreams(ingestConfig(cfg, s, logger), maxStore) {
				out = append(out, embedded.Stream(one))
			}
			return out
		},
	}
	if e.Cluster.Exists() {
		c.Cluster = &embedded.Cluster{Name: e.Cluster.Name, Node: e.Cluster.Node, Addr: e.Cluster.Addr, Routes: e.Cluster.Routes}
		for _, sub := range cfg.MetricStore.Subscriptions {
			c.Cluster.Own = append(c.Cluster.Own, sub.Subject)
		}
		c.Covered = func(stream string, created time.Time, last uint64) bool { return s.covered(stream, created, last) }
	}
	if !e.SyncAlways {
		c.SyncInterval = e.SyncInterval
	}
	server, err := embedded.New(c)
	if err != nil {
		return nil, err
	}
	s.server = server
	return s, nil
}

// start starts the server if it does not run yet. ingest calls it, one call at a time.
func (e *embeddedServer) start(ctx context.Context) (ingest.InProcess, error) {
	if !e.running() {
		if err := e.server.Start(ctx); err != nil {
			return nil, err
		}
		close(e.started)
	}
	return inProcess{e.server, e.logger}, nil
}

// inProcess is the embedded server as ingest sees it: it implements
// ingest.InProcess.
type inProcess struct {
	server *embedded.Server
	logger *slog.Logger
}

func (p inProcess) InProcessConn() (net.Conn, error) { return p.server.InProcessConn() }

// Listen lets others connect and logs where.
func (p inProcess) Listen() error {
	if err := p.server.Listen(); err != nil {
		return err
	}
	if url := p.server.URL(); url != "" {
		p.logger.Info("the embedded NATS server is listening", "url", url)
	}
	return nil
}

func (p inProcess) Disconnect() { p.server.Disconnect() }

func (p inProcess) MaxBuffered() int64 { return p.server.MaxBuffered() }

func (p inProcess) MaxStore() int64 { return p.server.MaxStore() }

// running reports whether the server was started.
func (e *embeddedServer) running() bool {
	select {
	case <-e.started:
		return true
	default:
		return false
	}
}

// watch looks after the server until ctx ends, as soon as it is started.
func (e *embeddedServer) watch(ctx context.Context) error {
	select {
	case <-e.started:
		var bounding sync.WaitGroup
		defer bounding.Wait()
		bounding.Go(func() { e.server.Bound(ctx) })
		e.server.Watch(ctx)
	case <-ctx.Done():
	}
	return nil
}

// health returns why the server cannot keep anything, nil if it can or is not
// started.
func (e *embeddedServer) health() error {
	if !e.running() {
		return nil
	}
	if err := e.server.Health(); err != nil {
		return fmt.Errorf("the embedded log in %s (nats.embedded.directory) cannot be written (are its disk and its files all right?): %w", e.dir, err)
	}
	return nil
}

// metaHealth returns why the server is not at one with the others of its cluster, nil if it is.
func (e *embeddedServer) metaHealth() error {
	if err := e.server.MetaHealth(); err != nil {
		return fmt.Errorf("the embedded server is not at one with the others: %w", err)
	}
	return nil
}

// holds returns the directory of the server and the streams in it.
func (e *embeddedServer) holds() (dir string, streams []string) { return e.dir, e.server.Streams() }

// stop stops the server if it runs. It is called when ingest and watch have ended.
func (e *embeddedServer) stop() {
	if e.running() {
		e.server.Stop()
	}
}
