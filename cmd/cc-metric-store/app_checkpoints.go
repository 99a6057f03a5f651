package main

import (
	"context"
	"fmt"
	"time"

	"cc-metric-store/store"
)

// openCheckpoints opens and locks the directory of the checkpoints. It is called once
// the program runs as the user who is to own them.
func (a *app) openCheckpoints() (err error) {
	if a.checkpoints, err = store.OpenCheckpoints(a.store, a.checkpointConfig); err != nil {
		return fmt.Errorf("metric-store.checkpoints.directory: %w", err)
	}
	return nil
}

// openArchive opens and locks the directory of the archive, if there is to be one.
func (a *app) openArchive() error {
	if a.archiveConfig.Directory == "" {
		return nil
	}
	c := a.archiveConfig
	c.CaughtUp = func() bool { return a.log.Ready() == nil }
	if err := a.store.OpenArchive(c); err != nil {
		return fmt.Errorf("metric-store.cleanup.directory: %w", err)
	}
	return nil
}

// followLog loads the newest checkpoint, and reads the log from there on.
func (a *app) followLog(ctx context.Context) error {
	restored, err := a.checkpoints.Load(ctx)
	if err != nil {
		return nil // ctx has ended
	}
	a.restored = restored
	close(a.log.loaded)
	return a.ingest.Run(ctx, restored)
}

// covered reports whether the checkpoint that was loaded holds all entries of a stream, which was
// created at the time, up to last. The embedded server asks it when it starts, which is after the
// checkpoint was loaded.
func (a *app) covered(stream string, created time.Time, last uint64) bool {
	from := a.restored.From
	return from.Stream == stream && from.Created.Equal(created) && from.Entry.Seq >= last
}

// afterLoading returns a stage that begins when the checkpoint is loaded.
func (a *app) afterLoading(run func(context.Context) error) func(context.Context) error {
	return func(ctx context.Context) error {
		select {
		case <-a.log.loaded:
			return run(ctx)
		case <-ctx.Done():
			return nil
		}
	}
}

// finishTimeout bounds the last checkpoint.
const finishTimeout = 60 * time.Second

// finish writes the last checkpoint when ctx ends. By then the stages that change the
// store have stopped.
func (a *app) finish(ctx context.Context) error {
	<-ctx.Done()
	select {
	case <-a.log.loaded:
	default:
		return nil // the store holds no more than a part of the checkpoint
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), finishTimeout)
	defer cancel()
	if err := a.checkpoints.Finish(ctx, a.ingest, a.log.Consistent() == nil); err != nil {
		a.logger.Warn("stopping without a last checkpoint: the next start takes the one before and reads more of the log", "error", err)
	}
	return nil
}

// hold is called when the files of the embedded log are gone. It reads the log to its
// end, and nothing is added to the log until release is called.
func (a *app) hold(ctx context.Context) (release func()) {
	release, err := a.ingest.Hold(ctx)
	if err != nil {
		a.logger.Error("the newest entries of the log that is gone may be missing in the store", "error", err)
	}
	return release
}

// keep is called after hold: it writes a checkpoint with what the log held.
func (a *app) keep(ctx context.Context) {
	_ = a.checkpoints.Write(ctx, a.ingest) // which logs an error, and counts it in Stats
}
