package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"

	"github.com/coreos/go-systemd/v22/daemon"
	"github.com/google/gops/agent"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"cc-metric-store/config"
	"cc-metric-store/ingest"
	"cc-metric-store/rest"
	"cc-metric-store/store"
)

// run is the program: it returns when ctx ends and everything has stopped in
// order, or with the error that keeps it from running.
func run(ctx context.Context, o options, stdout, stderr io.Writer) error {
	if o.version {
		printVersion(stdout)
		return nil
	}
	if o.dump != "" {
		return store.DumpFile(stdout, o.dump)
	}
	log, err := newLogger(stderr, o)
	if err != nil {
		return err
	}
	cfg, builtIn, err := loadConfig(o, log)
	if err != nil {
		return err
	}
	if o.check {
		fmt.Fprintf(stdout, "configuration %s: no faults found\n", o.config)
		return nil
	}
	a, err := assemble(cfg, o, log)
	if err != nil {
		return err
	}
	a.collector = newCollector(cfg.MetricStore.MemoryCap)
	if err := a.rest.Listen(); err != nil {
		return err
	}
	log.Info("REST is listening", "url", a.rest.URL())
	if err := dropPrivileges(cfg.Main.User, cfg.Main.Group); err != nil {
		return err
	}
	if o.gops || cfg.Main.Gops {
		if err := agent.Listen(agent.Options{}); err != nil {
			return fmt.Errorf("start the gops agent: %w", err)
		}
		defer agent.Close()
	}
	if err := a.openCheckpoints(); err != nil {
		return err
	}
	defer a.checkpoints.Close()
	if builtIn {
		printWelcome(stdout, cfg, a.rest.URL())
	}
	// An error means that the one who asked to be notified is gone.
	_, _ = daemon.SdNotify(false, daemon.SdNotifyReady)
	announced := make(chan struct{})
	context.AfterFunc(ctx, func() {
		_, _ = daemon.SdNotify(false, daemon.SdNotifyStopping)
		close(announced)
	})
	err = a.run(ctx)
	if ctx.Err() != nil {
		<-announced
	}
	return err
}

// loadConfig reads the configuration. builtIn says that there is none and the
// defaults apply.
func loadConfig(o options, log *slog.Logger) (cfg *config.Config, builtIn bool, err error) {
	cfg, warnings, err := config.Load(o.config)
	if errors.Is(err, fs.ErrNotExist) && !o.configGiven && !o.check {
		return config.Default(), true, nil
	}
	var unknown []error
	for _, w := range warnings {
		if o.check && w.UnknownKey {
			unknown = append(unknown, fmt.Errorf("%s: %s", w.Path, w.Text))
			continue
		}
		log.Warn("configuration: "+w.Text, "key", w.Path)
	}
	return cfg, false, errors.Join(append([]error{err}, unknown...)...)
}

func printWelcome(w io.Writer, cfg *config.Config, url string) {
	fmt.Fprintf(w, `cc-metric-store %s: there is no %s, so the built-in defaults apply:
  REST at %s, without authentication; try %s/api/healthcheck?cluster=alex&node=a0603
  NATS at nats://%s, subject %s; send something with cc-metric-generator
  %d metrics at 60 s, kept for %v; the log is in %s, checkpoints are in %s
`, version, defaultConfig, url, url, cfg.NATS.Embedded.Addr, cfg.MetricStore.Subscriptions[0].Subject,
		len(cfg.Metrics), cfg.MetricStore.Retention, cfg.NATS.Embedded.Directory, cfg.MetricStore.CheckpointDirectory)
}

// app is the assembled program.
type app struct {
	store       *store.Store
	checkpoints *store.Checkpoints // nil until openCheckpoints
	config      store.CheckpointConfig
	embedded    *embeddedServer
	log         watchedLog
	rest        *rest.Server
	collector   *collector
	logger      *slog.Logger
}

// assemble makes all parts and introduces them to each other. It starts
// nothing.
func assemble(cfg *config.Config, o options, log *slog.Logger) (*app, error) {
	a := &app{logger: log, config: checkpointConfig(cfg, log)}
	var err error
	if a.store, err = store.New(storeConfig(cfg, log)); err != nil {
		return nil, err
	}
	if a.embedded, err = newEmbeddedServer(cfg, log); err != nil {
		return nil, err
	}
	in, err := ingest.New(ingestConfig(cfg, a.embedded, log), a.store)
	if err != nil {
		return nil, err
	}
	a.log = watchedLog{in, a.embedded, make(chan struct{})}
	a.embedded.hold, a.embedded.keep = a.hold, a.keep
	c := restConfig(cfg, o, log)
	registry, observe := newRegistry(a)
	c.Metrics, c.Observe = promhttp.HandlerFor(registry, promhttp.HandlerOpts{}), observe
	c.Trouble = a.trouble
	if a.rest, err = rest.New(c, a.store, a.log); err != nil {
		return nil, err
	}
	return a, nil
}

// run runs the parts until ctx ends or one of them fails. They stop in order:
// REST first, so that all who write or ask get their answer, then the way from
// the log, then what looks after the store, of which the last checkpoint is
// written, then the way into the log, then the log.
func (a *app) run(ctx context.Context) error {
	defer a.embedded.stop()
	stages := []struct {
		name string
		run  func(context.Context) error
	}{
		{"REST", a.rest.Run},
		{"ingest", a.followLog},
		{"checkpoints", a.afterLoading(func(ctx context.Context) error { return a.checkpoints.Run(ctx, a.log) })},
		{"retention", a.afterLoading(a.store.Run)},
		{"memory", func(ctx context.Context) error { return a.collector.follow(ctx, a) }},
		{"status", a.reportStatus},
		{"last checkpoint", a.finish},
		{"intake", a.log.RunIntake},
		{"embedded server", a.embedded.watch},
	}
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
	note := func(e ended) {
		running[e.stage] = false
		if e.err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", stages[e.stage].name, e.err))
		}
	}
	select {
	case <-ctx.Done():
		a.logger.Info("stopping")
	case e := <-done:
		note(e)
	}
	for i := range stages {
		stop[i]()
		for running[i] {
			note(<-done)
		}
	}
	return errors.Join(faults...)
}
