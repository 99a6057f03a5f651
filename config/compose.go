package config

import (
	"cmp"
	"strings"
	"time"
)

// composer makes a Config of a checked tree of sections, and reports findings that concern
// several keys together.
type composer struct {
	root      *node
	flat      bool
	overrides Overrides
	found     *findings
}

func (c composer) compose() *Config {
	cfg := &Config{Main: c.main(), Metrics: c.metrics()}
	cfg.Main.Prometheus = c.prometheus(cfg.Metrics)
	retention := read(c.root, defaultRetention, "metric-store", "retention-in-memory")
	interval := c.checkpointInterval()
	cfg.NATS = c.nats(retention, interval)
	cfg.MetricStore = c.metricStore(retention, cfg.NATS.Stream.Name)
	cfg.MetricStore.CheckpointInterval = interval
	c.conflicts(cfg)
	return cfg
}

// checkpointInterval reads the key, or the one that former versions had.
func (c composer) checkpointInterval() time.Duration {
	older := read(c.root, defaultInterval, "metric-store", "checkpoints", "interval")
	return read(c.root, older, "metric-store", "checkpoint-interval")
}

// demoKey is the public key of many examples. Its private key is published with them.
const demoKey = "kzfYrYy+TzpanWZHJ5qSdMj5uKUWgq74BWhQG6copP0="

func (c composer) main() Main {
	n := c.root.at("main")
	m := Main{
		Addr:          cmp.Or(c.overrides.Addr, read(n, defaultAddr, "addr")),
		HTTPSCertFile: read(n, "", "https-cert-file"),
		HTTPSKeyFile:  read(n, "", "https-key-file"),
		User:          read(n, "", "user"),
		Group:         read(n, "", "group"),
		JWTPublicKey:  read(n, "", "jwt-public-key"),
		BackendURL:    strings.TrimRight(read(n, "", "backend-url"), "/"),
		BackendToken:  read(n, "", "backend-token"),
		Page:          read(n, defaultPage, "page"),
		Gops:          read(n, false, "debug", "gops"),
	}
	if token := n.at("backend-token"); token != nil && n.at("backend-url") == nil {
		c.found.warn(token, noEffect+"without backend-url nobody is asked")
	}
	given := n.at("jwt-public-key")
	if file := n.at("jwt-public-key-file"); file != nil {
		c.publicKeyFile(&m, file, given)
		given = file
	}
	if m.JWTPublicKey == demoKey {
		c.found.warn(given, "is the key of ClusterCockpit's public demo: its private key is published, so that anybody can make "+
			"tokens for this store; make a pair of your own with -gen-keypair")
	}
	cert, key := n.at("https-cert-file"), n.at("https-key-file")
	if cert != nil && key == nil {
		c.found.fault(cert, "is given without https-key-file: HTTPS needs both, plain HTTP neither")
	}
	if key != nil && cert == nil {
		c.found.fault(key, "is given without https-cert-file: HTTPS needs both, plain HTTP neither")
	}
	if roles := n.at("jwt-roles"); roles != nil {
		m.JWTRoles = map[string][]string{}
		for class, wanted := range read(roles, object{}) {
			m.JWTRoles[class] = []string{}
			for _, role := range read(wanted, list{}) {
				m.JWTRoles[class] = append(m.JWTRoles[class], read(role, ""))
			}
		}
		if given == nil {
			c.found.warn(roles, noEffect+"without jwt-public-key no token is asked for")
		}
	}
	return m
}

// prometheus reads main.prometheus. By default, a sample counts for two sampling intervals or more.
func (c composer) prometheus(metrics map[string]Metric) Prometheus {
	n := c.root.at("main", "prometheus")
	longest := int64(0)
	for _, m := range metrics {
		longest = max(longest, m.Frequency)
	}
	return Prometheus{
		MaxQueries: int(read(n, int64(0), "max-queries")),
		Timeout:    read(n, defaultQueryTimeout, "timeout"),
		MaxSamples: int(read(n, int64(defaultQuerySamples), "max-samples")),
		MaxSeries:  int(read(n, int64(defaultQuerySeries), "max-series")),
		MaxPoints:  int(read(n, int64(defaultQueryPoints), "max-points")),
		Lookback:   read(n, max(defaultLookback, 2*time.Duration(longest)*time.Second), "lookback"),
	}
}

// publicKeyFile reads the public key of a file, besides which none can be given itself.
func (c composer) publicKeyFile(m *Main, file, given *node) {
	if given != nil {
		c.found.fault(file, "is given together with jwt-public-key: give one of the two")
		return
	}
	m.JWTPublicKeyFile = read(file, "")
	if m.JWTPublicKeyFile == "" {
		return // it is a fault already
	}
	var err error
	if m.JWTPublicKey, err = readPublicKey(m.JWTPublicKeyFile); err != nil {
		c.found.fault(file, "%s", err)
	}
}

func (c composer) metrics() map[string]Metric {
	if c.root.at("metrics") == nil {
		return builtinMetrics()
	}
	metrics := map[string]Metric{}
	for name, n := range read(c.root, object{}, "metrics") {
		m := Metric{Frequency: read(n, int64(0), "frequency"), Aggregation: read(n, "", "aggregation")}
		if m.Aggregation != "" && !isAggregation(m.Aggregation) {
			c.found.warn(n.at("aggregation"), `%q is no aggregation ("sum", "avg" or null): the metric has none`, m.Aggregation)
			m.Aggregation = ""
		}
		metrics[name] = m
	}
	return metrics
}

