package test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestSystemdUnit: systemd finds no fault in the unit, and not much that the service could
// do to its machine (an exposure of at most 1.5, of 10).
func TestSystemdUnit(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		t.Skip("systemd-analyze is not installed")
	}
	text, err := os.ReadFile("../deploy/cc-metric-store.service")
	if err != nil {
		t.Fatal(err)
	}
	const installed = "/usr/local/bin/cc-metric-store"
	if strings.Count(string(text), installed) != 1 {
		t.Fatalf("the unit does not start %s", installed)
	}
	unit := filepath.Join(t.TempDir(), "cc-metric-store.service")
	if err := os.WriteFile(unit, []byte(strings.Replace(string(text), installed, binary(t, "cc-metric-store"), 1)), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"verify", unit}, {"security", "--no-pager", "--offline=true", "--threshold=15", unit}} {
		out, err := exec.Command("systemd-analyze", args...).CombinedOutput()
		if strings.Contains(string(out), "unrecognized option") { // before systemd 250
			t.Logf("systemd-analyze %q: %s", args, out)
		} else if err != nil || args[0] == "verify" && len(out) > 0 {
			t.Errorf("systemd-analyze %q: %v\n%s", args, err, out)
		}
	}
}
