package config

import (
	"cmp"
	"net"
	"path/filepath"
	"strings"
)

// conflicts reports settings of which each is valid, but not together with another one. At
// run time, they would show as a program that waits for itself.
func (c composer) conflicts(cfg *Config) {
	c.directories(cfg)
	c.addresses(cfg)
}

// directories reports a directory of checkpoints or of the archive within that of another part:
// each part counts all that is in its directory as its own.
func (c composer) directories(cfg *Config) {
	log, checkpoints := absolute(cfg.NATS.Embedded.Directory), absolute(cfg.MetricStore.CheckpointDirectory)
	if archive := cfg.MetricStore.Archive.Directory; archive != "" {
		archive = absolute(archive)
		for of, dir := range map[string]string{"log": log, "checkpoints": checkpoints} {
			if !isWithin(dir, archive) {
				continue
			}
			n := c.root.at("metric-store", "cleanup", "directory")
			for _, other := range []*node{c.root.at("metric-store", "archive"), c.root.at("metric-store", "cleanup")} {
				n = cmp.Or(n, other)
			}
			c.found.fault(n, "the archive, in %s, is within the directory of the %s, %s: give each one of its own", archive, of, dir)
		}
	}
	if isWithin(log, checkpoints) {
		n := c.root.at("metric-store", "checkpoints", "directory")
		if n == nil {
			n = c.root.at("nats", "embedded", "directory") // one of the two is given, or they would be apart
		}
		c.found.fault(n, "the checkpoints, in %s, are within the directory of the log, %s: give each one of its own", checkpoints, log)
	}
}

// isWithin reports whether a path is dir or below it.
func isWithin(dir, path string) bool {
	below, err := filepath.Rel(dir, path)
	return err == nil && below != ".." && !strings.HasPrefix(below, "../")
}

// addresses reports addresses of the program itself where others are wanted.
func (c composer) addresses(cfg *Config) {
	nats := c.root.at("nats", "embedded", "addr")
	if nats == nil {
		nats = &node{path: "-nats-addr"}
	}
	if cluster := cfg.NATS.Embedded.Cluster; cluster.Exists() && (cluster.Addr == cfg.Main.Addr || cluster.Addr == cfg.NATS.Embedded.Addr) {
		c.found.fault(c.root.at("nats", "embedded", "cluster"), "listens at %s, which is another address of this program as well: give each a port of its own", cluster.Addr)
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
