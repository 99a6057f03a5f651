package main

import (
	"log/slog"

	"cc-metric-store/config"
	"cc-metric-store/ingest"
	"cc-metric-store/ingest/original"
	"cc-metric-store/rest"
	"cc-metric-store/rest/promapi"
	"cc-metric-store/store"
)

// This file translates the configuration into the Config of each package.

func storeConfig(cfg *config.Config, logger *slog.Logger) store.Config {
	metrics := make(map[string]store.MetricConfig, len(cfg.Metrics))
	var other *store.MetricConfig
	for name, m := range cfg.Metrics {
		one := store.MetricConfig{Frequency: m.Frequency, Aggregation: aggregation(m.Aggregation)}
		if name == config.Wildcard {
			other = &one
		} else {
			metrics[name] = one
		}
	}
	c := store.Config{
		Metrics:   metrics,
		AnyMetric: other,
		Retention: cfg.MetricStore.Retention,
		MemoryCap: cfg.MetricStore.MemoryCap,
		MaxSeries: cfg.MetricStore.MaxSeries,
		MaxHosts:  cfg.MetricStore.MaxHosts,

		MaxNewSeries: cfg.MetricStore.MaxNewSeries,
		Logger:       logger,
	}
	if cfg.Main.BackendURL != "" {
		b := &backend{url: cfg.Main.BackendURL, token: cfg.Main.BackendToken}
		c.InUse = b.hostsInUse
	}
	return c
}

func checkpointConfig(cfg *config.Config, logger *slog.Logger) store.CheckpointConfig {
	return store.CheckpointConfig{
		Directory: absolute(cfg.MetricStore.CheckpointDirectory),
		Interval:  cfg.MetricStore.CheckpointInterval,
		Logger:    logger,
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

func archiveConfig(cfg *config.Config, logger *slog.Logger) store.ArchiveConfig {
	a := cfg.MetricStore.Archive
	return store.ArchiveConfig{Directory: absoluteFile(a.Directory), Keep: a.Keep, MaxBytes: a.MaxBytes, ForeignPart: foreignPart, Logger: logger}
}

// foreignPart takes the name of a part apart that a Parquet file of the original has as a whole.
func foreignPart(p store.Part) store.Part {
	if p.Type == "" || p.ID != "" || p.Subtype != "" {
		return p
	}
	of, _ := original.PartOfScope(p.Type, "")
	if of.Type == "node" {
		return store.Part{}
	}
	return store.Part{Type: of.Type, ID: of.TypeID}
}

func ingestConfig(cfg *config.Config, e *embeddedServer, logger *slog.Logger) ingest.Config {
	n := cfg.NATS
	subs := make([]ingest.Subscription, len(cfg.MetricStore.Subscriptions))
	for i, s := range cfg.MetricStore.Subscriptions {
		subs[i] = ingest.Subscription{Subject: s.Subject, Cluster: s.ClusterTag}
	}
	return ingest.Config{
		Broker: ingest.Broker{URL: n.Address, Username: n.Username, Password: n.Password,
			CredsFile: absoluteFile(n.CredsFile), SeedFile: absoluteFile(n.SeedFile)},
		Embedded:         e.start,
		EmbeddedUser:     n.Embedded.Username,
		EmbeddedPassword: n.Embedded.Password,
		Clustered:        n.Embedded.Cluster.Exists(),
		Subscriptions:    subs,
		Stream: ingest.Stream{
			Name:        n.Stream.Name,
			Replicas:    n.Stream.Replicas,
			MaxAge:      n.Stream.MaxAge,
			MaxBytes:    n.Stream.MaxBytes,
			Compression: n.Stream.Compression,
			Trim:        n.Stream.Trim,
		},
		EmbeddedHolds:   e.holds,
		Workers:         cfg.MetricStore.Workers,
		FutureTolerance: cfg.MetricStore.FutureTolerance,
		Logger:          logger,
	}
}

func restConfig(cfg *config.Config, o options, logger *slog.Logger) rest.Config {
	return rest.Config{
		Addr:         cfg.Main.Addr,
		CertFile:     absoluteFile(cfg.Main.HTTPSCertFile),
		KeyFile:      absoluteFile(cfg.Main.HTTPSKeyFile),
		JWTPublicKey: cfg.Main.JWTPublicKey,
		JWTRoles:     cfg.Main.JWTRoles,
		Dev:          o.dev,
		Version:      version,
		Logger:       logger,

		PrometheusQueries: cfg.Main.Prometheus.MaxQueries,
		Prometheus:        prometheusConfig(cfg.Main.Prometheus),
	}
}

func prometheusConfig(p config.Prometheus) promapi.Config {
	return promapi.Config{Timeout: p.Timeout, MaxSamples: p.MaxSamples, MaxSeries: p.MaxSeries, MaxPoints: p.MaxPoints, Lookback: p.Lookback}
}

// absoluteFile returns the absolute path of a file, empty if there is none.
func absoluteFile(path string) string {
	if path == "" {
		return ""
	}
	return absolute(path)
}
