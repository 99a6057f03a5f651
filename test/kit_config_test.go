package test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// object is a JSON object of a configuration or a request.
type object = map[string]any

// subject is the one that the programs of these tests subscribe to by default.
const subject = "hpc-nats"

// minute and second are the entries of metrics sampled once in 60 s and in 1 s.
func minute() object { return object{"frequency": 60, "aggregation": nil} }
func second() object { return object{"frequency": 1, "aggregation": nil} }

// baseConfig is a configuration with the embedded server, on free ports.
func baseConfig() object {
	return object{
		"main":    object{"addr": "127.0.0.1:0"},
		"metrics": object{"cpu_load": minute(), "mem_used": minute(), "beat": second()},
		"nats": object{
			"embedded": object{"addr": "127.0.0.1:0", "directory": "nats"},
		},
		"metric-store": object{
			"retention-in-memory": "500000h",
			"memory-cap":          0,
			"nats-subscriptions":  subscriptions(subject, "alex"),
		},
	}
}

// keepLog makes the log keep what two checkpoints hold.
func keepLog(cfg object) object {
	section(cfg, "nats")["stream"] = object{"max-age": "500000h"}
	return cfg
}

// brokerConfig is a configuration with an external broker.
func brokerConfig(url string) object {
	cfg := baseConfig()
	cfg["nats"] = object{"address": url, "embedded": object{"directory": "nats"}}
	return cfg
}

// subscriptions makes the list of pairs of a subject and a cluster tag.
func subscriptions(pairs ...string) []object {
	var list []object
	for i := 0; i < len(pairs); i += 2 {
		list = append(list, object{"subscribe-to": pairs[i], "cluster-tag": pairs[i+1]})
	}
	return list
}

// readConfig returns the configuration in a file.
func readConfig(t *testing.T, path string) (cfg object) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(text, &cfg)
	}
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// section returns a section of the configuration, to be changed.
func section(cfg object, name string) object { return cfg[name].(object) }

// writeConfig writes config.json, from text as it is, from anything else as
// JSON.
func writeConfig(t *testing.T, dir string, cfg any) {
	t.Helper()
	text, ok := cfg.(string)
	if !ok {
		encoded, err := json.MarshalIndent(cfg, "", "\t")
		if err != nil {
			t.Fatal(err)
		}
		text = string(encoded)
	}
	if err := os.WriteFile(filepath.Join(dir, "config.json"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// bound is the least or the largest value that a number of the configuration may
// have.
type bound struct {
	key   string
	value any
}

// put sets the value at a dotted path.
func (b bound) put(cfg object) {
	keys := strings.Split(b.key, ".")
	for _, key := range keys[:len(keys)-1] {
		below, ok := cfg[key].(object)
		if !ok {
			below = object{}
			cfg[key] = below
		}
		cfg = below
	}
	cfg[keys[len(keys)-1]] = b.value
}
