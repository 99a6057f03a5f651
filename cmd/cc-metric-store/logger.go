package main

import (
	"fmt"
	"io"
	"log/slog"
)

// levelCritical shows only what ends the program.
const levelCritical = slog.LevelError + 4

func logLevel(name string) (slog.Level, error) {
	switch name {
	case "debug":
		return slog.LevelDebug, nil
	case "info":
		return slog.LevelInfo, nil
	case "warn":
		return slog.LevelWarn, nil
	case "err":
		return slog.LevelError, nil
	case "crit", "fatal":
		return levelCritical, nil
	}
	return 0, fmt.Errorf("-loglevel %q is none of debug, info, warn, err and crit", name)
}

// newLogger returns the program's logger. Lines carry no time by default, as
// the journal that usually takes them has it already.
func newLogger(w io.Writer, o options) (*slog.Logger, error) {
	level, err := logLevel(o.logLevel)
	if err != nil {
		return nil, err
	}
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{
		Level: level,
		ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey && len(groups) == 0 && !o.logDate {
				return slog.Attr{}
			}
			if a.Value.Kind() == slog.KindTime && a.Value.Time().IsZero() {
				a.Value = slog.StringValue("none") // what a missing time means everywhere
			}
			return a
		},
	})), nil
}
