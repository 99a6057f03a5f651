package main

import (
	"context"
	"errors"
	"fmt"

	"cc-metric-store/config"
)

// runTask does something with the log and the store of a node that is not running: this process is
// that node meanwhile, without REST. It returns when the task has ended, and everything is stopped
// in order, with a last checkpoint. The task begins at once, and waits itself for what it needs. The
// hint is for an operator whose node has the checkpoints, most likely as it is running.
func (a *app) runTask(ctx context.Context, cfg *config.Config, name, hint string, task func(context.Context) error) error {
	a.gc = newGCPacer(cfg.MetricStore.MemoryCap)
	if err := dropPrivileges(cfg.Main.User, cfg.Main.Group); err != nil {
		return err
	}
	if err := a.openCheckpoints(); err != nil {
		return fmt.Errorf("%w (%s)", err, hint)
	}
	defer a.checkpoints.Close()
	if err := a.openArchive(); err != nil {
		return err
	}
	var failed error
	err := a.run(ctx, stage{name, func(ctx context.Context) error {
		failed = task(ctx)
		return nil
	}})
	return errors.Join(failed, err, a.store.CloseArchive())
}
