package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Hidden stands for a secret in what Config.JSON returns. A file in which it was not
// replaced is refused.
const Hidden = "(hidden)"

// JSON returns the configuration as a file, with all defaults. Hidden stands for passwords
// and tokens. When they are put in, Overrides.Load makes an equal Config of the file.
func (c *Config) JSON() ([]byte, error) {
	var b bytes.Buffer
	sections := []struct {
		name  string
		value any
	}{{"main", c.Main.section()}, {"metrics", metricLines(c.Metrics)}, {"nats", c.NATS.section()}, {"metric-store", c.MetricStore.section()}}
	for i, s := range sections {
		b.WriteString([]string{"{\n\t", ",\n\t"}[min(i, 1)])
		fmt.Fprintf(&b, "%q: ", s.name)
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false) // subjects have '>'
		e.SetIndent("\t", "\t")
		if lines, ok := s.value.(string); ok {
			b.WriteString(lines)
			continue
		}
		if err := e.Encode(s.value); err != nil {
			return nil, fmt.Errorf("print section %s: %w", s.name, err)
		}
		b.Truncate(b.Len() - 1) // the newline
	}
	b.WriteString("\n}\n")
	return b.Bytes(), nil
}

// metricLines gives each metric one line, as there may be hundreds.
func metricLines(metrics map[string]Metric) string {
	var b strings.Builder
	separator := "{\n"
	for _, name := range slices.Sorted(maps.Keys(metrics)) {
		aggregation := "null"
		if m := metrics[name]; m.Aggregation != "" {
			aggregation = quoted(m.Aggregation)
		}
		fmt.Fprintf(&b, "%s\t\t%s: { \"frequency\": %d, \"aggregation\": %s }", separator, quoted(name), metrics[name].Frequency, aggregation)
		separator = ",\n"
	}
	return b.String() + "\n\t}"
}

// quoted returns the text as JSON, which is not quite that of Go.
func quoted(text string) string {
	b, _ := json.Marshal(text) // of a string that never fails
	return string(b)
}

// hide returns what is printed in place of a secret.
func hide(secret string) string {
	if secret == "" {
		return ""
	}
	return Hidden
}

// hideUsers replaces the users, passwords and tokens within the addresses of a list.
func hideUsers(list string) string {
	if !strings.Contains(list, "@") {
		return list
	}
	servers := strings.Split(list, ",")
	for i, server := range servers {
		if _, rest, ok := strings.Cut(server, "://"); !ok || rest == "" {
			server = "nats://" + strings.TrimSpace(server)
		}
		u, err := url.Parse(strings.TrimSpace(server))
		if err != nil {
			servers[i] = Hidden
			continue
		}
		if u.User != nil {
			u.User = nil
			servers[i] = strings.Replace(u.String(), "://", "://"+Hidden+"@", 1)
		}
	}
	return strings.Join(servers, ",")
}

// Servers returns the addresses of the broker, without passwords.
func (n NATS) Servers() string { return hideUsers(n.Address) }

type mainKeys struct {
	Addr          string              `json:"addr"`
	HTTPSCertFile string              `json:"https-cert-file,omitempty"`
	HTTPSKeyFile  string              `json:"https-key-file,omitempty"`
	User          string              `json:"user,omitempty"`
	Group         string              `json:"group,omitempty"`
	JWTPublicKey  string              `json:"jwt-public-key,omitempty"`
	JWTKeyFile    string              `json:"jwt-public-key-file,omitempty"`
	JWTRoles      map[string][]string `json:"jwt-roles,omitempty"`
	BackendURL    string              `json:"backend-url,omitempty"`
	BackendToken  string              `json:"backend-token,omitempty"`
	Page          bool                `json:"page"`
	Prometheus    prometheusKeys      `json:"prometheus"`
	Debug         *debugKeys          `json:"debug,omitempty"`
}

type prometheusKeys struct {
	MaxQueries int    `json:"max-queries,omitempty"`
	Timeout    string `json:"timeout"`
	MaxSamples int    `json:"max-samples"`
	MaxSeries  int    `json:"max-series"`
	MaxPoints  int    `json:"max-points"`
	Lookback   string `json:"lookback"`
}

type debugKeys struct {
	Gops bool `json:"gops"`
}

func (m Main) section() mainKeys {
	keys := mainKeys{
		Addr: m.Addr, HTTPSCertFile: m.HTTPSCertFile, HTTPSKeyFile: m.HTTPSKeyFile, User: m.User, Group: m.Group,
		JWTPublicKey: m.JWTPublicKey, JWTRoles: m.JWTRoles, BackendURL: m.BackendURL, BackendToken: hide(m.BackendToken),
		Page: m.Page,
	}
	p := m.Prometheus
	keys.Prometheus = prometheusKeys{p.MaxQueries, p.Timeout.String(), p.MaxSamples, p.MaxSeries, p.MaxPoints, p.Lookback.String()}
	if m.JWTPublicKeyFile != "" {
		keys.JWTPublicKey, keys.JWTKeyFile = "", m.JWTPublicKeyFile
	}
	if m.Gops {
		keys.Debug = &debugKeys{Gops: true}
	}
	return keys
}

