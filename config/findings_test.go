package config

import (
	"os"
	"strings"
	"testing"
)

func TestFaults(t *testing.T) {
	tests := []struct {
		edit  string
		fault string // path: part of the problem
	}{
		{`main []`, `main: found a list, wanted an object`},
		{`main.addr 8080`, `main.addr: found a number, wanted text in quotes`},
		{`main.addr "localhost"`, `main.addr: not host:port`},
		{`main.addr "localhost:65536"`, `main.addr: a port of 0 to 65535`},
		{`main.addr "localhost:http"`, `main.addr: not host:port`},
		{`main.addr "http://localhost:80"`, `main.addr: not host:port`},
		{`main.addr "a b:80"`, `main.addr: not host:port`},
		{`main.jwt-public-key "%"`, `main.jwt-public-key: not standard base64`},
		{`main.jwt-public-key "AAEC"`, `main.jwt-public-key: holds 3 bytes: an Ed25519 public key has 32`},
		{`main.backend-url "cc:8080"`, `main.backend-url: "cc:8080" is not an address`},
		{`main.debug.gops "yes"`, `main.debug.gops: found text, wanted true or false`},
		{`metrics {}`, `metrics: is empty`},
		{`metrics.cpu_load null`, `metrics.cpu_load: found null, wanted an object`},
		{`metrics.cpu_load {}`, `metrics.cpu_load.frequency: is required`},
		{`metrics.cpu_load.frequency 0`, `metrics.cpu_load.frequency: 0 s is out of range: give 1 s`},
		{`metrics.cpu_load.frequency "60s"`, `metrics.cpu_load.frequency: a whole number of seconds`},
		{`metrics.cpu_load.frequency 1.5`, `metrics.cpu_load.frequency: 1.5 is not a whole number`},
		{`metrics.cpu_load.frequency 1e400`, `metrics.cpu_load.frequency: out of range`},
		{`metrics.cpu_load.aggregation true`, `metrics.cpu_load.aggregation: wanted "sum", "avg" or null`},
		{`metrics {"a b": {"frequency": 1}}`, `metrics["a b"]: no blank`},
		{`metrics {"a,b": {"frequency": 1}}`, `metrics["a,b"]: comma`},
		{`metrics {"": {"frequency": 1}}`, `metrics[""]: 1 to 255 bytes`},
		{`metrics {"nv_*": {"frequency": 1}}`, `metrics["nv_*"]: '*' stands for all other metrics when it is alone`},
		{`metrics {"*": {}}`, `metrics["*"].frequency: is required`},
		{`metrics {"#a": {"frequency": 1}}`, `metrics["#a"]: begin with '#'`},
		{`nats.address "http://broker"`, `nats.address: unknown scheme "http"`},
		{`nats.address "nats://a:4222,nats://:1"`, `nats.address: server 2 of the list`},
		{`nats.address "nats://user:secret@a:b"`, `nats.address: server 1 of the list`},
		{`nats.address "ws://a, nats://b"`, `nats.address: mixes web socket servers`},
		{`nats [{"address": "a"}]`, `nats: found a list, wanted an object`},
		{`nats {"address": "a", "password": "x"}`, `nats.password: without username`},
		{`nats {"address": "a", "creds-file-path": "absent"}`, `nats.creds-file-path: no such file`},
		{`nats.address "broker:0"`, `nats.address: server 1 of the list`},
		{`nats.address "[::1]:00"`, `nats.address: server 1 of the list`},
		{`nats {"embedded": {"addr": ":1", "username": "x", "password": "$2a$11$abc"}}`, `nats.embedded.password: looks like a bcrypt hash`},
		{`nats.embedded.addr "localhost:8082"`, `nats.embedded.addr: the address of REST as well`},
		{`nats {"embedded": {"addr": "127.0.0.1:1"}, "address": "a:1, nats://u:secret@127.0.0.1:1"}`, `nats.address: 127.0.0.1:1 is where the embedded server is to listen`},
		{`nats.embedded.directory "var/checkpoints/"`, `nats.embedded.directory: within the directory of the log`},
		{`nats.embedded.directory "."`, `nats.embedded.directory: within the directory of the log`},
		{`metric-store.checkpoints {"directory": "./var/x/../nats/jetstream"}`, `metric-store.checkpoints.directory: within the directory of the log`},
		{`metric-store.nats-subscriptions [{"subscribe-to": "` + strings.Repeat("a.", 300) + `b"}]`, `metric-store.nats-subscriptions[0].subscribe-to: has 601 bytes, more than 512`},
		{`metric-store.nats-subscriptions [{"subscribe-to": "a", "cluster-tag": "` + strings.Repeat("x", 70000) + `"}]`, `metric-store.nats-subscriptions[0].cluster-tag: it has 1 to 255 bytes`},
		{`metric-store.nats-subscriptions [{"subscribe-to": "a", "cluster-tag": "a\nb"}]`, `metric-store.nats-subscriptions[0].cluster-tag: no control characters`},
		{`nats.stream.name "` + strings.Repeat("x", 241) + `"`, `nats.stream.name: at most 240 bytes`},
		{`nats.stream.name "_INBOX"`, `nats.stream.name: not _INBOX`},
		{`nats.subscriptions [{"subscribe-to": "a"}]`, `nats.subscriptions: move them there`},
		{`nats.embedded.addr "4222"`, `nats.embedded.addr: not host:port`},
		{`nats.embedded.password "x"`, `nats.embedded.password: without username`},
		{`nats.embedded {"addr": ":1", "username": "x"}`, `nats.embedded.username: without password`},
		{`nats.embedded.max-payload "64XB"`, `nats.embedded.max-payload: a size in quotes`},
		{`nats.embedded.max-payload 1024`, `nats.embedded.max-payload: 1KB is out of range: give 128KB to 1GB`},
		{`nats.embedded.max-payload "64KB"`, `nats.embedded.max-payload: 64KB is out of range: give 128KB to 1GB`},
		{`nats.embedded.max-store "63MB"`, `nats.embedded.max-store: 63MB is out of range: give 64MB to 8191TB`},
		{`nats.stream.max-bytes "1KB"`, `nats.stream.max-bytes: 1KB is out of range: give 4MB to 8191TB`},
		{`nats.stream.max-bytes "10MB"`, `nats.stream.max-bytes: 10MB is out of range: the log has to hold two of the largest messages: give 62MB or more`},
		{`nats.embedded.max-store -1`, `nats.embedded.max-store: "-1" is not a number of bytes`},
		{`nats.embedded.max-store "9000000TB"`, `nats.embedded.max-store: no disk holds more than 8191TB`},
		{`nats.embedded.sync "never"`, `nats.embedded.sync: "always" or the time`},
		{`nats.embedded.sync "0s"`, `nats.embedded.sync: out of range: give 1ms`},
		{`nats.stream.name "a.b"`, `nats.stream.name: cannot name a stream`},
		{`nats.stream.name "a b"`, `nats.stream.name: cannot name a stream`},
		{`nats.stream.name "a*"`, `nats.stream.name: cannot name a stream`},
		{`nats.stream.name "a/b"`, `nats.stream.name: cannot name a stream`},
		{`nats.stream.replicas 6`, `nats.stream.replicas: give 1 to 5`},
		{`nats.stream.replicas 3`, `nats.stream.replicas: need a cluster`},
		{`nats.stream.max-age "0s"`, `nats.stream.max-age: out of range`},
		{`nats.stream.compression "s2"`, `nats.stream.compression: wanted true or false`},
		{`metric-store.retention-in-memory 48`, `metric-store.retention-in-memory: found a number, wanted a duration in quotes`},
		{`metric-store.retention-in-memory "2d"`, `metric-store.retention-in-memory: "2d" is not a duration`},
		{`metric-store.retention-in-memory "30s"`, `metric-store.retention-in-memory: 30s is out of range: give 1m0s`},
		{`metric-store.memory-cap "100GB"`, `metric-store.memory-cap: wanted a number of GB`},
		{`metric-store.memory-cap -1`, `metric-store.memory-cap: -1 GB is out of range`},
		{`metric-store.memory-cap 0.01`, `metric-store.memory-cap: 0.01 GB is out of range`},
		{`metric-store.num-workers -1`, `metric-store.num-workers: -1 is out of range`},
		{`metric-store.future-tolerance "0s"`, `metric-store.future-tolerance: out of range`},
		{`metric-store.checkpoints.directory 1`, `metric-store.checkpoints.directory: wanted text`},
		{`metric-store.checkpoint-interval 3600`, `metric-store.checkpoint-interval: wanted a duration`},
		{`metric-store.cleanup {"mode": "archive", "keep": "1s"}`, `metric-store.cleanup.keep: 1s is out of range`},
		{`metric-store.cleanup {"mode": "archive", "max-bytes": "1MB"}`, `metric-store.cleanup.max-bytes: 1MB is out of range`},
		{`metric-store.cleanup.mode "keep"`, `metric-store.cleanup.mode: "keep" is not known`},
		{`metric-store.cleanup {"mode": "archive", "directory": "./var/nats/archive"}`, `metric-store.cleanup.directory: within the directory of the log`},
		{`metric-store.cleanup {"mode": "archive", "directory": "./var/checkpoints"}`, `metric-store.cleanup.directory: within the directory of the checkpoints`},
		{`metric-store.nats-subscriptions {}`, `metric-store.nats-subscriptions: wanted a list`},
		{`metric-store.nats-subscriptions [null]`, `metric-store.nats-subscriptions[0]: found null, wanted an object`},
		{`metric-store.nats-subscriptions [{"cluster-tag": "a"}]`, `metric-store.nats-subscriptions[0].subscribe-to: is required`},
		{`metric-store.nats-subscriptions [{"subscribe-to": "a", "cluster-tag": "../a"}]`, `metric-store.nats-subscriptions[0].cluster-tag: cannot name a cluster`},
		{`metric-store.subscriptions [{"subscribe-to": "a"}]`, `metric-store.subscriptions: older name`},
		{`main.jwt-roles {"admin": []}`, `main.jwt-roles.admin: the classes are query, write, free, debug`},
		{`main.jwt-roles {"free": [""]}`, `main.jwt-roles.free[0]: is empty`},
		{`main.jwt-roles {"free": null}`, `main.jwt-roles.free: found null, wanted a list`},
		{`main.https-cert-file "absent.pem"`, `main.https-cert-file: no such file`},
	}
	for _, test := range tests {
		t.Run(test.edit, func(t *testing.T) {
			_, _, err := parse("config.json", edit(t, minimal, test.edit))
			want := []string{test.fault}
			if strings.HasPrefix(test.edit, "main.https") {
				want = append(want, "main.https-cert-file: without https-key-file")
			}
			expectFaults(t, err, want...)
			if len(err.Error()) > 2000 {
				t.Errorf("the message has %d bytes", len(err.Error()))
			}
			if strings.Contains(err.Error(), "secret") {
				t.Error("the message gives away a password")
			}
		})
	}
}

