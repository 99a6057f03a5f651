// Package config reads the JSON configuration file of the metric store.
//
// Two formats are known. The one to write has the sections main, metrics,
// nats and metric-store; each of them may live in a file of its own, named by
// the key <section>-file. A relative name is looked for beside the including
// file first and in the working directory second. All other relative file
// names (certificates, credentials, directories) are relative to the working
// directory. The older flat format is translated into the sections.
//
// What is absent has its default, see Default; without a section metrics the built-in
// list applies. In both formats null and "" stand for an absent key. A duration is a Go
// duration string such as "48h" or "1h30m". A size is a number of bytes or a string with
// a unit, such as "64MB", "1.5GB" or "512KiB": B, K, M, G and T with or without B or iB,
// in any case, all powers of 1024.
//
// A file becomes a Config in four steps: parseJSON makes a tree of nodes, include puts
// other files into it, a checker holds the tree against a format, and a composer reads
// the values and checks them together. All that is wrong is gathered in findings.
//
// The package knows the file and nothing else: it imports no other package of this
// program, starts nothing and does not log.
package config

import "time"

// Config is a whole configuration, valid and with its defaults filled in. It
// belongs to the caller.
type Config struct {
	Main Main
	// Metrics holds the metrics to store by name. The entry Wildcard stands for all
	// other names; without it they are dropped.
	Metrics     map[string]Metric
	NATS        NATS
	MetricStore MetricStore
}

// Main is the section main: the REST server and the process.
type Main struct {
	// Addr is the host:port on which REST listens.
	Addr string
	// HTTPSCertFile and HTTPSKeyFile are both set, for HTTPS, or both empty.
	HTTPSCertFile, HTTPSKeyFile string
	// User and Group are those to run as once the ports are bound; empty
	// keeps those of the start.
	User, Group string
	// JWTPublicKey is an Ed25519 public key in standard base64; empty turns
	// authentication off. JWTPublicKeyFile is the PEM file that it was read from, empty
	// if it was given itself.
	JWTPublicKey, JWTPublicKeyFile string
	// JWTRoles maps an endpoint class ("query", "write", "free", "debug") to
	// the roles of which a token needs one. A class that is not in the map
	// keeps its default; an empty list lets every valid token in.
	JWTRoles map[string][]string
	// BackendURL is cc-backend's address, without a slash at the end: samples of
	// nodes with running jobs outlive the retention. Empty: they do not.
	// BackendToken authenticates there.
	BackendURL, BackendToken string
	// Page serves the page for operators at /.
	Page bool
	// Gops starts the gops diagnostics agent.
	Gops       bool
	Prometheus Prometheus
}

// Prometheus is main.prometheus: what requests of Prometheus' API may take.
type Prometheus struct {
	// MaxQueries is how many are answered at once; 0: as many as there are cores, at most 8.
	MaxQueries int
	// Timeout bounds the evaluation of a query.
	Timeout time.Duration
	// MaxSamples, of 16 bytes, a query may have in memory at once; MaxSeries it may select;
	// MaxPoints steps its range may have.
	MaxSamples, MaxSeries, MaxPoints int
	// Lookback is for how long a sample counts when there is no newer one.
	Lookback time.Duration
}

// Metric is one entry of the section metrics.
type Metric struct {
	// Frequency is the sampling interval in seconds, at least 1.
	Frequency int64
	// Aggregation combines the parts of a host: "sum", "avg", or "" if they
	// have no meaningful combination.
	Aggregation string
}

// NATS is the section nats: where the log lives.
type NATS struct {
	// Address lists the servers of one external broker, separated by commas.
	// Empty: the embedded server is the broker.
	Address string
	// Username and Password, or CredsFile, or the seed of an NKey in SeedFile,
	// authenticate at Address.
	Username, Password, CredsFile, SeedFile string
	Embedded                                Embedded
	Stream                                  Stream
}

// Embedded is nats.embedded: the NATS server inside this process. It may be
// configured beside an external Address. It then takes what the broker
// cannot: it runs where the broker has no JetStream or is out of reach.
type Embedded struct {
	// Addr is the host:port on which it listens for others; empty: it does
	// not listen and is reached in-process alone.
	Addr string
	// Directory holds the log.
	Directory string
	// Username and Password are asked of clients that connect to Addr; both
	// empty: anyone may connect.
	Username, Password string
	// MaxPayload is the largest message taken, in bytes; at most 31 MiB, as
	// JetStream stores no larger one.
	MaxPayload int64
	// MaxStore bounds the log on disk in bytes; 0 lets the server decide from
	// the free disk space.
	MaxStore int64
	// SyncAlways flushes each message to the disk before it is acknowledged;
	// otherwise SyncInterval is the time between two flushes.
	SyncAlways   bool
	SyncInterval time.Duration
	// Cluster joins it with those of other machines.
	Cluster Cluster
}

// Cluster is nats.embedded.cluster: the embedded servers of several machines, which keep the
// log together. Without Routes there is none.
type Cluster struct {
	// Name is that of the cluster, Node that of this machine in it, which no other has.
	Name, Node string
	// Addr is the host:port at which the other servers connect.
	Addr string
	// Routes has the host:port of all servers, at least three. This one may be among them.
	Routes []string
}

// Exists reports whether there is a cluster.
func (c Cluster) Exists() bool { return len(c.Routes) > 0 }

// Stream is nats.stream: the JetStream stream that is the log.
type Stream struct {
	Name string
	// Replicas is 1 to 5; more than 1 needs a cluster.
	Replicas int
	// MaxAge is how long the log keeps an entry: at least two intervals of
	// checkpoints, and so far back a store without any reaches.
	MaxAge time.Duration
	// MaxBytes bounds the log in bytes; 0: no limit.
	MaxBytes    int64
	Compression bool
	// Trim lets the log of the embedded server drop what two checkpoints hold,
	// however young that is: nobody has asked for an age, and no other node reads it.
	Trim bool
}

// MetricStore is the section metric-store: what is held in memory.
type MetricStore struct {
	// Retention is how long a sample stays in memory.
	Retention time.Duration
	// MemoryCap bounds the samples in memory, in bytes; 0: no cap.
	MemoryCap int64
	// Workers is the number of goroutines that decode and append; 0: chosen
	// by the number of processors.
	Workers int
	// MaxSeries bounds the series of a host, MaxHosts the hosts of a cluster;
	// samples of further ones are refused.
	MaxSeries, MaxHosts int
	// MaxNewSeries bounds the series that are made in one second of the log.
	MaxNewSeries int
	// CheckpointInterval is the longest time between two checkpoints.
	CheckpointInterval time.Duration
	// CheckpointDirectory holds them.
	CheckpointDirectory string
	// Archive is where samples go that leave memory.
	Archive Archive
	// FutureTolerance is how far ahead of its entry in the log a sample may
	// be.
	FutureTolerance time.Duration
	// Subscriptions is in the order of the file and has no subject twice.
	// Where one subject covers another, the first in the list that matches a
	// message decides its cluster tag.
	Subscriptions []Subscription
}

// Archive is metric-store.cleanup with the mode archive. Without a Directory, samples that leave
// memory are deleted.
type Archive struct {
	Directory string
	// Keep is how long files are kept, 0: for ever.
	Keep time.Duration
	// MaxBytes bounds all files, 0: no bound.
	MaxBytes int64
}

// Subscription is a NATS subject on which metrics arrive.
type Subscription struct {
	// Subject may hold wildcards.
	Subject string
	// ClusterTag is the cluster of lines that name none.
	ClusterTag string
}
