package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"cc-metric-store/config"
	"cc-metric-store/ingest"
	"cc-metric-store/rest"
	"cc-metric-store/store"
)

// app is the program: its parts, connected.
type app struct {
	cfg              *config.Config
	store            *store.Store
	checkpoints      *store.Checkpoints // nil until openCheckpoints
	checkpointConfig store.CheckpointConfig
	archiveConfig    store.ArchiveConfig // without a directory there is no archive
	embedded         *embeddedServer
	ingest           *ingest.Ingest
	log              watchedLog // ingest, with conditions of the program
	restored         store.Restored
	rest             *rest.Server
	gc               *gcPacer
	imports          *foreignImport // nil: there is nothing to import
	logger           *slog.Logger
}

// assemble makes all parts and connects them. It starts nothing.
func assemble(cfg *config.Config, o options, logger *slog.Logger) (*app, error) {
	a := &app{cfg: cfg, logger: logger, checkpointConfig: checkpointConfig(cfg, logger), archiveConfig: archiveConfig(cfg, logger)}
	var err error
	if a.store, err = store.New(storeConfig(cfg, logger)); err != nil {
		return nil, err
	}
	if a.embedded, err = newEmbeddedServer(cfg, logger); err != nil {
		return nil, err
	}
	if a.ingest, err = ingest.New(ingestConfig(cfg, a.embedded, logger), a.store); err != nil {
		return nil, err
	}
	a.log = watchedLog{a.ingest, a.embedded, make(chan struct{})}
	a.embedded.hold, a.embedded.keep, a.embedded.covered = a.hold, a.keep, a.covered
	c := restConfig(cfg, o, logger)
	registry, observe := newRegistry(a)
	if a.embedded.clustered {
		registry.MustRegister(newClusterCollector(a, cfg.NATS.Stream.Name))
	}
	c.Metrics, c.Observe = metricsHandler(registry, logger), observe
	c.Degraded = a.degraded
	if cfg.Main.Page {
		c.Page = newPage(a, cfg)
	}
	if a.rest, err = rest.New(c, a.store, a.log); err != nil {
		return nil, err
	}
	return a, nil
}

// stage is a part that runs until its context ends. If it ends before, all others are stopped.
type stage struct {
	name string
	run  func(context.Context) error
}

// run runs the parts until ctx ends or one of them ends, then stops them in the order
// of the list. Those who write are first, such as REST, so that all who write or ask get
// their answer. Then nothing more is read from the log. Then what looks after the store
// ends, and the last checkpoint is written. The intake and the embedded server are last,
// so that publishers find them until the end.
func (a *app) run(ctx context.Context, writers ...stage) error {
	defer a.embedded.stop()
	stages := append(writers, []stage{
		{"ingest", a.followLog},
		{"checkpoints", a.afterLoading(func(ctx context.Context) error { return a.checkpoints.Run(ctx, a.ingest) })},
		{"retention", a.afterLoading(a.store.Run)},
		{"memory", func(ctx context.Context) error { return a.gc.run(ctx, a.logRead, a.ingest.Shrink) }},
		{"status", a.reportStatus},
		{"last checkpoint", a.finish},
		{"intake", a.ingest.RunIntake},
		{"embedded server", a.embedded.watch},
	}...)
	type ended struct {
		stage int
		err   error
	}
	done := make(chan ended, len(stages))
	var stop []context.CancelFunc
	for i, s := range stages {
		// Not ctx itself: a stage is stopped when its turn has come.
		stageCtx, cancel := context.WithCancel(context.WithoutCancel(ctx))
		defer cancel()
		stop = append(stop, cancel)
		go func() { done <- ended{i, s.run(stageCtx)} }()
	}
	var faults []error
	running := make([]bool, len(stages))
	for i := range running {
		running[i] = true
	}
	record := func(e ended) {
		running[e.stage] = false
		if e.err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", stages[e.stage].name, e.err))
		}
	}
	select {
	case <-ctx.Done():
		a.logger.Info("stopping")
	case e := <-done:
		record(e)
	}
	for i := range stages {
		stop[i]()
		for running[i] {
			record(<-done)
		}
	}
	return errors.Join(faults...)
}

// logRead returns how many bytes of the log were read since the start, and whether the
// store is behind the log.
func (a *app) logRead() (bytes int64, behind bool) {
	s := a.ingest.Stats()
	return s.Bytes, s.LagEntries > 0
}
