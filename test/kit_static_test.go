package test

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// staticVersion is the version of the programs that staticBinaries builds.
const staticVersion = "v1.2.3-rc1-4-gabcdef0"

// makeBuild builds the programs as make build does on its first call, and returns their
// directory. It goes with that of binaries.
var makeBuild = sync.OnceValues(func() (dir string, err error) {
	if dir, err = binaries(); err != nil {
		return "", err
	}
	dir = filepath.Join(dir, "static")
	out, err := exec.Command("make", "-C", "..", "build", "BIN="+dir, "VERSION="+staticVersion).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("make build: %w\n%s", err, out)
	}
	return dir, nil
})

// staticBinaries returns the directory of the programs as make build builds them.
func staticBinaries(t *testing.T) string {
	t.Helper()
	dir, err := makeBuild()
	if err != nil {
		t.Fatal(err)
	}
	return dir
}
