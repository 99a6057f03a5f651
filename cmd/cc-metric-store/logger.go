package main

import (
	"fmt"
	"io"
	"log/slog"
)

// levelCritical is above all levels that are logged at: what ends the program goes to
// stderr without the logger.
const levelCritical = slog.LevelError + 4

// logLevel returns the level with a name of -loglevel.
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

// newLogger returns the program's logger. Lines carry no time by default, as the journal
// adds it to those of a service.
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
				a.Value = slog.StringValue("none") // a zero time means that it never was
			}
			return a
		},
	})), nil
}
