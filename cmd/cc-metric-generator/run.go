package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"cc-metric-store/cmd/cc-metric-generator/load"
)

// closeTimeout is how long a run that ends early waits for answers to what it has sent.
const closeTimeout = 10 * time.Second

// run is one load: hosts, the ticks to send for them, and the connections to
// send them by.
type run struct {
	groups   [][]*load.Host // what one message holds: each host alone, or the hosts of a cluster
	hosts    int
	series   int // of all hosts
	schedule schedule
	pacer    *pacer
	open     opener
	conns    int
	tally    *tally
}

// newRun builds the hosts that o asks for. It connects to nothing.
func newRun(o *options, now time.Time, open opener, t *tally) (*run, error) {
	r := &run{
		schedule: newSchedule(o, now),
		pacer:    &pacer{rate: o.rate},
		open:     open,
		tally:    t,
	}
	for _, name := range o.names {
		cluster := o.clusters[name]
		l, err := load.NewLayout(name, cluster, o.scopes, o.quotients)
		if err != nil {
			return nil, err
		}
		var all []*load.Host
		for _, hostName := range cluster.HostNames(o.hosts) {
			all = append(all, load.NewHost(l, hostName, o.seed, r.schedule.interval))
		}
		r.hosts += len(all)
		r.series += len(all) * len(l.Metrics())
		if o.perCluster {
			r.groups = append(r.groups, all)
			continue
		}
		for _, h := range all {
			r.groups = append(r.groups, []*load.Host{h})
		}
	}
	r.conns = min(o.connections, len(r.groups))
	if need := float64(r.series) / o.interval.Seconds(); o.live && o.rate > 0 && o.rate < need {
		return nil, fmt.Errorf("-rate %v: %d series every %v are %.1f samples/s: give at least that, or 0 for no limit",
			o.rate, r.series, o.interval, need)
	}
	return r, nil
}

// send connects and sends all ticks; each connection has its own hosts, so that
// the ticks of a host stay in order. It returns nil when the schedule is done
// or ctx has ended, and all answers to what was sent are in; otherwise the
// errors that made it stop.
func (r *run) send(ctx context.Context) error {
	targets, err := r.connect(ctx)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	errs := make([]error, len(targets))
	var wg sync.WaitGroup
	for i, target := range targets {
		wg.Go(func() {
			defer target.close()
			w := worker{run: r, target: target}
			for g := i; g < len(r.groups); g += len(targets) {
				w.groups = append(w.groups, r.groups[g])
			}
			if errs[i] = w.work(ctx); errs[i] != nil {
				stop()
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// connect opens all connections, or none.
func (r *run) connect(ctx context.Context) ([]target, error) {
	var targets []target
	for range r.conns {
		t, err := r.open(ctx)
		if err != nil {
			for _, t := range targets {
				t.close()
			}
			return nil, err
		}
		targets = append(targets, t)
	}
	return targets, nil
}

// worker sends the ticks of some groups of hosts by one connection.
type worker struct {
	run    *run
	target target
	groups [][]*load.Host
	buf    []byte
}

// work sends all ticks of the schedule and waits for the answers, also when ctx
// ends first, which is no error.
func (w *worker) work(ctx context.Context) error {
	err := w.ticks(ctx)
	if ctx.Err() == nil {
		return err // every answer is in, or waiting for them has failed
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.Cause(ctx)) {
		err = nil
	}
	late, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
	defer cancel()
	return errors.Join(err, w.target.flush(late))
}

func (w *worker) ticks(ctx context.Context) error {
	s := w.run.schedule
	for i := int64(0); i < s.total; i++ {
		live := i >= s.past
		if live {
			if err := sleep(ctx, time.Until(time.Unix(s.at(i), 0))); err != nil {
				return err
			}
		}
		for _, group := range w.groups {
			if err := w.sendGroup(ctx, group, s.at(i)); err != nil {
				return err
			}
		}
		// In the past only the last answers are waited for, so that the target
		// is kept busy.
		if live || i == s.past-1 {
			if err := w.target.flush(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

// sendGroup sends one tick of a group in as few messages as the target takes.
func (w *worker) sendGroup(ctx context.Context, group []*load.Host, ts int64) error {
	limit := w.target.maxMessage()
	w.buf = w.buf[:0]
	for _, h := range group {
		w.buf = h.AppendTick(w.buf, ts)
		for len(w.buf) > limit {
			head, rest, err := cutLines(w.buf, limit)
			if err != nil {
				return err
			}
			if err := w.sendLines(ctx, h.Layout().Cluster(), head); err != nil {
				return err
			}
			w.buf = append(w.buf[:0], rest...)
		}
	}
	if err := w.sendLines(ctx, group[0].Layout().Cluster(), w.buf); err != nil {
		return err
	}
	w.run.tally.hostTicks.Add(int64(len(group)))
	return nil
}

func (w *worker) sendLines(ctx context.Context, cluster string, lines []byte) error {
	if len(lines) == 0 {
		return nil
	}
	m := message{cluster: cluster, body: lines, lines: countLines(lines)}
	if err := w.run.pacer.wait(ctx, m.lines); err != nil {
		return err
	}
	return w.target.send(ctx, m)
}
