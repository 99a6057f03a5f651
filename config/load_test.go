package config

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestLoad(t *testing.T) {
	defaults := Default().NATS
	defaults.Embedded.Addr = ""
	tests := []struct {
		file     string
		want     Config
		warnings []string // path: part of the text
	}{
		{
			file: "sections.json",
			want: Config{
				Main: Main{
					Addr: "0.0.0.0:8082", User: "metrics", Group: "hpc", JWTPublicKey: testKey, Gops: true,
					JWTRoles: map[string][]string{"free": {"admin", "api"}, "query": {}},
				},
				Metrics: map[string]Metric{"cpu_load": {60, ""}, "flops_any": {10, "sum"}, "clock": {60, "avg"}},
				NATS: NATS{
					Address: "nats://broker1:4222, nats://broker2:4222", Username: "store", Password: "secret",
					Embedded: Embedded{
						Addr: "127.0.0.1:4223", Directory: "/data/nats", Username: "local", Password: "secret",
						MaxPayload: 10 << 20, MaxStore: 3 << 39, SyncInterval: 250 * time.Millisecond,
					},
					Stream: Stream{Name: "HPC", Replicas: 3, MaxAge: 72 * time.Hour, MaxBytes: 1 << 30},
				},
				MetricStore: MetricStore{
					Retention: 24 * time.Hour, MemoryCap: 1 << 29, Workers: 4, FutureTolerance: 5 * time.Minute, MaxSeries: defaultMaxSeries, MaxHosts: defaultMaxHosts, MaxNewSeries: defaultMaxNewSeries,
					CheckpointInterval: 12 * time.Hour, CheckpointDirectory: "/data/checkpoints",
					Subscriptions: []Subscription{{"hpc-nats", "north"}, {"south.*.metrics", "south"}},
				},
			},
			warnings: []string{"metric-store.checkpoints.file-format: has no effect"},
		},
		{
			file: "includes.json",
			want: Config{
				Main:    Main{Page: true, Addr: "localhost:8082"},
				Metrics: map[string]Metric{"mem_used": {30, ""}},
				NATS:    NATS{Address: "tls://broker:4222", Embedded: defaults.Embedded, Stream: defaults.Stream},
				MetricStore: MetricStore{
					Retention: 48 * time.Hour, MemoryCap: 8 << 30, FutureTolerance: 10 * time.Minute, MaxSeries: defaultMaxSeries, MaxHosts: defaultMaxHosts, MaxNewSeries: defaultMaxNewSeries,
					CheckpointInterval: 30 * time.Minute, CheckpointDirectory: "./var/checkpoints",
					Subscriptions: []Subscription{{"updates", ""}},
				},
			},
		},
		{
			file: "flat.json",
			want: Config{
				Main:    Main{Page: true, Addr: ":8081", JWTPublicKey: testKey, Gops: true},
				Metrics: map[string]Metric{"cpu_user": {60, "avg"}, "mem_bw": {60, "sum"}, "proc_run": {15, ""}},
				NATS: NATS{
					Address: "nats://broker:4222", Username: "store", Password: "secret", Embedded: defaults.Embedded,
					Stream: Stream{Name: "CC_METRICS", Replicas: 1, MaxAge: 24 * time.Hour, Compression: true, Trim: true},
				},
				MetricStore: MetricStore{
					Retention: 24 * time.Hour, Workers: 2, FutureTolerance: 10 * time.Minute, MaxSeries: defaultMaxSeries, MaxHosts: defaultMaxHosts, MaxNewSeries: defaultMaxNewSeries,
					CheckpointInterval: 6 * time.Hour, CheckpointDirectory: "/srv/checkpoints",
					Subscriptions: []Subscription{{"updates", "north"}, {"metrics.rack1", ""}},
				},
			},
			warnings: []string{": old flat format", "checkpoints.file-format: has no effect", "checkpoints.restore: has no effect"},
		},
		{
			file: "flat-http.json",
			want: Config{
				Main:    Main{Page: true, Addr: "0.0.0.0:8084"},
				Metrics: map[string]Metric{"cpu_load": {60, ""}},
				NATS:    defaults,
				MetricStore: MetricStore{
					Retention: 48 * time.Hour, FutureTolerance: 10 * time.Minute, MaxSeries: defaultMaxSeries, MaxHosts: defaultMaxHosts, MaxNewSeries: defaultMaxNewSeries,
					CheckpointInterval: 12 * time.Hour, CheckpointDirectory: "./var/checkpoints",
					Subscriptions: []Subscription{{"hpc-nats", ""}},
				},
			},
			warnings: []string{
				": old flat format", "checkpoints.restore: has no effect",
			},
		},
	}
	for _, test := range tests {
		t.Run(test.file, func(t *testing.T) {
			cfg, warnings, err := load(filepath.Join("testdata", test.file))
			if err != nil {
				t.Fatal(err)
			}
			test.want.Main.Prometheus = Default().Main.Prometheus // none of the files has it
			if !reflect.DeepEqual(*cfg, test.want) {
				t.Errorf("got  %+v\nwant %+v", *cfg, test.want)
			}
			expect(t, "warning", texts(warnings), test.warnings)
		})
	}
}