func TestFaultsAreReportedTogether(t *testing.T) {
	_, warnings, err := parse("config.json", []byte(`{
		"main": {"adr": ":80", "user": 1},
		"metrics": {"b": {"frequency": 0}, "a": {}, "b": {"frequency": 1, "frequency": 0}},
		"metric-store": {"retention-in-memory": "1s", "nats-subscriptions": [{"subscribe-to": ">"}]}
	}`))
	expectFaults(t, err,
		"main.user: wanted text",
		"metric-store.nats-subscriptions[0].subscribe-to: take in the log's own",
		"metric-store.retention-in-memory: out of range",
		"metrics.a.frequency: is required",
		"metrics.b: more than once",
		"metrics.b.frequency: more than once",
		"metrics.b.frequency: out of range",
	)
	expect(t, "warning", texts(warnings), []string{`main.adr: did you mean "addr"?`})
	lines := strings.Split(err.Error(), "\n")
	if len(lines) != 8 || lines[0] != "check configuration config.json: 7 faults:" || !strings.HasPrefix(lines[1], "  main.user: ") {
		t.Errorf("error reads\n%s", err)
	}
	for _, text := range []string{`[]`, `null`, `"main"`, `7`} {
		_, _, err = parse("config.json", []byte(text))
		expectFaults(t, err, ": wanted an object")
	}
}

