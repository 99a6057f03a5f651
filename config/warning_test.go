package config

import (
	"testing"
	"time"
)

func TestWarnings(t *testing.T) {
	tests := []struct {
		edit    string
		warning string
		unknown bool
	}{
		{`main.address ":1"`, `main.address: did you mean "addr"?`, true},
		{`main.https-cert "x"`, `main.https-cert: did you mean "https-cert-file"?`, true},
		{`main.jwt-public-key "kzfYrYy+TzpanWZHJ5qSdMj5uKUWgq74BWhQG6copP0="`, `main.jwt-public-key: is the key of ClusterCockpit's public demo`, false},
		{`memory-cap 5`, `memory-cap: it belongs at metric-store.memory-cap`, true},
		{`metric-store.retention_in_memory "1h"`, `metric-store.retention_in_memory: did you mean "retention-in-memory"?`, true},
		{`subscribe-to "x"`, `subscribe-to: it belongs at metric-store.nats-subscriptions[].subscribe-to`, true},
		{`frequency 60`, `frequency: it belongs at metrics.<name>.frequency`, true},
		{`metric-file "x"`, `metric-file: did you mean "metrics-file"?`, true},
		{`nats.stream.zzz 1`, `nats.stream.zzz: known here are compression, max-age, max-bytes, name, replicas`, true},
		{`metrics.cpu_load.scope "node"`, `metrics.cpu_load.scope: known here are aggregation, frequency`, true},
		{`metrics.cpu_load.aggregation "max"`, `metrics.cpu_load.aggregation: "max" is no aggregation`, false},
		{`main.debug.dump-to-file "x"`, `main.debug.dump-to-file: has no effect`, false},
		{`main.jwt-roles {"free": ["admin"]}`, `main.jwt-roles: without jwt-public-key`, false},
		{`metric-store.debug {"dump-to-file": "x"}`, `metric-store.debug: has no effect`, false},
		{`metric-store.cleanup.interval "1h"`, `metric-store.cleanup.interval: has no effect`, false},
		{`metric-store.cleanup.directory "x"`, `metric-store.cleanup.directory: has no effect`, false},
		{`metric-store.checkpoints.restore "1h"`, `metric-store.checkpoints.restore: has no effect`, false},
		{`metric-store.checkpoints.file-format "wal"`, `metric-store.checkpoints.file-format: has no effect`, false},
		{`metric-store.checkpoints.max-wal-size 1`, `metric-store.checkpoints.max-wal-size: has no effect`, false},
		{`metric-store.nats-subscriptions []`, `metric-store.nats-subscriptions: from the subject "hpc-nats"`, false},
		{`nats.username "x"`, `nats.username: no address of a broker`, false},
		{`nats.embedded {"username": "x", "password": "x"}`, `nats.embedded.username: listens for nobody`, false},
		{`nats.stream.max-age "50m"`, `nats.stream.max-age: keeps 50m0s, less than two checkpoint intervals of 30m0s`, false},
	}
	for _, test := range tests {
		t.Run(test.edit, func(t *testing.T) {
			cfg, warnings, err := parse("config.json", edit(t, minimal, test.edit))
			if err != nil || cfg == nil {
				t.Fatal(err)
			}
			expect(t, "warning", texts(warnings), []string{test.warning})
			if len(warnings) == 1 && warnings[0].UnknownKey != test.unknown {
				t.Errorf("UnknownKey is %v", warnings[0].UnknownKey)
			}
		})
	}
}

