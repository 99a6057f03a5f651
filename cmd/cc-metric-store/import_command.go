package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"cc-metric-store/config"
)

// maxReportLines bounds each list of the report that -import prints.
const maxReportLines = 200

// importFiles does what -import asks for. It returns when everything that the files hold is
// kept, and the report is printed.
func importFiles(ctx context.Context, cfg *config.Config, o options, logger *slog.Logger, stdout, stderr io.Writer) error {
	job, err := newImportJob(ctx, o.importFrom, cfg)
	if err != nil {
		return err
	}
	if job.isEmpty() {
		return errors.Join(fmt.Errorf("import %s: there are no files of ClusterCockpit's metric store in it, such as CLUSTER/HOST/1760000000.json", absolute(o.importFrom)), printLines(stdout, job.report(maxReportLines)[1:]))
	}
	node, err := nodeOf(cfg, os.Getenv(tokenVariable))
	if err != nil {
		return err
	}
	running, err := node.isRunning(ctx)
	if err != nil {
		return err
	}
	if running {
		fmt.Fprintf(stdout, "importing %s into the node at %s\n", job.what(), node.url)
		job.into(persistent{node.write, ofOperator(logger, "-import", writePatience)})
		if err = ofOperator(logger, "-import", startPatience).until(ctx, theNode, node.ready); err == nil {
			err = show(ctx, stderr, job)
		}
	} else {
		fmt.Fprintf(stdout, "importing %s: no node answers at %s, so that its log is opened here\n", job.what(), node.url)
		err = importStopped(ctx, cfg, o, logger, job, stderr)
	}
	if err != nil {
		return fmt.Errorf("import %s: %w; %d samples are kept: import again, which is harmless", absolute(o.importFrom), err, job.kept())
	}
	if err := printLines(stdout, job.report(maxReportLines)); err != nil {
		return err
	}
	if err := job.unopened(); err != nil {
		return fmt.Errorf("import %s: %w", absolute(o.importFrom), err)
	}
	if job.kept() == 0 {
		return fmt.Errorf("import %s: not one sample was kept: the report says what became of them", absolute(o.importFrom))
	}
	return nil
}

func printLines(w io.Writer, lines []string) (err error) {
	for _, line := range lines {
		_, one := fmt.Fprintln(w, line)
		err = errors.Join(err, one)
	}
	return err
}

// show runs the import and shows how far it is.
func show(ctx context.Context, out io.Writer, job importJob) error {
	showing, stop := context.WithCancel(ctx)
	var bar sync.WaitGroup
	bar.Go(func() { showImport(showing, out, job) })
	err := job.run(ctx)
	stop()
	bar.Wait()
	return err
}

// theNode is what an import waits for at its begin.
const theNode = "the node to be ready"

// importStopped imports into the log and the checkpoints of the node with this configuration,
// which is not running: this process is that node meanwhile, without REST.
func importStopped(ctx context.Context, cfg *config.Config, o options, logger *slog.Logger, job importJob, stderr io.Writer) error {
	a, err := assemble(cfg, o, logger)
	if err != nil {
		return err
	}
	return a.runTask(ctx, cfg, "import", "a node that is running has them; if it is at another address, give that with -addr", func(ctx context.Context) error {
		a.lookForForeign("by the next start") // whatever is imported now
		job.into(persistent{intoLog(a.ingest), ofOperator(logger, "-import", writePatience)})
		if err := ofOperator(logger, "-import", startPatience).until(ctx, theNode, a.takesImport()); err != nil {
			return err
		}
		err := show(ctx, stderr, job)
		if err == nil && job.unopened() == nil && a.imports != nil && a.isOwnDirectory(o.importFrom) {
			err = a.imports.end()
		}
		return err
	})
}

// brokerPatience is the wait for a broker, after which what is imported waits for it in the outbox.
const brokerPatience = 30 * time.Second

// takesImport returns a function that returns nil when samples may be written.
func (a *app) takesImport() func(context.Context) error {
	begin := time.Now()
	return func(context.Context) error {
		err := a.log.Ready()
		if err != nil && time.Since(begin) > brokerPatience && a.log.Answerable() == nil {
			return nil
		}
		return err
	}
}

// isOwnDirectory reports whether a directory, or what is called checkpoints in it, is that of
// our checkpoints.
func (a *app) isOwnDirectory(dir string) bool {
	own, err := os.Stat(a.checkpointConfig.Directory)
	if err != nil {
		return false
	}
	for _, path := range []string{dir, filepath.Join(dir, "checkpoints")} {
		if other, err := os.Stat(path); err == nil && os.SameFile(own, other) {
			return true
		}
	}
	return false
}
