// Package test holds the black-box tests of the metric store. They start the
// real program on free ports of this machine and speak with it over NATS and
// HTTP and through files alone; they import nothing of it.
//
// With CC_RACE=1 in the environment the program is built with the race
// detector, whose findings then fail the test that stops the program.
package test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// program builds the program on its first call and returns its path.
var program = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "cc-metric-store-test-")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "cc-metric-store")
	args := []string{"build", "-o", path}
	if os.Getenv("CC_RACE") == "1" {
		args = append(args, "-race")
	}
	out, err := exec.Command("go", append(args, "cc-metric-store/cmd/cc-metric-store")...).CombinedOutput()
	if err != nil {
		return path, fmt.Errorf("build the program: %w\n%s", err, out)
	}
	return path, nil
})

func TestMain(m *testing.M) {
	if setting := os.Getenv(childBrokerEnv); setting != "" {
		if err := serveAsChild(setting); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	path, err := program()
	if err == nil {
		m.Run()
	}
	if path != "" {
		_ = os.RemoveAll(filepath.Dir(path))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
