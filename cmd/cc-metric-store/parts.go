package main

import (
	"context"
	"log/slog"

	"cc-metric-store/config"
	"cc-metric-store/embedded"
	"cc-metric-store/ingest"
	"cc-metric-store/rest"
	"cc-metric-store/store"
)

// This file translates the configuration file into the Config of each part.

func storeConfig(cfg *config.Config, log *slog.Logger) store.Config {
	metrics := make(map[string]store.MetricConfig, len(cfg.Metrics))
	for name, m := range cfg.Metrics {
		metrics[name] = store.MetricConfig{Frequency: m.Frequency, Aggregation: aggregation(m.Aggregation)}
	}
	return store.Config{
		Metrics:   metrics,
		Retention: cfg.MetricStore.Retention,
		MemoryCap: cfg.MetricStore.MemoryCap,
		Logger:    log,
	}
}

func aggregation(name string) store.Aggregation {
	switch name {
	case "sum":
		return store.AggregateSum
	case "avg":
		return store.AggregateAvg
	}
	return store.AggregateNone
}

func ingestConfig(cfg *config.Config, e *embeddedServer, log *slog.Logger) ingest.Config {
	n := cfg.NATS
	subs := make([]ingest.Subscription, len(cfg.MetricStore.Subscriptions))
	for i, s := range cfg.MetricStore.Subscriptions {
		subs[i] = ingest.Subscription{Subject: s.Subject, Cluster: s.ClusterTag}
	}
	return ingest.Config{
		Broker:           ingest.Broker{URL: n.Address, Username: n.Username, Password: n.Password, CredsFile: n.CredsFile},
		Embedded:         e.start,
		EmbeddedUser:     n.Embedded.Username,
		EmbeddedPassword: n.Embedded.Password,
		Subscriptions:    subs,
		Stream: ingest.Stream{
			Name:        n.Stream.Name,
			Replicas:    n.Stream.Replicas,
			MaxAge:      n.Stream.MaxAge,
			MaxBytes:    n.Stream.MaxBytes,
			Compression: n.Stream.Compression,
		},
		Workers:         cfg.MetricStore.Workers,
		FutureTolerance: cfg.MetricStore.FutureTolerance,
		Logger:          log,
	}
}

func restConfig(cfg *config.Config, o options, log *slog.Logger) rest.Config {
	return rest.Config{
		Addr:         cfg.Main.Addr,
		CertFile:     cfg.Main.HTTPSCertFile,
		KeyFile:      cfg.Main.HTTPSKeyFile,
		JWTPublicKey: cfg.Main.JWTPublicKey,
		JWTRoles:     cfg.Main.JWTRoles,
		Dev:          o.dev,
		Version:      version,
		Logger:       log,
	}
}

// embeddedServer starts the embedded nats-server when it is first needed.
type embeddedServer struct {
	server  *embedded.Server
	log     *slog.Logger
	started bool
}

func newEmbeddedServer(cfg *config.Config, log *slog.Logger) (*embeddedServer, error) {
	e := cfg.NATS.Embedded
	c := embedded.Config{
		Directory:  e.Directory,
		Addr:       e.Addr,
		Username:   e.Username,
		Password:   e.Password,
		MaxPayload: e.MaxPayload,
		MaxStore:   e.MaxStore,
		Logger:     log,
	}
	if !e.SyncAlways {
		c.SyncInterval = e.SyncInterval
	}
	server, err := embedded.New(c)
	if err != nil {
		return nil, err
	}
	return &embeddedServer{server: server, log: log}, nil
}

// start is called by ingest alone, stop when ingest has ended.
func (e *embeddedServer) start(ctx context.Context) (ingest.InProcess, error) {
	if e.started {
		return e.server, nil
	}
	if err := e.server.Start(ctx); err != nil {
		return nil, err
	}
	e.started = true
	if url := e.server.URL(); url != "" {
		e.log.Info("the embedded NATS server is listening", "url", url)
	}
	return e.server, nil
}

func (e *embeddedServer) stop() {
	if e.started {
		e.server.Stop()
	}
}
