package config

import (
	"net"
	"path/filepath"
	"strings"
)

// conflicts reports settings that are good each, but not with one another: they
// would only show when the program waits for itself.
func (c composer) conflicts(cfg *Config) {
	c.directories(cfg)
	c.addresses(cfg)
}

// directories keeps what two parts write apart: each counts what is in its
// directory as its own.
func (c composer) directories(cfg *Config) {
	log, checkpoints := absolute(cfg.NATS.Embedded.Directory), absolute(cfg.MetricStore.CheckpointDirectory)
	if below, err := filepath.Rel(log, checkpoints); err == nil && below != ".." && !strings.HasPrefix(below, "../") {
		n := c.root.at("metric-store", "checkpoints", "directory")
		if n == nil {
			n = c.root.at("nats", "embedded", "directory") // one of the two is given, or they would be apart
		}
		c.found.fault(n, "the checkpoints, in %s, are within the directory of the log, %s: give each one of its own", checkpoints, log)
	}
}

// addresses finds the program's own addresses where others are wanted.
func (c composer) addresses(cfg *Config) {
	nats := c.root.at("nats", "embedded", "addr")
	if nats == nil {
		nats = &node{path: "-nats-addr"}
	}
	_, port, err := net.SplitHostPort(cfg.NATS.Embedded.Addr)
	if err != nil || port == "0" {
		return // it listens for nobody, or where nobody knows
	}
	if cfg.NATS.Embedded.Addr == cfg.Main.Addr {
		c.found.fault(nats, "%s is the address of REST as well: give each a port of its own", cfg.Main.Addr)
	}
	for server := range strings.SplitSeq(cfg.NATS.Address, ",") {
		server = strings.TrimSpace(server)
		if _, rest, ok := strings.Cut(server, "://"); ok {
			server = rest
		}
		server = server[strings.LastIndexByte(server, '@')+1:]
		if server == cfg.NATS.Embedded.Addr {
			c.found.fault(c.root.at("nats", "address"), "%s is where the embedded server is to listen: leave nats.address out to have the log in it", server)
		}
	}
}
