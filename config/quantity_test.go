package config

import "testing"

func TestParseSize(t *testing.T) {
	for text, want := range map[string]int64{
		"0": 0, "64": 64, "64B": 64, "1K": 1 << 10, "512KiB": 512 << 10, "64MB": 64 << 20, "64 mb": 64 << 20,
		"1.5GB": 3 << 29, "2T": 2 << 40, "1e3": 1000, "0.5": 0, "8191TB": 8191 << 40,
	} {
		if got, err := parseSize(text); err != nil || got != want {
			t.Errorf("%s: got %d, %v, want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", "MB", "-1", "1..5GB", "1PB", "64MBit", "0x10", "1e999", "8192TB", "NaN"} {
		if got, err := parseSize(text); err == nil {
			t.Errorf("%q is accepted as %d", text, got)
		}
	}
}

func TestShowSize(t *testing.T) {
	for bytes, want := range map[int64]string{0: "0 bytes", 1000: "1000 bytes", 1 << 10: "1KB", 64 << 20: "64MB", 3 << 40: "3TB"} {
		if got := showSize(bytes); got != want {
			t.Errorf("%d: got %s, want %s", bytes, got, want)
		}
	}
}
