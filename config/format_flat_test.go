package config

import (
	"testing"
	"time"
)

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

func TestFlatFaults(t *testing.T) {
	tests := []struct{ edit, fault string }{
		{`http-api.address "8080"`, `http-api.address: not host:port`},
		{`http-api.https-key-file "helper_test.go"`, `http-api.https-key-file: without https-cert-file`},
		{`metrics.cpu_load.aggregation "max"`, `metrics.cpu_load.aggregation: "max" is no aggregation`},
		{`archive {"directory": "./var/checkpoints/archive"}`, `archive: within the directory of the checkpoints`},
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
