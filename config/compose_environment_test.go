package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func secretFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestEnvironmentOverridesTheFile(t *testing.T) {
	user, pass := secretFile(t, "file-user\n"), secretFile(t, " pass word \r\n")
	for _, c := range []struct {
		name               string
		edits              []string
		env                map[string]string
		username, password string
		warning            string
	}{
		{"none", []string{`nats.username "u"`, `nats.password "p"`}, nil, "u", "p", ""},
		{"both", []string{`nats.username "u"`, `nats.password "p"`}, map[string]string{envUsername: "eu", envPassword: "ep"}, "eu", "ep", ""},
		{"one", []string{`nats.username "u"`, `nats.password "p"`}, map[string]string{envPassword: "ep"}, "u", "ep", ""},
		{"only the environment", nil, map[string]string{envUsername: "eu", envPassword: "ep"}, "eu", "ep", ""},
		{"a username for a password", []string{`nats.password "p"`}, map[string]string{envUsername: "eu"}, "eu", "p", ""},
		{"files", nil, map[string]string{envUsername + envFile: user, envPassword + envFile: pass}, "file-user", " pass word ", ""},
		{"empty means absent", []string{`nats.username "u"`, `nats.password "p"`}, map[string]string{envUsername: "", envPassword: "", envUsername + envFile: ""}, "u", "p", ""},
		{"instead of a file of credentials", []string{`nats.creds-file-path "` + user + `"`}, map[string]string{envUsername: "eu", envPassword: "ep"}, "eu", "ep", "overrides nats.creds-file-path"},
		{"instead of a seed", []string{`nats.nkey-seed-file "` + user + `"`}, map[string]string{envUsername: "eu", envPassword: "ep"}, "eu", "ep", "overrides nats.creds-file-path and nats.nkey-seed-file"},
		{"without a broker", []string{`nats.address null`}, map[string]string{envUsername: "eu", envPassword: "ep"}, "eu", "ep", "no address of a broker"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for k, v := range c.env {
				t.Setenv(k, v)
			}
			cfg, warnings, err := parse("config.json", edit(t, minimal, append([]string{`nats.address "broker:4222"`}, c.edits...)...))
			if err != nil {
				t.Fatal(err)
			}
			if n := cfg.NATS; n.Username != c.username || n.Password != c.password || len(c.env) > 0 && n.SeedFile+n.CredsFile != "" {
				t.Errorf("got %+v", n)
			}
			if said := strings.Join(texts(warnings), "\n"); c.warning == "" && said != "" || !strings.Contains(said, c.warning) {
				t.Errorf("warnings %q, want %q", said, c.warning)
			}
		})
	}
}

func TestEnvironmentFaults(t *testing.T) {
	for _, c := range []struct {
		env  map[string]string
		want string
	}{
		{map[string]string{envPassword: "p"}, "CC_NATS_PASSWORD is set and no username"},
		{map[string]string{envUsername: "u"}, "CC_NATS_USERNAME: is set and no password"},
		{map[string]string{envUsername: "u", envPassword: "p", envPassword + envFile: "x"}, "CC_NATS_PASSWORD_FILE: is set together with CC_NATS_PASSWORD"},
		{map[string]string{envUsername: "u", envPassword + envFile: "/no/such/file"}, "CC_NATS_PASSWORD_FILE: the file cannot be read"},
		{map[string]string{envUsername: "u", envPassword + envFile: "/dev/zero"}, "not a regular file"},
		{map[string]string{envUsername: "u", envPassword + envFile: t.TempDir()}, "not a regular file"},
		{map[string]string{envUsername: "u", envPassword + envFile: secretFile(t, "\n")}, "is empty"},
		{map[string]string{envUsername: "u", envPassword + envFile: secretFile(t, strings.Repeat("x", maxSecret+1))}, "no secret but another file"},
	} {
		t.Run(c.want, func(t *testing.T) {
			for k, v := range c.env {
				t.Setenv(k, v)
			}
			_, _, err := parse("config.json", edit(t, minimal, `nats.address "broker:4222"`))
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "xxx") {
				t.Errorf("error %v", err)
			}
		})
	}
}
