package config

import (
	"fmt"
	"os"
)

// Overrides are settings of the command line, which go before those of a file.
// The zero value overrides nothing.
type Overrides struct {
	// Addr is Main.Addr, unless it is empty.
	Addr string
	// NATSAddr is Embedded.Addr, unless it is empty.
	NATSAddr string
}

// Load is the function Load with these overrides. Their faults have the name of
// the flag as path.
func (o Overrides) Load(path string) (*Config, []Warning, error) {
	path = absolute(path)
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, nil, fmt.Errorf("read configuration: %w", err)
	}
	return o.parse(path, data)
}

// Default is the function Default with these overrides.
func (o Overrides) Default() (*Config, error) {
	found := &findings{}
	o.check(found)
	found.sort()
	if len(found.faults) > 0 {
		return nil, &FaultsError{File: "of the command line", Faults: found.faults}
	}
	cfg := Default()
	cfg.Main.Addr = given(o.Addr, cfg.Main.Addr)
	cfg.NATS.Embedded.Addr = given(o.NATSAddr, cfg.NATS.Embedded.Addr)
	return cfg, nil
}

func (o Overrides) check(found *findings) {
	for flag, address := range map[string]string{"-addr": o.Addr, "-nats-addr": o.NATSAddr} {
		if address == "" {
			continue
		}
		if err := hostPort(address); err != nil {
			found.fault(&node{path: flag}, "%s", err)
		}
	}
}

// given returns override, or value if that is empty.
func given(override, value string) string {
	if override != "" {
		return override
	}
	return value
}
