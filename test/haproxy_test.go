package test

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// TestHAProxy: the configuration asks the nodes what they answer, and HAProxy takes it, if it is
// installed.
func TestHAProxy(t *testing.T) {
	const file = "../deploy/haproxy.cfg"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	n := start(t, baseConfig())
	asked := 0
	for line := range strings.Lines(string(text)) {
		if path, ok := strings.CutPrefix(strings.TrimSpace(line), "option httpchk GET "); ok {
			asked++
			if a := n.send("GET", path, ""); a.status != 200 {
				t.Errorf("%s: %d %s", path, a.status, a.body)
			}
		}
	}
	if asked != 2 {
		t.Errorf("%d checks, want 2", asked)
	}
	program, err := exec.LookPath("haproxy")
	if err != nil {
		t.Log("haproxy is not installed: only the paths of the checks are checked")
		return
	}
	if out, err := exec.Command(program, "-c", "-f", file).CombinedOutput(); err != nil {
		t.Errorf("haproxy -c: %v\n%s", err, out)
	}
}