type natsKeys struct {
	Address   string       `json:"address,omitempty"`
	Username  string       `json:"username,omitempty"`
	Password  string       `json:"password,omitempty"`
	CredsFile string       `json:"creds-file-path,omitempty"`
	SeedFile  string       `json:"nkey-seed-file,omitempty"`
	Embedded  embeddedKeys `json:"embedded"`
	Stream    streamKeys   `json:"stream"`
}

type embeddedKeys struct {
	Addr       string `json:"addr,omitempty"`
	Username   string `json:"username,omitempty"`
	Password   string `json:"password,omitempty"`
	Directory  string `json:"directory"`
	MaxPayload any    `json:"max-payload"`
	MaxStore   any    `json:"max-store,omitempty"`
	Sync       string `json:"sync"`

	Cluster *clusterKeys `json:"cluster,omitempty"`
}

type clusterKeys struct {
	Name   string   `json:"name"`
	Node   string   `json:"node"`
	Addr   string   `json:"addr"`
	Routes []string `json:"routes"`
}

type streamKeys struct {
	Name        string `json:"name"`
	Replicas    int    `json:"replicas"`
	MaxAge      string `json:"max-age,omitempty"`
	MaxBytes    any    `json:"max-bytes,omitempty"`
	Compression bool   `json:"compression"`
}

func (n NATS) section() natsKeys {
	e, s := n.Embedded, n.Stream
	keys := natsKeys{
		Address: n.Servers(), Username: n.Username, Password: hide(n.Password), CredsFile: n.CredsFile, SeedFile: n.SeedFile,
		Embedded: embeddedKeys{
			Addr: e.Addr, Username: e.Username, Password: hide(e.Password), Directory: e.Directory,
			MaxPayload: sizeKey(e.MaxPayload), MaxStore: sizeKey(e.MaxStore), Sync: syncAlways,
		},
		Stream: streamKeys{Name: s.Name, Replicas: s.Replicas, MaxBytes: sizeKey(s.MaxBytes), Compression: s.Compression},
	}
	if !e.SyncAlways {
		keys.Embedded.Sync = e.SyncInterval.String()
	}
	if e.Cluster.Exists() {
		keys.Embedded.Cluster = (*clusterKeys)(&e.Cluster)
	}
	if !s.Trim { // otherwise the age is not given, but follows from others
		keys.Stream.MaxAge = s.MaxAge.String()
	}
	return keys
}

// sizeKey returns a size as it is written, nil for 0.
func sizeKey(bytes int64) any {
	switch {
	case bytes == 0:
		return nil
	case bytes%1024 == 0:
		return showSize(bytes)
	}
	return bytes
}

type metricStoreKeys struct {
	Retention          string             `json:"retention-in-memory"`
	MemoryCap          float64            `json:"memory-cap"`
	Workers            int                `json:"num-workers,omitempty"`
	MaxSeries          int                `json:"max-series-per-host"`
	MaxHosts           int                `json:"max-hosts"`
	MaxNewSeries       int                `json:"max-new-series"`
	CheckpointInterval string             `json:"checkpoint-interval"`
	Checkpoints        checkpointKeys     `json:"checkpoints"`
	Cleanup            *cleanupKeys       `json:"cleanup,omitempty"`
	FutureTolerance    string             `json:"future-tolerance"`
	Subscriptions      []subscriptionKeys `json:"nats-subscriptions"`
}

type checkpointKeys struct {
	Directory string `json:"directory"`
}

type cleanupKeys struct {
	Mode      string `json:"mode"`
	Directory string `json:"directory"`
	Keep      string `json:"keep,omitempty"`
	MaxBytes  any    `json:"max-bytes,omitempty"`
}

type subscriptionKeys struct {
	Subject    string `json:"subscribe-to"`
	ClusterTag string `json:"cluster-tag,omitempty"`
}

func (m MetricStore) section() metricStoreKeys {
	show := time.Duration.String
	keys := metricStoreKeys{
		Retention: show(m.Retention), MemoryCap: float64(m.MemoryCap) / (1 << 30), Workers: m.Workers,
		MaxSeries: m.MaxSeries, MaxHosts: m.MaxHosts, MaxNewSeries: m.MaxNewSeries,
		CheckpointInterval: show(m.CheckpointInterval), Checkpoints: checkpointKeys{m.CheckpointDirectory},
		FutureTolerance: show(m.FutureTolerance),
	}
	if a := m.Archive; a.Directory != "" {
		keys.Cleanup = &cleanupKeys{Mode: cleanupArchive, Directory: a.Directory, MaxBytes: sizeKey(a.MaxBytes)}
		if a.Keep > 0 {
			keys.Cleanup.Keep = show(a.Keep)
		}
	}
	for _, s := range m.Subscriptions {
		keys.Subscriptions = append(keys.Subscriptions, subscriptionKeys(s))
	}
	return keys
}
