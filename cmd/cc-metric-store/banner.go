package main

import (
	"fmt"
	"io"
	"maps"
	"net"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"cc-metric-store/config"
)

// printBanner prints once how this process is set up: where it is reached, what it
// stores, for how long, and where. url is that of REST.
func printBanner(w io.Writer, cfg *config.Config, o options, builtIn bool, url string) {
	b := banner{cfg: cfg}
	fmt.Fprintf(w, "cc-metric-store %s, %s\n", version, b.source(o, builtIn))
	lines := []struct{ what, text string }{
		{"REST", b.rest(url)},
		{"NATS", b.nats()},
		{"subjects", b.subjects()},
		{"metrics", b.metrics()},
		{"memory", b.memory()},
		{"log", b.log()},
		{"checkpoints", fmt.Sprintf("%s, at least every %s", absolute(cfg.MetricStore.CheckpointDirectory), formatDuration(cfg.MetricStore.CheckpointInterval))},
		{"archive", b.archive()},
	}
	for _, l := range lines {
		fmt.Fprintf(w, "  %-12s %s\n", l.what, l.text)
	}
	if builtIn {
		fmt.Fprintf(w, "  %-12s write with cc-metric-generator, or with curl as README.md shows; %s/readyz tells how it is, and a browser shows it at %s/\n", "try", url, url)
	}
}

// archive says what becomes of samples that leave memory.
func (b banner) archive() string {
	a := b.cfg.MetricStore.Archive
	if a.Directory == "" {
		return "none: samples that leave memory are deleted (metric-store.cleanup changes that)"
	}
	text := absolute(a.Directory)
	if a.Keep > 0 {
		text += ", for " + formatDuration(a.Keep)
	}
	if a.MaxBytes > 0 {
		text += ", at most " + gigabytes(a.MaxBytes)
	}
	return text
}

// banner makes the texts of the lines.
type banner struct{ cfg *config.Config }

func (b banner) source(o options, builtIn bool) string {
	if builtIn {
		return fmt.Sprintf("built-in defaults, as there is no %s", absolute(o.config))
	}
	return "configuration " + absolute(o.config)
}

func (b banner) rest(url string) string {
	tokens := "every request below /api needs a token"
	if b.cfg.Main.JWTPublicKey == "" {
		tokens = "no token is asked for, whoever reaches it may write and free samples (main.jwt-public-key changes that)"
	}
	return fmt.Sprintf("%s, %s; %s", url, reachableFrom(b.cfg.Main.Addr), tokens)
}

// reachableFrom says from where an address that is listened on can be reached.
func reachableFrom(address string) string {
	host, _, err := net.SplitHostPort(address)
	ip := net.ParseIP(host)
	switch {
	case err != nil:
		return "at " + address
	case host == "" || ip != nil && ip.IsUnspecified():
		return "on all addresses of this machine"
	case host == "localhost" || ip != nil && ip.IsLoopback():
		return "from this machine alone"
	}
	return "on " + host
}

func (b banner) nats() string {
	n := b.cfg.NATS
	if n.Address != "" {
		return "metrics come from the broker " + n.Servers()
	}
	e := n.Embedded
	if e.Addr == "" {
		return "closed: the embedded server listens for nobody, metrics come over REST alone (nats.embedded.addr or -nats-addr 127.0.0.1:4222 opens it)"
	}
	password := "no password is asked for, whoever reaches it may publish, and delete the log (nats.embedded.username and password change that)"
	if e.Username != "" {
		password = "user " + e.Username
	}
	address := "nats://" + e.Addr
	if _, port, err := net.SplitHostPort(e.Addr); err == nil && port == "0" {
		address += " (a free port, which the log names with -loglevel info)"
	}
	return fmt.Sprintf("%s, %s; %s", address, reachableFrom(e.Addr), password)
}

func (b banner) subjects() string {
	var all []string
	for _, s := range b.cfg.MetricStore.Subscriptions {
		cluster := "lines name their cluster"
		if s.ClusterTag != "" {
			cluster = "cluster " + s.ClusterTag + " unless a line names one"
		}
		all = append(all, fmt.Sprintf("%s (%s)", s.Subject, cluster))
	}
	return strings.Join(all, ", ")
}

// metrics says how many metrics of each interval are configured.
func (b banner) metrics() string {
	metrics := b.cfg.Metrics
	count := map[int64]int{}
	for name, m := range metrics {
		if name != config.Wildcard {
			count[m.Frequency]++
		}
	}
	var parts []string
	for _, frequency := range slices.Sorted(maps.Keys(count)) {
		parts = append(parts, fmt.Sprintf("%d at %d s", count[frequency], frequency))
	}
	if all, ok := metrics[config.Wildcard]; ok {
		parts = append(parts, fmt.Sprintf("all others at %d s", all.Frequency))
	} else {
		parts = append(parts, "no others")
	}
	text := strings.Join(parts, ", ")
	if reflect.DeepEqual(metrics, config.Default().Metrics) {
		text += " (the built-in list; a section metrics replaces it)"
	}
	return text
}

func (b banner) memory() string {
	m := b.cfg.MetricStore
	bound := "as much memory as that takes (metric-store.memory-cap bounds it)"
	if m.MemoryCap > 0 {
		bound = "at most " + gigabytes(m.MemoryCap) + " of samples"
	}
	return fmt.Sprintf("samples of the last %s, %s", formatDuration(m.Retention), bound)
}

func (b banner) log() string {
	n := b.cfg.NATS
	place := "in the embedded server, " + absolute(n.Embedded.Directory)
	if n.Address != "" {
		place = "on the broker; what it cannot take is kept in " + absolute(n.Embedded.Directory)
	}
	bounds := "keeps " + formatDuration(n.Stream.MaxAge)
	if n.Stream.Trim && n.Address == "" {
		bounds = "keeps what two checkpoints do not hold"
	}
	if n.Stream.MaxBytes > 0 {
		bounds += ", at most " + gigabytes(n.Stream.MaxBytes)
	}
	if n.Address == "" && n.Embedded.MaxStore > 0 {
		bounds += ", on disk at most " + gigabytes(n.Embedded.MaxStore)
	}
	return fmt.Sprintf("stream %s %s; %s", n.Stream.Name, place, bounds)
}

func gigabytes(bytes int64) string {
	return strconv.FormatFloat(float64(bytes)/(1<<30), 'g', 4, 64) + " GB"
}

// formatDuration returns a duration without the zeros at its end: 48h, not 48h0m0s.
func formatDuration(d time.Duration) string {
	text := d.String()
	if short, ok := strings.CutSuffix(text, "m0s"); ok {
		text = short + "m"
		if short, ok := strings.CutSuffix(text, "h0m"); ok {
			text = short + "h"
		}
	}
	return text
}

// absolute returns the path in a form that does not depend on the working directory.
func absolute(path string) string {
	if whole, err := filepath.Abs(path); err == nil {
		return whole
	}
	return path // the working directory is gone
}
