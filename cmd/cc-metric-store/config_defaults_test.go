package main

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"cc-metric-store/config"
	"cc-metric-store/embedded"
	"cc-metric-store/ingest"
	"cc-metric-store/rest"
	"cc-metric-store/store"
)

// TestDefaultsAgree compares the parts that config's defaults make with those that the
// packages' own defaults make. config imports no package of ours, so both know them.
func TestDefaultsAgree(t *testing.T) {
	cfg := config.Default()
	a, err := assemble(cfg, options{}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	a.checkpointConfig.Directory = t.TempDir()
	if err := a.openCheckpoints(); err != nil {
		t.Fatal(err)
	}
	defer a.checkpoints.Close()

	// Only what is required is given to these.
	s, err1 := store.New(store.Config{AnyMetric: &store.MetricConfig{Frequency: 60}})
	in, err2 := ingest.New(ingest.Config{Embedded: a.embedded.start}, s)
	server, err3 := embedded.New(embedded.Config{Directory: absolute(cfg.NATS.Embedded.Directory)})
	api, err4 := rest.New(rest.Config{}, s, a.log)
	checkpoints, err5 := store.OpenCheckpoints(s, store.CheckpointConfig{Directory: t.TempDir()})
	if err := errors.Join(err1, err2, err3, err4, err5); err != nil {
		t.Fatal(err)
	}
	defer checkpoints.Close()

	compared := map[string]bool{}
	for name, pair := range map[string][2]any{
		"store": {a.store, s}, "ingest": {a.ingest, in}, "embedded": {a.embedded.server, server},
		"rest": {a.rest, api}, "checkpoints": {a.checkpoints, checkpoints},
	} {
		compareSettings(t, name, inForce(t, pair[0]), inForce(t, pair[1]), compared)
	}
	for _, name := range []string{
		"store.Retention", "store.MaxSeries", "store.MaxHosts", "store.MaxNewSeries", "checkpoints.Interval",
		"ingest.FutureTolerance", "ingest.Stream.Name", "ingest.Stream.Replicas", "embedded.MaxPayload", "rest.Addr", "rest.Prometheus.Timeout", "rest.Prometheus.MaxSamples",
		"rest.Prometheus.MaxSeries", "rest.Prometheus.MaxPoints", "rest.Prometheus.Lookback",
	} {
		if !compared[name] {
			t.Errorf("%s has a default in one place alone; compared are %q", name, slices.Sorted(maps.Keys(compared)))
		}
	}
}

// inForce returns the Config that a part works with, which has its defaults.
func inForce(t *testing.T, part any) reflect.Value {
	t.Helper()
	cfg := reflect.ValueOf(part).Elem().FieldByName("cfg")
	if !cfg.IsValid() {
		t.Fatalf("%T has no field cfg", part)
	}
	return cfg
}

// compareSettings compares the settings of two structs that have a value in both. A
// directory is no default, and what is 0 in one of them has none there.
func compareSettings(t *testing.T, path string, a, b reflect.Value, compared map[string]bool) {
	t.Helper()
	for i := range a.NumField() {
		name, x, y := path+"."+a.Type().Field(i).Name, a.Field(i), b.Field(i)
		if x.IsZero() || y.IsZero() || strings.HasSuffix(name, ".Directory") {
			continue
		}
		switch {
		case x.Kind() == reflect.Struct:
			compareSettings(t, name, x, y, compared)
		case x.CanInt() || x.Kind() == reflect.String || x.Kind() == reflect.Bool:
			compared[name] = true
			if !x.Equal(y) {
				t.Errorf("%s is %v by the defaults of config, and %v by those of the package", name, x, y)
			}
		}
	}
}

// TestConfigAndRESTAcceptTheSame: a file that passes -check-config lets REST start, and
// no key or class that REST knows is refused in it.
func TestConfigAndRESTAcceptTheSame(t *testing.T) {
	load := func(key string, value any) error {
		t.Helper()
		text, err := json.Marshal(map[string]any{"main": map[string]any{key: value}})
		path := filepath.Join(t.TempDir(), "config.json")
		if err := errors.Join(err, os.WriteFile(path, text, 0o600)); err != nil {
			t.Fatal(err)
		}
		_, _, err = config.Overrides{}.Load(path)
		return err
	}
	accepts := func(c rest.Config) error {
		_, err := rest.New(c, nil, nil)
		return err
	}
	key := func(bytes int) string { return base64.StdEncoding.EncodeToString(slices.Repeat([]byte{251}, bytes)) }
	for _, k := range []string{
		key(32), key(31), key(33), key(64), "", "x", key(32) + "=", "\n" + key(32) + "\r\n", " " + key(32),
		strings.TrimRight(key(32), "="), base64.URLEncoding.EncodeToString(slices.Repeat([]byte{251}, 32)),
	} {
		if a, b := load("jwt-public-key", k), accepts(rest.Config{JWTPublicKey: k}); (a == nil) != (b == nil) {
			t.Errorf("key %q: config %v, REST %v", k, a, b)
		}
	}
	for _, class := range []string{"query", "write", "free", "debug", "healthcheck", "metrics", "swagger", "Query", ""} {
		a, b := load("jwt-roles", map[string][]string{class: {"api"}}), accepts(rest.Config{JWTRoles: map[string][]string{class: {"api"}}})
		if (a == nil) != (b == nil) {
			t.Errorf("class %q: config %v, REST %v", class, a, b)
		}
		if a == nil {
			continue
		}
		if x, y := namesAfter(a, "the classes are "), namesAfter(b, "is none of "); len(x) == 0 || !slices.Equal(x, y) {
			t.Errorf("config knows the classes %q, REST %q", x, y)
		}
	}
	for _, addr := range []string{":0", "localhost:65535", "[::1]:8080", "0.0.0.0:80", "ms1.example.org:1", ""} {
		if a, b := load("addr", addr), accepts(rest.Config{Addr: addr}); a != nil || b != nil {
			t.Errorf("address %q: config %v, REST %v", addr, a, b)
		}
	}
}

// namesAfter returns the names that an error lists behind some words, in order.
func namesAfter(err error, words string) []string {
	_, list, _ := strings.Cut(err.Error(), words)
	return slices.Sorted(slices.Values(strings.Split(list, ", ")))
}
