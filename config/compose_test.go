package config

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

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

func TestNKeySeed(t *testing.T) {
	seed := secretFile(t, "seed")
	cfg, warnings, err := parse("config.json", edit(t, minimal, `nats.address "broker:4222"`, `nats.nkey-seed-file "`+seed+`"`))
	if err != nil || len(warnings) > 0 || cfg.NATS.SeedFile != seed {
		t.Errorf("%+v, warnings %v, error %v", cfg, warnings, err)
	}
	flat := strings.Replace(minimalFlat, `"address": "broker:4222"`, `"address": "broker:4222", "nkey-seed-file": "`+seed+`"`, 1)
	if cfg, _, err = parse("config.json", []byte(flat)); err != nil || cfg.NATS.SeedFile != seed {
		t.Errorf("flat: %+v, error %v", cfg, err)
	}
	for edits, want := range map[string]string{
		`nats.nkey-seed-file "/no/such/file"`:                                    "nats.nkey-seed-file: the file cannot be read",
		`nats.nkey-seed-file "` + seed + `";nats.username "u";nats.password "p"`: "nats.nkey-seed-file: is given together with username",
		`nats.nkey-seed-file "` + seed + `";nats.creds-file-path "` + seed + `"`: "nats.nkey-seed-file: is given together with creds-file-path",
	} {
		_, _, err := parse("config.json", edit(t, minimal, append(strings.Split(edits, ";"), `nats.address "broker:4222"`)...))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %s", edits, err, want)
		}
	}
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
