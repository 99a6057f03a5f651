package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"strings"

	"cc-metric-store/config"
)

// loadConfig reads the configuration. builtIn says that there is no file and the
// defaults apply. It logs warnings; a key that means nothing is an error with
// -check-config.
func loadConfig(o options, logger *slog.Logger) (cfg *config.Config, builtIn bool, err error) {
	overrides := config.Overrides{Addr: o.addr, NATSAddr: o.natsAddr}
	cfg, warnings, err := overrides.Load(o.config)
	if errors.Is(err, fs.ErrNotExist) && !o.configGiven && !o.check {
		cfg, err = overrides.Default()
		return cfg, true, err
	}
	var unknown []error
	for _, w := range warnings {
		if o.check && w.UnknownKey {
			unknown = append(unknown, fmt.Errorf("%s: %s", w.Path, w.Text))
			continue
		}
		logWarning(w, logger)
	}
	if cfg != nil && cfg.NATS.Address != "" && o.natsAddr != "" {
		logger.Warn("the embedded server listens only while the log is in it: the log is to be on the broker that nats.address names", "flag", "-nats-addr")
	}
	if len(unknown) > 0 {
		unknown = []error{faultsOfFile(o, errors.Join(unknown...))}
	}
	return cfg, false, errors.Join(append([]error{err}, unknown...)...)
}

// logWarning logs a warning, with the key that it concerns unless that is the whole file.
func logWarning(w config.Warning, logger *slog.Logger) {
	if w.Path == "" {
		logger.Warn("configuration: " + w.Text)
		return
	}
	logger.Warn("configuration: "+w.Text, "key", w.Path)
}

// faultsOfFile puts the name of the file before the faults that err lists, one a line.
func faultsOfFile(o options, err error) error {
	list := err.Error()
	if strings.Contains(list, "\n") {
		list = strings.ReplaceAll("\n"+list, "\n", "\n  ")
	}
	return fmt.Errorf("check configuration %s: %s", absolute(o.config), list)
}

// printConfig prints the configuration in force, and says on stderr if secrets are
// hidden in it.
func printConfig(stdout, stderr io.Writer, cfg *config.Config) error {
	text, err := cfg.JSON()
	if err != nil {
		return err
	}
	if bytes.Contains(text, []byte(config.Hidden)) {
		fmt.Fprintf(stderr, "cc-metric-store: %s stands for secrets: put them in before this is used as a configuration\n", config.Hidden)
	}
	_, err = stdout.Write(text)
	return err
}
