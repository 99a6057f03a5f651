package main

import (
	"bytes"
	"io"
	"strings"
	"testing"
)

func TestParseFlags(t *testing.T) {
	o, err := parseFlags([]string{"-config", "x.json", "-dev", "-logdate", "-loglevel", "err"}, io.Discard)
	if err != nil || o.config != "x.json" || !o.configGiven || !o.dev || !o.logDate || o.logLevel != "err" {
		t.Errorf("%+v, %v", o, err)
	}
	if o, err = parseFlags(nil, io.Discard); err != nil || o.configGiven || o.config != "./config.json" || o.logLevel != "warn" {
		t.Errorf("%+v, %v", o, err)
	}
	for _, args := range [][]string{{"-nonsense"}, {"word"}, {"-loglevel", "loud"}, {"-addr", ""}, {"-nats-addr", ""}, {"-gen-token", ""}, {"-config", ""}, {"-ready", ""}, {"-list", "x", "-import", "import"}, {"-export", "x", "-list", "list"}} {
		var msg bytes.Buffer
		if _, err := parseFlags(args, &msg); err == nil || !strings.Contains(msg.String(), strings.TrimPrefix(args[len(args)-1], "-")) {
			t.Errorf("%q: error %v, message %q", args, err, &msg)
		}
		if strings.Count(msg.String(), "\n") != 1 || !strings.HasPrefix(msg.String(), "cc-metric-store: ") {
			t.Errorf("%q: the message is not one line: %q", args, &msg)
		}
	}
}
