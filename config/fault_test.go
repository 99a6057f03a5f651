package config

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const minimal = `{
	"main": {"addr": "localhost:8082"},
	"metrics": {"cpu_load": {"frequency": 60}},
	"metric-store": {"retention-in-memory": "48h", "nats-subscriptions": [{"subscribe-to": "hpc-nats"}]}
}`

const minimalFlat = `{
	"http-api": {"address": "localhost:8082"},
	"metrics": {"cpu_load": {"frequency": 60}},
	"retention-in-memory": "48h",
	"nats": [{"address": "broker:4222", "subscriptions": [{"subscribe-to": "hpc-nats"}]}]
}`

// edit returns base with the value at each dotted path replaced: "path value".
func edit(t *testing.T, base string, edits ...string) []byte {
	t.Helper()
	var root map[string]any
	if err := json.Unmarshal([]byte(base), &root); err != nil {
		t.Fatal(err)
	}
	for _, e := range edits {
		path, value, _ := strings.Cut(e, " ")
		keys := strings.Split(path, ".")
		section := root
		for _, key := range keys[:len(keys)-1] {
			below, ok := section[key].(map[string]any)
			if !ok {
				below = map[string]any{}
				section[key] = below
			}
			section = below
		}
		section[keys[len(keys)-1]] = json.RawMessage(value)
	}
	data, err := json.Marshal(root)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

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
		{`metric-store.cleanup.mode "archive"`, `metric-store.cleanup.mode: archiving is not supported`},
		{`metric-store.cleanup.mode "keep"`, `metric-store.cleanup.mode: "keep" is not known`},
		{`metric-store.archive {"directory": "x"}`, `metric-store.archive: archiving is not supported`},
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

func TestFlatFaults(t *testing.T) {
	tests := []struct{ edit, fault string }{
		{`http-api.address "8080"`, `http-api.address: not host:port`},
		{`http-api.https-key-file "fault_test.go"`, `http-api.https-key-file: without https-cert-file`},
		{`metrics.cpu_load.aggregation "max"`, `metrics.cpu_load.aggregation: "max" is no aggregation`},
		{`archive {"interval": "50h", "directory": "x"}`, `archive: archiving is not supported`},
		{`archive {"directory": "x", "delete-instead": false}`, `archive: archiving is not supported`},
		{`checkpoints.interval 3600`, `checkpoints.interval: wanted a duration`},
		{`nats {"address": "a"}`, `nats: found an object, wanted a list`},
		{`nats [{"address": "a"}, {"address": "b"}]`, `nats: lists 2 servers, but a store reads one log`},
		{`nats [{"address": "a", "subscriptions": [{"subscribe-to": "a"}, {"subscribe-to": "b..c"}]}]`, `nats[0].subscriptions[1].subscribe-to: empty part`},
	}
	for _, test := range tests {
		t.Run(test.edit, func(t *testing.T) {
			_, _, err := parse("config.json", edit(t, minimalFlat, test.edit))
			expectFaults(t, err, test.fault)
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
	_, _, err = Load("config.json")
	expectFaults(t, err, "main.https-cert-file: "+here+"/cert.pem", `main.https-key-file: "`+here+`" is not a regular file`,
		"metric-store-file: "+here+"/bad.json: line 1", "nats-file: "+here+"/absent.json")
	if !strings.HasPrefix(err.Error(), "check configuration "+here+"/config.json: ") {
		t.Error(err)
	}
	if _, _, err = Load("absent.json"); err == nil || !strings.Contains(err.Error(), here+"/absent.json") {
		t.Error(err)
	}
}

func TestHTTPSAndCredentialFiles(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	quoted, err := json.Marshal(file)
	if err != nil {
		t.Fatal(err)
	}
	name := string(quoted)
	cfg, _, err := parse("config.json", edit(t, minimal, "main.https-cert-file "+name, "main.https-key-file "+name,
		`nats.address "broker"`, "nats.creds-file-path "+name))
	if err != nil || cfg.Main.HTTPSCertFile != file || cfg.Main.HTTPSKeyFile != file || cfg.NATS.CredsFile != file {
		t.Errorf("got %+v, %v", cfg, err)
	}
	_, _, err = parse("config.json", edit(t, minimal, "main.https-cert-file "+name, `nats.address "broker"`,
		`nats.username "u"`, "nats.creds-file-path "+name))
	expectFaults(t, err, "main.https-cert-file: without https-key-file", "nats.creds-file-path: together with username")
}
