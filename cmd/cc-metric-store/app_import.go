package main

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"cc-metric-store/config"
)

const (
	// importMargin is how far the clock of a sender may be ahead of ours.
	importMargin = time.Minute
	// importRetry is the time after which an import that failed is taken up again.
	importRetry = 10 * time.Second
	// maxLoggedLines bounds each list of the report in the log.
	maxLoggedLines = 10
)

// foreignImport imports the files that the original left in the directory of the checkpoints,
// while the program runs. Samples of after the first start are not imported: the original may
// go on beside this program, which has then got them itself, more exactly.
type foreignImport struct {
	cfg    *config.Config
	dir    string
	state  *importState // nil: it could not be written yet
	logger *slog.Logger

	current atomic.Pointer[importer] // nil: none is on its way
}

// lookForForeign looks for files of the original in the directory of the checkpoints, if this is
// the first start there, or if a start before this one began to import them. when says when they
// are imported.
func (a *app) lookForForeign(when string) {
	dir := a.checkpointConfig.Directory
	state, err := readImportState(dir)
	if err != nil {
		a.logger.Error("it cannot be told which files of ClusterCockpit's metric store were imported: they are not imported; -import does it", "directory", dir, "error", err)
		return
	}
	if state != nil {
		if !state.complete {
			a.imports = &foreignImport{cfg: a.cfg, dir: dir, state: state, logger: a.logger}
		}
		return
	}
	found := a.checkpoints.Foreign()
	if found.Hosts == 0 {
		return
	}
	hosts := fmt.Sprint(found.Hosts)
	if !found.Complete {
		hosts += " or more"
	}
	a.logger.Warn("the directory of the checkpoints has files of ClusterCockpit's metric store: they are imported "+when+", and are left as they are. Until that is done the answers lack a part of them",
		"key", "metric-store.checkpoints.directory", "directory", dir, "hosts", hosts, "example", found.Example)
	a.imports = &foreignImport{cfg: a.cfg, dir: dir, logger: a.logger}
	if a.imports.state, err = beginImportState(dir); err != nil {
		a.logger.Error("it cannot be recorded that files are imported: a start before that is possible does not import them", "error", err)
	}
}

// importForeign imports what lookForForeign found, and waits for the end of ctx.
func (a *app) importForeign(ctx context.Context) error {
	if a.imports != nil && ofNode(a.logger).until(ctx, theNode, func(context.Context) error { return a.log.Ready() }) == nil {
		target := persistent{intoLog(a.ingest), ofNode(a.logger)}
		for {
			err := a.imports.run(ctx, target)
			if err == nil || ctx.Err() != nil {
				break
			}
			a.logger.Error("the files of ClusterCockpit's metric store are not imported; it is tried again", "directory", a.imports.dir, "error", err)
			select {
			case <-time.After(importRetry):
			case <-ctx.Done():
			}
		}
	}
	<-ctx.Done()
	return nil
}

// run imports what is not imported yet, and logs the report.
func (f *foreignImport) run(ctx context.Context, target importTarget) (err error) {
	if f.state == nil {
		if f.state, err = beginImportState(f.dir); err != nil {
			return err
		}
	}
	i, err := newImporter(ctx, f.dir, f.cfg, f.state.started.Add(importMargin).Unix())
	if err != nil {
		return err
	}
	i.target, i.state = target, f.state
	f.current.Store(i)
	defer f.current.Store(nil)
	if err := i.run(ctx); err != nil {
		return err
	}
	for _, line := range i.report(maxLoggedLines) {
		f.logger.Warn("import: " + line)
	}
	if err := i.unopened(); err != nil {
		f.logger.Error("not all files of ClusterCockpit's metric store are imported: the next start tries again", "directory", f.dir, "error", err)
		return nil
	}
	return f.end()
}

// end records that everything is imported.
func (f *foreignImport) end() error { return f.state.end() }

// degraded says that an import is on its way, nil if none is.
func (f *foreignImport) degraded() error {
	if f == nil {
		return nil
	}
	if i := f.current.Load(); i != nil {
		return fmt.Errorf("%s", i.progress())
	}
	return nil
}
