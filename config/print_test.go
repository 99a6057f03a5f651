package config

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// secrets puts passwords in where JSON hid them.
func secrets(text []byte, cfg *Config) []byte {
	for key, secret := range map[string]string{
		"backend-token": cfg.Main.BackendToken, "password": "secret",
	} {
		text = bytes.ReplaceAll(text, []byte(`"`+key+`": "`+Hidden+`"`), []byte(`"`+key+`": "`+secret+`"`))
	}
	return text
}

// TestPrintedConfigurationIsTheSame: what is printed reads back as it was,
// whatever was set.
func TestPrintedConfigurationIsTheSame(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	everything := strings.ReplaceAll(`{
		"main": {"addr": "[::1]:1", "https-cert-file": "FILE", "https-key-file": "FILE", "user": "u", "group": "g",
			"jwt-public-key": "KEY", "jwt-roles": {"query": [], "free": ["admin"]},
			"backend-url": "https://cc", "backend-token": "secret", "page": false,
			"prometheus": {"max-queries": 3, "timeout": "7s", "max-samples": 1001, "max-series": 9, "max-points": 8, "lookback": "6m"}, "debug": {"gops": true}},
		"metrics": {"a": {"frequency": 7, "aggregation": "sum"}, "größe/\u00e9&<>": {"frequency": 1}, "*": {"frequency": 60, "aggregation": "avg"}},
		"nats": {"address": "broker", "username": "u", "password": "secret",
			"embedded": {"addr": ":2", "directory": "d", "username": "u", "password": "secret", "max-payload": 1000001, "max-store": "1.5GB", "sync": "1m30s"},
			"stream": {"name": "s", "replicas": 3, "max-age": "36h", "max-bytes": 50000001, "compression": false}},
		"metric-store": {"retention-in-memory": "1h0m1.5s", "memory-cap": 0.3, "num-workers": 3, "max-series-per-host": 4, "max-hosts": 5, "max-new-series": 6,
			"checkpoint-interval": "7m", "checkpoints": {"directory": "c"}, "cleanup": {"mode": "archive", "directory": "a", "keep": "720h", "max-bytes": 50000001}, "future-tolerance": "8m",
			"nats-subscriptions": [{"subscribe-to": "a.>", "cluster-tag": "c"}, {"subscribe-to": "b"}]}
	}`, "FILE", file)
	everything = strings.ReplaceAll(everything, "KEY", testKey)
	creds := strings.Replace(minimal, `"main"`, `"nats": {"address": "broker", "creds-file-path": "`+file+`"}, "main"`, 1)
	keyFile := filepath.Join(t.TempDir(), "public.pem")
	if err := os.WriteFile(keyFile, publicPEM(t, newEd25519(t)), 0o600); err != nil {
		t.Fatal(err)
	}
	publicKey := strings.Replace(minimal, `"addr"`, `"jwt-public-key-file": "`+keyFile+`", "addr"`, 1)
	seed := strings.Replace(creds, "creds-file-path", "nkey-seed-file", 1)
	cluster := string(clustered(t, `"name": "n", "node": "x", "addr": ":3", `+threeRoutes))
	cluster = strings.ReplaceAll(cluster, `"password":"p"`, `"password":"secret"`)
	set := map[string]bool{}
	for name, text := range map[string]string{
		"nothing": `{}`, "everything": everything, "minimal": minimal, "flat": minimalFlat, "credentials": creds, "seed": seed, "public key": publicKey, "cluster": cluster,
	} {
		want, _, err := parse(name, []byte(text))
		if err != nil {
			t.Fatal(name, err)
		}
		recordSet(set, "", reflect.ValueOf(*want))
		printed, err := want.JSON()
		if err != nil {
			t.Fatal(name, err)
		}
		if bytes.Contains(printed, []byte("secret")) {
			t.Errorf("%s: a secret is printed:\n%s", name, printed)
		}
		got, warnings, err := parse(name, secrets(printed, want))
		if err != nil || len(warnings) > 0 || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %+v, %v, %v\nwant %+v\nprinted %s", name, got, warnings, err, want, printed)
		}
	}
	for field, isSet := range set {
		if !isSet {
			t.Errorf("%s is set in none of the texts: add it, and see whether it is printed", field)
		}
	}
}

// recordSet notes the fields of a struct, and which of them are not zero.
func recordSet(set map[string]bool, path string, v reflect.Value) {
	for i := range v.NumField() {
		name := path + "." + v.Type().Field(i).Name
		if v.Field(i).Kind() == reflect.Struct {
			recordSet(set, name, v.Field(i))
			continue
		}
		set[name] = set[name] || !v.Field(i).IsZero()
	}
}

func TestSecretsWithinAddresses(t *testing.T) {
	for address, want := range map[string]string{
		"broker": "broker", "nats://a:1, tls://b": "nats://a:1, tls://b",
		"nats://user:pass@a:4222":        "nats://" + Hidden + "@a:4222",
		"nats://token@a:4222,nats://b":   "nats://" + Hidden + "@a:4222,nats://b",
		"user:p%40ss@[::1]:1, wss://x@b": "nats://" + Hidden + "@[::1]:1,wss://" + Hidden + "@b",
	} {
		if got := (NATS{Address: address}).Servers(); got != want {
			t.Errorf("%s: got %s, want %s", address, got, want)
		}
	}
}

// TestHiddenSecretsAreNoPasswords: somebody uses what was printed as it is.
func TestHiddenSecretsAreNoPasswords(t *testing.T) {
	for _, test := range []struct{ edit, path string }{
		{`main {"backend-url": "http://cc", "backend-token": "(hidden)"}`, "main.backend-token"},
		{`nats {"address": "a", "username": "u", "password": "(hidden)"}`, "nats.password"},
		{`nats {"address": "nats://(hidden)@a"}`, "nats.address"},
		{`nats {"embedded": {"addr": ":1", "username": "u", "password": "(hidden)"}}`, "nats.embedded.password"},
	} {
		_, _, err := parse("config.json", edit(t, minimal, test.edit))
		expectFaults(t, err, test.path+": stands for a secret")
	}
}
