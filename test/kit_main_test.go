// Package test holds the black-box tests of the metric store. They start the
// real program on free ports of this machine and speak with it over NATS and
// HTTP and through files alone; they import nothing of it.
//
// With CC_RACE=1 in the environment the programs are built with the race
// detector, whose findings then fail the test that stops the program.
//
// Files named kit_* help, all others test: what two of them need is in a kit. The kits,
// from the program outwards:
//
//	kit_main, kit_node, kit_process   build it, start and stop it, read what it takes
//	kit_config, kit_token             configurations, keys and tokens
//	kit_rest, kit_checkpoint          requests and their answers, files of checkpoints
//	kit_broker, kit_broker_child      nats-server in this process, and in one of its own
//	kit_oracle, kit_model, kit_golden what the answers have to be
//	kit_load, kit_generated           writers that never stop, and whole clusters
//	kit_site, kit_attack              a broker with two nodes, and what means no good
//	kit_static, kit_machine           what make build and make deb build, and a machine to install it
//	kit_compose                       docker-compose.yml on an engine
//	kit_original                      files of ClusterCockpit's metric store, and what they hold
//	kit_cluster, kit_cluster_*        three nodes that keep the log together, and what hits them
//	kit_browser, kit_browser_look     chromium, and what everybody has to be able to read
//	kit_page                          what the page is to show
package test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// binaries builds the programs on its first call and returns their directory.
var binaries = sync.OnceValues(func() (dir string, err error) {
	dir, err = os.MkdirTemp("", "cc-metric-store-test-")
	if err != nil {
		return "", err
	}
	args := []string{"build", "-o", dir}
	if os.Getenv("CC_RACE") == "1" {
		args = append(args, "-race")
	}
	out, err := exec.Command("go", append(args, "cc-metric-store/cmd/...")...).CombinedOutput()
	if err != nil {
		return dir, fmt.Errorf("build the programs: %w\n%s", err, out)
	}
	return dir, nil
})

// binary returns the path of a program.
func binary(t *testing.T, name string) string {
	t.Helper()
	dir, err := binaries()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, name)
}

func TestMain(m *testing.M) {
	if setting := os.Getenv(childBrokerEnv); setting != "" {
		if err := serveAsChild(setting); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	dir, err := binaries()
	if err == nil {
		m.Run()
	}
	if dir != "" {
		_ = os.RemoveAll(dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
