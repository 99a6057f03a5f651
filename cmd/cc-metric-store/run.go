package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"strings"

	"github.com/coreos/go-systemd/v22/daemon"
	"github.com/google/gops/agent"

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
		return store.DumpFile(stdout, absolute(o.dump))
	}
	if o.genKeyPair {
		return printKeyPair(stdout)
	}
	if o.genToken != "" {
		return printToken(stdout, stderr, o.genToken)
	}
	log, err := newLogger(stderr, o)
	if err != nil {
		return err
	}
	cfg, builtIn, err := loadConfig(o, log)
	if err != nil {
		return err
	}
	if o.print {
		return printConfig(stdout, stderr, cfg)
	}
	a, err := assemble(cfg, o, log)
	if o.check {
		if err := errors.Join(err, checkSystem(cfg, log)); err != nil {
			return inFile(o, err)
		}
		fmt.Fprintf(stdout, "configuration %s: no faults found\n", absolute(o.config))
		return nil
	}
	if err != nil {
		return err
	}
	a.gc = newGCPacer(cfg.MetricStore.MemoryCap)
	if err := a.rest.Listen(); err != nil {
		return fmt.Errorf("%w (main.addr or the flag -addr sets the address)", err)
	}
	log.Info("REST is listening", "url", a.rest.URL())
	if err := dropPrivileges(cfg.Main.User, cfg.Main.Group); err != nil {
		return err
	}
	if o.gops || cfg.Main.Gops {
		if err := agent.Listen(agent.Options{}); err != nil {
			return fmt.Errorf("start the gops agent (main.debug.gops, -gops): %w", err)
		}
		defer agent.Close()
	}
	if err := a.openCheckpoints(); err != nil {
		return err
	}
	defer a.checkpoints.Close()
	printBanner(stdout, cfg, o, builtIn, a.rest.URL())
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
	overrides := config.Overrides{Addr: o.addr, NATSAddr: o.natsAddr}
	cfg, warnings, err := overrides.Load(o.config)
	if errors.Is(err, fs.ErrNotExist) && !o.configGiven && !o.check {
		cfg, err = overrides.Default()
		return cfg, true, err
	}
	var unknown []error
	for _, w := range warnings {
		if o.check && w.UnknownKey {
			unknown = append(unknown, fmt.Errorf("%s: %s", w.Path, w.Text))
			continue
		}
		warnOf(w, log)
	}
	if cfg != nil && cfg.NATS.Address != "" && o.natsAddr != "" {
		log.Warn("the embedded server listens only while the log is in it: the log is to be on the broker that nats.address names", "flag", "-nats-addr")
	}
	if len(unknown) > 0 {
		unknown = []error{inFile(o, errors.Join(unknown...))}
	}
	return cfg, false, errors.Join(append([]error{err}, unknown...)...)
}

// warnOf logs a warning. Of the file as a whole no key is named.
func warnOf(w config.Warning, log *slog.Logger) {
	if w.Path == "" {
		log.Warn("configuration: " + w.Text)
		return
	}
	log.Warn("configuration: "+w.Text, "key", w.Path)
}

// inFile says of which file the faults are that err lists, one a line.
func inFile(o options, err error) error {
	list := err.Error()
	if strings.Contains(list, "\n") {
		list = strings.ReplaceAll("\n"+list, "\n", "\n  ")
	}
	return fmt.Errorf("check configuration %s: %s", absolute(o.config), list)
}

// printConfig prints the configuration in force.
func printConfig(stdout, stderr io.Writer, cfg *config.Config) error {
	text, err := cfg.JSON()
	if err != nil {
		return err
	}
	if bytes.Contains(text, []byte(config.Hidden)) {
		fmt.Fprintf(stderr, "cc-metric-store: %s stands for secrets: put them in before this is used as a configuration\n", config.Hidden)
	}
	_, err = stdout.Write(text)
	return err
}

// app is the assembled program.
type app struct {
	store       *store.Store
	checkpoints *store.Checkpoints // nil until openCheckpoints
	config      store.CheckpointConfig
	embedded    *embeddedServer
	ingest      *ingest.Ingest
	log         watchedLog // ingest, with conditions of the program
	rest        *rest.Server
	gc          *gcPacer
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
	if a.ingest, err = ingest.New(ingestConfig(cfg, a.embedded, log), a.store); err != nil {
		return nil, err
	}
	a.log = watchedLog{a.ingest, a.embedded, make(chan struct{})}
	a.embedded.hold, a.embedded.keep = a.hold, a.keep
	c := restConfig(cfg, o, log)
	registry, observe := newRegistry(a)
	c.Metrics, c.Observe = metricsHandler(registry, log), observe
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
		{"checkpoints", a.afterLoading(func(ctx context.Context) error { return a.checkpoints.Run(ctx, a.ingest) })},
		{"retention", a.afterLoading(a.store.Run)},
		{"memory", func(ctx context.Context) error { return a.gc.run(ctx, a.logRead, a.ingest.Shrink) }},
		{"status", a.reportStatus},
		{"last checkpoint", a.finish},
		{"intake", a.ingest.RunIntake},
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

// logRead returns how many bytes of the log were read since the start, and whether the
// store is behind the log.
func (a *app) logRead() (bytes int64, behind bool) {
	s := a.ingest.Stats()
	return s.Bytes, s.LagEntries > 0
}