func (c composer) nats(retention, checkpoints time.Duration) NATS {
	n := c.root.at("nats")
	address := n.at("address")
	username, password, creds, seed := n.at("username"), n.at("password"), n.at("creds-file-path"), n.at("nkey-seed-file")
	for _, other := range []*node{creds, seed} {
		if username != nil && other != nil {
			c.found.fault(other, "is given together with username: the broker takes one of the two")
		}
	}
	if creds != nil && seed != nil {
		c.found.fault(seed, "is given together with creds-file-path: the broker takes one of the two")
	}
	if password != nil && username == nil && !hasEnvironment(envUsername) {
		c.found.fault(password, "is given without username")
	}
	for _, credential := range []*node{username, creds, seed} {
		if credential != nil && address == nil {
			c.found.warn(credential, noEffect+"there is no address of a broker to log in at; "+
				"the users of the built-in server are set in nats.embedded")
		}
	}
	nats := NATS{
		Address:   read(address, ""),
		Username:  read(username, ""),
		Password:  read(password, ""),
		CredsFile: read(creds, ""),
		SeedFile:  read(seed, ""),
		Embedded:  c.embedded(n.at("embedded")),
	}
	nats.Stream = c.stream(n.at("stream"), len(nats.Embedded.Cluster.Routes), retention, checkpoints)
	c.override(&nats)
	return nats
}

func (c composer) embedded(n *node) Embedded {
	e := Embedded{
		Addr:       cmp.Or(c.overrides.NATSAddr, read(n, "", "addr")),
		Directory:  read(n, defaultDirectory, "directory"),
		Username:   read(n, "", "username"),
		Password:   read(n, "", "password"),
		MaxPayload: read(n, int64(defaultMaxPayload), "max-payload"),
		MaxStore:   read(n, int64(0), "max-store"),
	}
	if given := e.MaxPayload; given > largestPayload {
		e.MaxPayload = largestPayload
		c.found.warn(n.at("max-payload"), "%s is more than the log stores as one message: publishers get an error from %s on",
			showSize(given), showSize(largestPayload))
	}
	e.Cluster = c.cluster(n.at("cluster"), e)
	sync := read(n, syncAlways, "sync")
	if e.SyncAlways = sync == syncAlways; !e.SyncAlways {
		// The text has passed syncMode.
		e.SyncInterval, _ = time.ParseDuration(sync)
	}
	username, password := n.at("username"), n.at("password")
	if username != nil && password == nil {
		c.found.fault(username, "is given without password")
	}
	if password != nil && username == nil {
		c.found.fault(password, "is given without username")
	}
	if username != nil && e.Addr == "" && !e.Cluster.Exists() {
		c.found.warn(username, noEffect+"without addr the built-in server listens for nobody")
	}
	return e
}

// stream reads nats.stream. routes is the number of servers in a cluster, 0 if there is none.
func (c composer) stream(n *node, routes int, retention, checkpoints time.Duration) Stream {
	s := Stream{
		Name:        read(n, defaultStreamName, "name"),
		Replicas:    int(read(n, int64(min(max(routes, 1), clusterReplicas)), "replicas")),
		MaxAge:      read(n, max(retention, 2*checkpoints), "max-age"),
		MaxBytes:    read(n, int64(0), "max-bytes"),
		Compression: read(n, true, "compression"),
		// Other nodes of a cluster may not have read what this one has in checkpoints.
		Trim: n.at("max-age") == nil && routes == 0,
	}
	switch {
	case routes > 0:
		c.clusterReplicas(n.at("replicas"), s.Replicas, routes)
	case s.Replicas > 1 && !c.external():
		c.found.fault(n.at("replicas"), "%d replicas need a cluster of servers: nats.embedded.cluster, or one that nats.address names; the built-in server alone keeps 1", s.Replicas)
	}
	payload := min(read(c.root, int64(defaultMaxPayload), "nats", "embedded", "max-payload"), largestPayload)
	if s.MaxBytes > 0 && s.MaxBytes < 2*payload && !c.external() {
		c.found.fault(n.at("max-bytes"), "%s is out of range: the log has to hold two of the largest messages: give %s or more, or a lower nats.embedded.max-payload than %s",
			showSize(s.MaxBytes), showSize(2*payload), showSize(payload))
	}
	if s.MaxAge < 2*checkpoints {
		c.found.warn(n.at("max-age"), "the log keeps %s, less than two checkpoint intervals of %s: if the newest checkpoint "+
			"is damaged, samples between the one before and what the log holds are lost", s.MaxAge, checkpoints)
	}
	return s
}

func (c composer) metricStore(retention time.Duration, stream string) MetricStore {
	n := c.root.at("metric-store")
	return MetricStore{
		Retention:       retention,
		MemoryCap:       int64(read(n, 0.0, "memory-cap") * (1 << 30)),
		Workers:         int(read(n, int64(0), "num-workers")),
		MaxSeries:       int(read(n, int64(defaultMaxSeries), "max-series-per-host")),
		MaxHosts:        int(read(n, int64(defaultMaxHosts), "max-hosts")),
		MaxNewSeries:    int(read(n, int64(defaultMaxNewSeries), "max-new-series")),
		FutureTolerance: read(n, defaultFutureTolerance, "future-tolerance"),
		Subscriptions:   c.subscriptions(n, stream),

		CheckpointDirectory: read(n, defaultCheckpoints, "checkpoints", "directory"),
		Archive:             c.archive(n),
	}
}
