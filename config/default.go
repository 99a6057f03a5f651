package config

import "time"

// largestPayload is the largest message that JetStream's file store takes, less some room
// for its headers. A server that let a larger one in would lose it silently.
const largestPayload = 31 << 20

// The defaults of single keys. Packages that have a default of the same setting agree: see
// TestDefaultsAgree in cmd/cc-metric-store.
const (
	defaultAddr            = "localhost:8080"
	defaultSubject         = "hpc-nats"
	defaultStreamName      = "CC_METRICS"
	defaultDirectory       = "./var/nats"
	defaultCheckpoints     = "./var/checkpoints"
	defaultArchive         = "./var/archive"
	defaultInterval        = 30 * time.Minute
	defaultMaxPayload      = largestPayload
	defaultFutureTolerance = 10 * time.Minute
	defaultRetention       = 48 * time.Hour
	defaultMaxSeries       = 100_000
	defaultMaxHosts        = 100_000
	defaultMaxNewSeries    = 10_000_000
	defaultPage            = true
	defaultQueryTimeout    = 30 * time.Second
	defaultQuerySamples    = 20_000_000
	defaultQuerySeries     = 200_000
	defaultQueryPoints     = 11_000
	defaultLookback        = 5 * time.Minute
	defaultClusterName     = "cc-metric-store"
	defaultClusterAddr     = "0.0.0.0:6222"
)

// Default returns what the program runs on when there is no file: REST on
// localhost:8080, an embedded NATS server on 127.0.0.1:4222, the subject
// hpc-nats, data below ./var, and a built-in list of metrics at 60 s with a
// wildcard. A key that a file lacks has the value here, but for the address of the
// embedded server: with a file, it does not listen unless told to, as many nodes have
// another server on that port.
func Default() *Config {
	return &Config{
		Main: Main{
			Addr: defaultAddr,
			Page: defaultPage,
			Prometheus: Prometheus{
				Timeout: defaultQueryTimeout, MaxSamples: defaultQuerySamples, MaxSeries: defaultQuerySeries, MaxPoints: defaultQueryPoints, Lookback: defaultLookback,
			},
		},
		Metrics: builtinMetrics(),
		NATS: NATS{
			Embedded: Embedded{
				Addr:       "127.0.0.1:4222",
				Directory:  defaultDirectory,
				MaxPayload: defaultMaxPayload,
				SyncAlways: true,
			},
			Stream: Stream{
				Name:        defaultStreamName,
				Replicas:    1,
				MaxAge:      defaultRetention,
				Compression: true,
				Trim:        true,
			},
		},
		MetricStore: MetricStore{
			Retention:       defaultRetention,
			MaxSeries:       defaultMaxSeries,
			MaxHosts:        defaultMaxHosts,
			MaxNewSeries:    defaultMaxNewSeries,
			FutureTolerance: defaultFutureTolerance,
			Subscriptions:   []Subscription{{Subject: defaultSubject}},

			CheckpointInterval:  defaultInterval,
			CheckpointDirectory: defaultCheckpoints,
		},
	}
}