func TestLoadReportsFileErrors(t *testing.T) {
	_, _, err := load(filepath.Join(t.TempDir(), "absent.json"))
	if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "absent.json") {
		t.Errorf("missing file: %v", err)
	}
	tests := []struct{ name, text, want string }{
		{"empty", "", "config.json: line 1, column 1: unexpected end of JSON input: the file is empty, it has to hold {} at least"},
		{"trailing comma", "{\n  \"main\": {},\n}", "config.json: line 3, column 1: invalid character '}'"},
		{"characters, not bytes", "{\"größe\" 1}", "config.json: line 1, column 10: invalid character '1'"},
		{"cut off", "{\n \"main\": {", "config.json: line 2, column 10: unexpected end"},
		{"second value", "{}\n{}", "config.json: line 2, column 1: invalid character '{' after top-level value"},
		{"UTF-16, little end first", "\xff\xfe{\x00}\x00", "config.json: the text is encoded in UTF-16 or UTF-32"},
		{"UTF-16, big end first", "\xfe\xff\x00{\x00}", "config.json: the text is encoded in UTF-16 or UTF-32"},
		{"UTF-16 without a mark", "{\x00}\x00", "config.json: the text is encoded in UTF-16 or UTF-32"},
		{"UTF-32", "\xff\xfe\x00\x00{\x00\x00\x00", "config.json: the text is encoded in UTF-16 or UTF-32"},
		{"Latin-1", "{\n  \"gr\xf6\xdfe\": 1}", "config.json: line 2, column 6: the text is not encoded in UTF-8"},
		{"fault after a byte order mark", "\xef\xbb\xbf{\n,}", "config.json: line 2, column 1: invalid character ','"},
		{"nothing but a byte order mark", "\xef\xbb\xbf", "config.json: line 1, column 1: unexpected end"},
		{"depth", strings.Repeat("[", 100_000), "exceeded max depth"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, _, err := parse("config.json", []byte(test.text))
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

// TestByteOrderMark: editors put it in front of a file, and of included ones.
func TestByteOrderMark(t *testing.T) {
	const mark = "\xef\xbb\xbf"
	dir := t.TempDir()
	for name, text := range map[string]string{
		"config.json":  mark + string(edit(t, minimal, `metrics null`, `metrics-file "metrics.json"`)),
		"metrics.json": mark + `{"clock": {"frequency": 5}}`,
		"flat.json":    mark + minimalFlat,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cfg, warnings, err := load(filepath.Join(dir, "config.json"))
	if err != nil || len(warnings) > 0 || cfg.Metrics["clock"].Frequency != 5 {
		t.Errorf("got %+v, %v, %v", cfg, warnings, err)
	}
	if cfg, _, err = load(filepath.Join(dir, "flat.json")); err != nil || cfg.MetricStore.Retention != 48*time.Hour {
		t.Errorf("got %+v, %v", cfg, err)
	}
}

func TestOverrides(t *testing.T) {
	const text = `{"main": {"addr": ":1"}, "nats": {"embedded": {"username": "u", "password": "p"}}}`
	o := Overrides{Addr: "127.0.0.1:2", NATSAddr: "127.0.0.1:3"}
	cfg, warnings, err := o.parse("config.json", []byte(text))
	if err != nil || len(warnings) > 0 || cfg.Main.Addr != o.Addr || cfg.NATS.Embedded.Addr != o.NATSAddr {
		t.Errorf("got %+v, %v, %v", cfg, warnings, err)
	}
	if cfg, err = o.Default(); err != nil || cfg.Main.Addr != o.Addr || cfg.NATS.Embedded.Addr != o.NATSAddr {
		t.Errorf("got %+v, %v", cfg, err)
	}
	if cfg, err = (Overrides{}).Default(); err != nil || !reflect.DeepEqual(cfg, Default()) {
		t.Errorf("got %+v, %v", cfg, err)
	}
	bad := Overrides{Addr: "nowhere", NATSAddr: "http://x"}
	_, _, err = bad.parse("config.json", []byte(text))
	expectFaults(t, err, "-addr: not host:port", "-nats-addr: not host:port")
	_, err = bad.Default()
	expectFaults(t, err, "-addr: not host:port", "-nats-addr: not host:port")
}
