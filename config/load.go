package config

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
)

// Overrides are settings of the command line, which go before those of a file.
// The zero value overrides nothing.
type Overrides struct {
	// Addr is Main.Addr, unless it is empty.
	Addr string
	// NATSAddr is Embedded.Addr, unless it is empty.
	NATSAddr string
}

// Load reads the configuration file at path and the files that it includes. The
// overrides go before what is in them; a fault of an override has the name of its flag
// as path.
//
// The warnings concern things that do not prevent a start. They are in order of their
// paths, and are returned with an error too. All faults are reported at once. A file
// that cannot be read gives an error that wraps the cause, so that
// errors.Is(err, fs.ErrNotExist) tells a missing one; text that is not JSON gives an
// error with line and column.
func (o Overrides) Load(path string) (*Config, []Warning, error) {
	path = absolute(path)
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, nil, fmt.Errorf("read configuration: %w", err)
	}
	return o.parse(path, data)
}

// parse reads a configuration; file is its name, for messages and includes.
func (o Overrides) parse(file string, data []byte) (*Config, []Warning, error) {
	found := &findings{}
	root, err := parseJSON(data, "", "", found)
	if err != nil {
		return nil, nil, fmt.Errorf("parse configuration %s: %w", file, err)
	}
	include(root, filepath.Dir(file), found)
	format, flat := sectionFormat(), isFlat(root)
	if flat {
		format = flatFormat()
		found.warn(root, "%s", flatWarning)
	}
	checker{format: format, found: found}.check(root, format)
	if flat {
		root = unflatten(root, found)
	}
	o.check(found)
	c := composer{root: root, flat: flat, overrides: o, found: found}
	cfg := c.compose()
	found.sort()
	if len(found.faults) > 0 {
		return nil, found.warnings, &faultsError{File: file, Faults: found.faults}
	}
	return cfg, found.warnings, nil
}

// Default returns the configuration of the function Default with these overrides.
func (o Overrides) Default() (*Config, error) {
	found := &findings{}
	o.check(found)
	found.sort()
	if len(found.faults) > 0 {
		return nil, &faultsError{File: "of the command line", Faults: found.faults}
	}
	cfg := Default()
	cfg.Main.Addr = cmp.Or(o.Addr, cfg.Main.Addr)
	cfg.NATS.Embedded.Addr = cmp.Or(o.NATSAddr, cfg.NATS.Embedded.Addr)
	return cfg, nil
}

// check adds the faults of the overrides to found.
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
