package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"cc-metric-store/store"
)

// openCheckpoints takes the directory of the checkpoints, once the program runs
// as the user who is to own them.
func (a *app) openCheckpoints() (err error) {
	if a.checkpoints, err = store.OpenCheckpoints(a.store, a.config); err != nil {
		return fmt.Errorf("metric-store.checkpoints.directory: %w", err)
	}
	a.warnOfForeignFiles()
	return nil
}

// warnOfForeignFiles tells somebody who changes from ClusterCockpit's metric store
// that its samples do not come along.
func (a *app) warnOfForeignFiles() {
	found := a.checkpoints.Foreign()
	if found.Hosts == 0 {
		return
	}
	hosts := fmt.Sprint(found.Hosts)
	if !found.Complete {
		hosts += " or more"
	}
	a.logger.Warn("the directory of the checkpoints has files of ClusterCockpit's metric store, which are not read: the answers lack what is in them. "+
		"They are left as they are: if these samples are needed, let that program answer beside this one until they are older than the retention; otherwise remove them",
		"key", "metric-store.checkpoints.directory", "directory", a.config.Directory, "hosts", hosts, "example", found.Example)
}

// followLog loads the newest checkpoint, and reads the log from there on.
func (a *app) followLog(ctx context.Context) error {
	restored, err := a.checkpoints.Load(ctx)
	if err != nil {
		return nil // ctx has ended
	}
	close(a.log.loaded)
	return a.log.Run(ctx, restored)
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

// finish writes the last checkpoint when ctx ends. Nothing changes the store any
// more, then.
func (a *app) finish(ctx context.Context) error {
	<-ctx.Done()
	select {
	case <-a.log.loaded:
	default:
		return nil // what is in the store is a part of what is on the disk
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), finishTimeout)
	defer cancel()
	if err := a.checkpoints.Finish(ctx, a.log, a.log.Consistent() == nil); err != nil {
		a.logger.Warn("stopping without a last checkpoint: the next start takes the one before and reads more of the log", "error", err)
	}
	return nil
}

// hold reads a log whose files are gone to its end, and lets nothing be added to it
// until the function that it returns is called.
func (a *app) hold(ctx context.Context) (release func()) {
	release, err := a.log.Hold(ctx)
	if err != nil {
		a.logger.Error("the newest entries of the log that is gone may be missing in the store", "error", err)
	}
	return release
}

// keep writes a checkpoint of what the log held that is gone.
func (a *app) keep(ctx context.Context) {
	_ = a.checkpoints.Write(ctx, a.log) // it is in the log and in Stats
}

// trouble returns what an operator has to see to although all is answered.
func (a *app) trouble() error {
	return errors.Join(a.log.Degraded(), a.checkpointTrouble(), a.embedded.server.Damage())
}

func (a *app) checkpointTrouble() error {
	if a.checkpoints == nil {
		return nil
	}
	s := a.checkpoints.Stats()
	if s.Err == nil {
		return nil
	}
	last := "there is none yet"
	if !s.Last.IsZero() {
		last = "the newest one is of " + s.Last.UTC().Format(time.RFC3339)
	}
	return fmt.Errorf("no checkpoint can be written to %s, metric-store.checkpoints.directory (%s): %w", a.config.Directory, last, s.Err)
}

// checkpointCollector reads the state of the checkpoints at each scrape.
type checkpointCollector struct {
	app *app
	written, failed,
	last, duration, bytes *prometheus.Desc
}

func newCheckpointCollector(a *app) *checkpointCollector {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(namespace+name, help, labels, nil)
	}
	return &checkpointCollector{
		app:      a,
		written:  desc("checkpoints_total", "Checkpoints written."),
		failed:   desc("checkpoint_failures_total", "Checkpoints that could not be written: see to the disk of the checkpoints."),
		last:     desc("checkpoint_last_timestamp_seconds", "When the newest checkpoint was written, 0 if there is none."),
		duration: desc("checkpoint_duration_seconds", "How long the newest checkpoint of this run took."),
		bytes:    desc("checkpoint_bytes", "Size of what was written with the newest checkpoint of this run: open blocks, and those sealed since the one before.", "blocks"),
	}
}

// Describe implements prometheus.Collector.
func (c *checkpointCollector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{c.written, c.failed, c.last, c.duration, c.bytes} {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (c *checkpointCollector) Collect(out chan<- prometheus.Metric) {
	if c.app.checkpoints == nil {
		return
	}
	s := c.app.checkpoints.Stats()
	last := 0.0
	if !s.Last.IsZero() {
		last = float64(s.Last.UnixNano()) / 1e9
	}
	for _, m := range []prometheus.Metric{
		prometheus.MustNewConstMetric(c.written, prometheus.CounterValue, float64(s.Written)),
		prometheus.MustNewConstMetric(c.failed, prometheus.CounterValue, float64(s.Failed)),
		prometheus.MustNewConstMetric(c.last, prometheus.GaugeValue, last),
		prometheus.MustNewConstMetric(c.duration, prometheus.GaugeValue, s.Duration.Seconds()),
		prometheus.MustNewConstMetric(c.bytes, prometheus.GaugeValue, float64(s.Bytes), "open"),
		prometheus.MustNewConstMetric(c.bytes, prometheus.GaugeValue, float64(s.SegmentBytes), "sealed"),
	} {
		out <- m
	}
}
