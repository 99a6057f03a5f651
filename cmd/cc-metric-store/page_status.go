package main

import (
	"context"
	"runtime/metrics"
	"time"

	"cc-metric-store/config"
	"cc-metric-store/ingest"
	"cc-metric-store/rest"
)

// pageSource is what the page at / shows of the program. It reads counters when somebody looks,
// and does nothing otherwise.
type pageSource struct {
	app     *app
	cfg     *config.Config
	started time.Time
}

func newPage(a *app, cfg *config.Config) *rest.Page {
	p := &pageSource{app: a, cfg: cfg, started: time.Now()}
	return &rest.Page{Status: p.status, Refused: p.refused}
}

func (p *pageSource) status() rest.Status {
	in, held := p.app.ingest.Stats(), p.app.store.Stats()
	s := rest.Status{
		Version: version,
		Started: p.started.Unix(),
		Log: rest.LogStatus{
			Name: p.cfg.NATS.Stream.Name, Place: p.logPlace(),
			Lag: in.LagEntries, LagTime: in.LagTime.Seconds(), Watermark: in.Watermark,
			Entries: in.Entries, Bytes: in.Bytes, Outbox: in.InOutbox,
		},
		Nodes:       p.nodes(),
		Checkpoints: p.checkpoints(),
		Archive:     p.archive(),
		Memory: rest.MemoryStatus{
			Held: held.Bytes, Cap: p.cfg.MetricStore.MemoryCap, Lines: in.CacheBytes, Process: processMemory(),
			Hosts: held.Hosts, Series: held.Series, Evicted: held.Evicted,
			Retention: int64(p.cfg.MetricStore.Retention.Seconds()),
		},
		Samples: rest.SampleStatus{
			Stored: held.Samples, Lines: in.Lines, Replaced: held.Replaced, NoHost: in.NoHost, NoCluster: in.NoCluster,
			Letters: in.LostDeadLetters, NotStored: in.NotStored, Refused: []rest.OverLimit{},
		},
	}
	for _, r := range held.Refused {
		s.Samples.Refused = append(s.Samples.Refused, rest.OverLimit{Limit: r.Limit, Cluster: r.Cluster, Host: r.Host, Samples: r.Samples})
	}
	if p.cfg.NATS.Address != "" {
		s.Broker = &rest.BrokerStatus{Address: p.cfg.NATS.Servers(), Connected: in.Connected}
	}
	return s
}

// logPlace says where the log is, or is to be: after a start without the broker it may be elsewhere.
func (p *pageSource) logPlace() string {
	switch {
	case p.cfg.NATS.Address != "":
		return "broker"
	case p.cfg.NATS.Embedded.Cluster.Exists():
		return "cluster"
	}
	return "embedded"
}

func (p *pageSource) nodes() []rest.NodeStatus {
	nodes, seen := p.app.ingest.Nodes()
	out := make([]rest.NodeStatus, 0, len(nodes))
	for _, n := range nodes {
		out = append(out, rest.NodeStatus{
			Name: n.Name, Self: n.Name == p.cfg.NATS.Embedded.Cluster.Node, Leader: n.Leader, Current: n.Current, Offline: n.Offline,
			Lag: n.Lag, Heard: n.Heard.Seconds(), Seen: seen.Unix(),
		})
	}
	return out
}

// checkpoints returns nil until the checkpoint is loaded: before, the directory is being opened.
func (p *pageSource) checkpoints() *rest.CheckpointStatus {
	select {
	case <-p.app.log.loaded:
	default:
		return nil
	}
	c := p.app.checkpoints.Stats()
	out := &rest.CheckpointStatus{
		Interval: int64(p.cfg.MetricStore.CheckpointInterval.Seconds()),
		Written:  c.Written, Failed: c.Failed, Bytes: c.Bytes + c.SegmentBytes, Duration: c.Duration.Seconds(),
	}
	if !c.Last.IsZero() {
		out.Last = c.Last.Unix()
	}
	if c.Err != nil {
		out.Why = c.Err.Error()
	}
	return out
}

// archive returns nil if there is to be no archive.
func (p *pageSource) archive() *rest.ArchiveStatus {
	a, ok := p.app.store.ArchiveStats()
	if !ok {
		return nil
	}
	out := &rest.ArchiveStatus{Files: a.Files, Samples: a.Samples, Bytes: a.Bytes, Oldest: a.Oldest, Unreadable: a.Unreadable}
	if err := p.app.store.ArchiveError(); err != nil {
		out.Why = err.Error()
	}
	return out
}

func (p *pageSource) refused(ctx context.Context) ([]rest.RefusedLine, error) {
	lines, err := p.app.ingest.RecentRefused(ctx)
	out := make([]rest.RefusedLine, len(lines))
	for i, l := range lines {
		out[i] = refusedLine(l)
	}
	return out, err
}

func refusedLine(l ingest.RefusedLine) rest.RefusedLine {
	return rest.RefusedLine{
		Time: l.At.Unix(), Reason: l.Reason, Detail: l.Detail, Line: l.Text, From: l.From, Cluster: l.Cluster, Host: l.Host,
	}
}

// processMemory returns about what the process takes of the machine's memory, in bytes: what the
// Go runtime has of the operating system.
func processMemory() int64 {
	samples := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(samples)
	return int64(samples[0].Value.Uint64() - samples[1].Value.Uint64())
}