func TestAcceptedSilently(t *testing.T) {
	for _, e := range []string{
		`nats null`,
		`main.jwt-public-key ""`,
		`main.addr ":0"`,
		`main.addr "[::1]:8080"`,
		`nats.address "broker"`,
		`nats.address "nats://user:pass@a:4222,tls://b, [::1]:4222"`,
		`nats.address "ws://a:80,wss://b"`,
		`nats.embedded.addr "127.0.0.1:0"`,
		`nats.embedded.sync "always"`,
		`metrics.cpu_load.frequency 6e1`,
		`metrics.cpu_load.aggregation ""`,
		`metric-store.debug null`,
		`metric-store.checkpoints {"directory": "x", "interval": "1h"}`,
		`metric-store.checkpoint-interval "12h"`,
		`metric-store.archive {}`,
		`metric-store.archive {"delete-instead": true, "interval": "1h"}`,
		`metric-store.cleanup {"mode": "delete", "directory": ""}`,
		`metric-store.memory-cap 0`,
		`nats.embedded.max-store 0`,
		`nats.embedded.directory "./var/checkpoints/../nats2"`,
		`nats.embedded.directory "./var/checkpoints/nats"`,
		`nats.embedded.directory "./var/check"`,
		`nats.embedded.addr "localhost:8083"`,
		`nats.stream.max-bytes 0`,
		`nats {"stream": {"max-bytes": "4MB"}, "embedded": {"max-payload": "2MB"}}`,
		`nats {"stream": {"max-bytes": "4MB"}, "address": "broker"}`,
		`nats.stream.max-age "96h"`,
	} {
		_, warnings, err := parse("config.json", edit(t, minimal, e))
		if err != nil || len(warnings) > 0 {
			t.Errorf("%s: %v %v", e, err, warnings)
		}
	}
}

func TestOlderSubscriptionsKey(t *testing.T) {
	cfg, _, err := parse("config.json", edit(t, minimal, `metric-store.nats-subscriptions null`,
		`metric-store.subscriptions [{"subscribe-to": "a", "cluster-tag": "b"}]`))
	if err != nil || len(cfg.MetricStore.Subscriptions) != 1 || cfg.MetricStore.Subscriptions[0] != (Subscription{"a", "b"}) {
		t.Errorf("got %+v, %v", cfg, err)
	}
}

func TestFlatDetection(t *testing.T) {
	for base, flat := range map[string]bool{minimal: false, minimalFlat: true} {
		_, warnings, err := parse("config.json", []byte(base))
		if err != nil || (len(warnings) == 1 && warnings[0].Text == flatWarning) != flat {
			t.Errorf("flat %v: %v %v", flat, warnings, err)
		}
	}
	cfg, _, err := parse("config.json", edit(t, minimal, `http-api {}`))
	if err != nil || cfg.MetricStore.Retention != 48*time.Hour {
		t.Errorf("a file with main is of the new format: %+v, %v", cfg, err)
	}
	_, warnings, err := parse("config.json", []byte(`{"main": {"addr": ":0"}, "metrics": {"a": {"frequency": 1}}, "http-api": {}}`))
	if err != nil {
		t.Error(err)
	}
	expect(t, "warning", texts(warnings), []string{"http-api: unknown key"})
}

func TestPayloadIsCappedAtWhatTheLogStores(t *testing.T) {
	cfg, warnings, err := parse("config.json", edit(t, minimal, `nats.embedded.max-payload "64MB"`))
	if err != nil {
		t.Fatal(err)
	}
	if cfg.NATS.Embedded.MaxPayload != largestPayload {
		t.Errorf("max payload %d", cfg.NATS.Embedded.MaxPayload)
	}
	expect(t, "warning", texts(warnings), []string{"nats.embedded.max-payload: 64MB is more than the log stores"})
}

func TestBackend(t *testing.T) {
	cfg, warnings, err := parse("config.json", edit(t, minimal, `main.backend-url "https://cc.example.org/"`, `main.backend-token "x"`))
	if err != nil || len(warnings) > 0 {
		t.Fatal(err, warnings)
	}
	if m := cfg.Main; m.BackendURL != "https://cc.example.org" || m.BackendToken != "x" {
		t.Errorf("got %+v", m)
	}
	_, warnings, err = parse("config.json", edit(t, minimal, `main.backend-token "x"`))
	if err != nil {
		t.Fatal(err)
	}
	expect(t, "warning", texts(warnings), []string{"main.backend-token: no effect"})
}
