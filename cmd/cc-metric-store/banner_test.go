package main

import (
	"testing"
	"time"
)

func TestFormatDuration(t *testing.T) {
	for d, want := range map[time.Duration]string{
		48 * time.Hour: "48h", 90 * time.Minute: "1h30m", time.Minute: "1m", time.Second: "1s", 10 * time.Hour: "10h", 1500 * time.Millisecond: "1.5s",
		time.Hour + time.Second: "1h0m1s", 30 * time.Minute: "30m",
	} {
		if got := formatDuration(d); got != want {
			t.Errorf("%v: got %s, want %s", d, got, want)
		}
	}
}

func TestReachableFrom(t *testing.T) {
	for address, want := range map[string]string{
		":1": "on all addresses of this machine", "0.0.0.0:1": "on all addresses of this machine", "[::]:1": "on all addresses of this machine",
		"localhost:1": "from this machine alone", "127.0.0.9:1": "from this machine alone", "[::1]:1": "from this machine alone", "ms1:1": "on ms1",
	} {
		if got := reachableFrom(address); got != want {
			t.Errorf("%s: got %s, want %s", address, got, want)
		}
	}
}
