package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"

	"cc-metric-store/config"
)

// cleanUp does what -cleanup-checkpoints asks for: it makes a retention pass of a node that is not
// running, writes a checkpoint without what has left memory, and says what that was.
func cleanUp(ctx context.Context, cfg *config.Config, o options, logger *slog.Logger, stdout io.Writer) error {
	a, err := assemble(cfg, o, logger)
	if err != nil {
		return err
	}
	err = a.runTask(ctx, cfg, "clean up", "a node that is running has them, and makes such passes itself", func(ctx context.Context) error {
		if err := ofOperator(logger, "-cleanup-checkpoints", startPatience).until(ctx, theNode, func(context.Context) error { return a.log.Ready() }); err != nil {
			return err
		}
		return a.store.Retain(ctx)
	})
	if err != nil {
		return fmt.Errorf("clean up checkpoints: %w", err)
	}
	what := "deleted"
	if dir := a.archiveConfig.Directory; dir != "" {
		what = "moved to the archive, " + dir
	}
	_, err = fmt.Fprintf(stdout, "%d blocks of series that are older than %s were %s\n", a.store.Stats().Freed, formatDuration(cfg.MetricStore.Retention), what)
	return err
}
