package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/coreos/go-systemd/v22/daemon"
	"github.com/google/gops/agent"

	"cc-metric-store/config"
	"cc-metric-store/store"
)

// run does what the command line asks for. If that is to serve, it returns as serve does.
func run(ctx context.Context, o options, stdout, stderr io.Writer) error {
	if o.version {
		printVersion(stdout)
		return nil
	}
	if o.dump != "" {
		return store.DumpFile(stdout, absolute(o.dump))
	}
	if o.list != "" {
		return list(ctx, stdout, absolute(o.list))
	}
	if o.export.source != "" {
		return exportSamples(ctx, o.export, stdout, stderr)
	}
	if o.ready != "" {
		return printReady(ctx, stdout, o.ready, o.all)
	}
	if o.genKeyPair {
		return printKeyPair(stdout)
	}
	if o.genToken != "" {
		return printToken(stdout, stderr, o.genToken)
	}
	logger, err := newLogger(stderr, o)
	if err != nil {
		return err
	}
	cfg, builtIn, err := loadConfig(o, logger)
	if err != nil {
		return err
	}
	if o.print {
		return printConfig(stdout, stderr, cfg)
	}
	if o.importFrom != "" && !o.check {
		return importFiles(ctx, cfg, o, logger, stdout, stderr)
	}
	if o.cleanUp && !o.check {
		return cleanUp(ctx, cfg, o, logger, stdout)
	}
	a, err := assemble(cfg, o, logger)
	if o.check {
		if err := errors.Join(err, checkSystem(cfg, logger)); err != nil {
			return faultsOfFile(o, err)
		}
		fmt.Fprintf(stdout, "configuration %s: no faults found\n", absolute(o.config))
		return nil
	}
	if err != nil {
		return err
	}
	return serve(ctx, a, cfg, o, builtIn, stdout)
}

// serve runs the program. It returns when ctx has ended and everything has stopped in order,
// or with the error that keeps the program from running.
func serve(ctx context.Context, a *app, cfg *config.Config, o options, builtIn bool, stdout io.Writer) error {
	a.gc = newGCPacer(cfg.MetricStore.MemoryCap)
	if err := a.rest.Listen(); err != nil {
		return fmt.Errorf("%w (main.addr or the flag -addr sets the address)", err)
	}
	a.logger.Info("REST is listening", "url", a.rest.URL())
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
	if err := a.openArchive(); err != nil {
		return err
	}
	a.lookForForeign("while this program runs")
	printBanner(stdout, cfg, o, builtIn, a.rest.URL())
	notify(daemon.SdNotifyReady)
	announced := make(chan struct{})
	context.AfterFunc(ctx, func() {
		notify(daemon.SdNotifyStopping)
		close(announced)
	})
	err := errors.Join(a.run(ctx, stage{"REST", a.rest.Run}, stage{"import", a.importForeign}), a.store.CloseArchive())
	if ctx.Err() != nil {
		<-announced
	}
	return err
}