// TestFaultsNameAbsolutePaths: nobody remembers at night where a service was started.
func TestFaultsNameAbsolutePaths(t *testing.T) {
	t.Chdir(t.TempDir())
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	write := func(name, text string) {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("bad.json", `{`)
	write("config.json", `{"main": {"https-cert-file": "cert.pem", "https-key-file": "."}, "nats-file": "absent.json", "metric-store-file": "bad.json"}`)
	_, _, err = load("config.json")
	expectFaults(t, err, "main.https-cert-file: "+here+"/cert.pem", `main.https-key-file: "`+here+`" is not a regular file`,
		"metric-store-file: "+here+"/bad.json: line 1", "nats-file: "+here+"/absent.json")
	if !strings.HasPrefix(err.Error(), "check configuration "+here+"/config.json: ") {
		t.Error(err)
	}
	if _, _, err = load("absent.json"); err == nil || !strings.Contains(err.Error(), here+"/absent.json") {
		t.Error(err)
	}
}

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
		{`metric-store.cleanup.directory "x"`, `metric-store.cleanup.directory: has no effect: samples older than the retention are deleted`, false},
		{`metric-store.cleanup {"mode": "delete", "keep": "1h"}`, `metric-store.cleanup.keep: has no effect`, false},
		{`metric-store.archive {"interval": "50h", "directory": "x"}`, `metric-store.archive.interval: has no effect: the archive is written every half retention`, false},
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
		`metric-store.cleanup {"mode": "archive", "directory": "x", "keep": "720h", "max-bytes": "1TB"}`,
		`metric-store.archive {"directory": "x"}`,
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
