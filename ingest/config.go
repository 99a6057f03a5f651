package ingest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"runtime"
	"time"
)

// Config describes an Ingest. The zero value of each optional field means its
// default.
type Config struct {
	// Broker is the external NATS server. Without a URL there is none.
	Broker Broker
	// Embedded starts the embedded server, if it does not run yet, and returns
	// it. It is called if there is no external broker, or if that has no
	// JetStream. Required.
	Embedded func(ctx context.Context) (InProcess, error)
	// EmbeddedUser and EmbeddedPassword are what the embedded server asks for.
	EmbeddedUser, EmbeddedPassword string
	// EmbeddedHolds returns the directory of the embedded server and the names of
	// the streams in it, whether it runs or not. Optional: without it, what a
	// former run has left there is not noticed before it is used.
	EmbeddedHolds func() (dir string, streams []string)
	// Clustered says that the embedded server is one of a cluster, in which each takes what its own
	// clients send, and all nodes read one log.
	Clustered bool
	// Subscriptions are the subjects that carry metrics. No subject covers
	// another one partly.
	Subscriptions []Subscription
	// Stream describes the log.
	Stream Stream
	// Workers is the number of goroutines that decode, and of those that
	// append. Default: one for each processor.
	Workers int
	// FutureTolerance is how far a sample may be ahead of its entry's time in
	// the log. Default 10 min.
	FutureTolerance time.Duration
	// Logger receives what an operator has to know. Default: discard.
	Logger *slog.Logger

	timings timings
}

// timings are intervals that tests shorten.
type timings struct {
	refusals time.Duration // how long a broker says no until that is believed
	ask      time.Duration // how often a broker that said no is asked again
	proof    time.Duration // how often a log that took no entry is tried
	outbox   time.Duration // how long a write waits for the log until the outbox takes it
	report   time.Duration // how often the operator is told what is wrong with lines
	recount  time.Duration // how often the stream is asked what waits, while no entry comes
	answer   time.Duration // how long nothing comes from a broker's log until queries are answered
	stuck    time.Duration // how long one entry is tried
	confirm  time.Duration // how often a cluster is asked whether this node has all of the log
}

// Broker says how to reach an external NATS server or cluster.
type Broker struct {
	URL                string // several, separated by commas, of one cluster
	Username, Password string
	CredsFile          string
	// SeedFile holds the seed of an NKey, to log in with.
	SeedFile string
}

// InProcess is a NATS server in this process.
type InProcess interface {
	InProcessConn() (net.Conn, error)
	// Listen lets others connect, if that is configured. It is called when the
	// subscriptions exist, again after the server was started anew, and may be called
	// more often.
	Listen() error
	// Disconnect closes the connections of all others. It is called, again and again, when what
	// they send will not be taken any more but would be by another server of the cluster.
	Disconnect()
	// MaxBuffered returns how many bytes that others send may wait for the log.
	MaxBuffered() int64
	// MaxStore returns what its streams may take on disk together, in bytes; 0
	// if that is not bounded.
	MaxStore() int64
}

// Subscription is a subject that carries metrics.
type Subscription struct {
	Subject string
	// Cluster is the cluster of lines without a cluster tag.
	Cluster string
}

// Stream describes the log.
type Stream struct {
	Name        string        // default CC_METRICS
	Replicas    int           // default 1
	MaxAge      time.Duration // 0: no limit
	MaxBytes    int64         // 0: no limit
	Compression bool          // of what publishers send to the external broker
	// Trim lets Release remove entries from the embedded log.
	Trim bool
}

func (c Config) withDefaults() Config {
	if c.Workers == 0 {
		c.Workers = runtime.GOMAXPROCS(0)
	}
	if c.FutureTolerance == 0 {
		c.FutureTolerance = 10 * time.Minute
	}
	if c.Stream.Name == "" {
		c.Stream.Name = "CC_METRICS"
	}
	if c.Stream.Replicas == 0 {
		c.Stream.Replicas = 1
	}
	if c.timings == (timings{}) {
		c.timings = timings{refusals: 10 * time.Second, ask: time.Minute, proof: 5 * time.Second, recount: 5 * time.Second, outbox: 1500 * time.Millisecond,
			report: time.Minute, answer: 10 * time.Second, stuck: 5 * time.Second, confirm: 2 * time.Second}
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	return c
}

func (c Config) validate() error {
	var faults []error
	if c.Embedded == nil {
		faults = append(faults, errors.New("no embedded server to fall back on"))
	}
	if c.Workers < 0 {
		faults = append(faults, fmt.Errorf("%d workers", c.Workers))
	}
	if c.FutureTolerance < 0 {
		faults = append(faults, fmt.Errorf("future tolerance %v is negative", c.FutureTolerance))
	}
	if c.Stream.Replicas < 1 || c.Stream.Replicas > 5 {
		faults = append(faults, fmt.Errorf("%d replicas are not within 1 and 5", c.Stream.Replicas))
	}
	if c.Stream.MaxAge < 0 || c.Stream.MaxBytes < 0 {
		faults = append(faults, errors.New("the limits of the stream cannot be negative"))
	}
	if c.Broker.CredsFile != "" {
		faults = append(faults, checkCredentials(c.Broker.CredsFile))
	}
	for _, s := range c.Subscriptions {
		if s.Subject == "" {
			faults = append(faults, errors.New("a subscription without a subject"))
		}
	}
	return errors.Join(faults...)
}
