package test

import (
	"debug/elf"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestStaticBinaries: what make build builds runs on any Linux, and in an image of
// nothing else.
func TestStaticBinaries(t *testing.T) {
	t.Parallel()
	dir := staticBinaries(t)
	for _, name := range []string{"cc-metric-store", "cc-metric-generator"} {
		f, err := elf.Open(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		libraries, err := f.ImportedLibraries()
		if err != nil || len(libraries) > 0 {
			t.Errorf("%s needs the libraries %q, %v", name, libraries, err)
		}
		for _, part := range f.Progs {
			if part.Type == elf.PT_INTERP {
				t.Errorf("%s needs a dynamic linker", name)
			}
		}
	}
	out, err := exec.Command(filepath.Join(dir, "cc-metric-store"), "-version").Output()
	if err != nil || !strings.Contains(string(out), "Version:\t"+staticVersion+"\n") {
		t.Errorf("-version: %v\n%s", err, out)
	}
}
