package checkpoint

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cc-metric-store/store/chunk"
)

func dumpBytes(t *testing.T, content []byte) ([]string, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "any name")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	err := Dump(&out, path)
	if err != nil && !strings.Contains(err.Error(), path) {
		t.Errorf("which file? %v", err)
	}
	lines := strings.SplitAfter(out.String(), "\n")
	lines = lines[:len(lines)-1]
	for _, l := range lines {
		if !json.Valid([]byte(l)) {
			t.Errorf("no JSON: %s", l)
		}
	}
	return lines, err
}

// TestDump prints the golden files whole, and cut short: then all that comes
// before.
func TestDump(t *testing.T) {
	for _, tt := range []struct {
		name, golden string
		cut          int // from the end
		lines        []string
	}{
		{"checkpoint", goldenVersion1, 0, []string{
			`"stream":"LOG"`,
			`"host":"a0603","applied":300,"grids":[{"frequency":60,"series":[{"column":0,"metric":"load"},{"column":2,"metric":"power","type":"socket","type-id":"1"}]`,
			`"host":"gone","applied":299,"gone":true`, `"end":{"head"`}},
		{"checkpoint without an end", goldenVersion1, 1, []string{`"stream":"LOG"`, `"host":"a0603"`, `"host":"gone"`}},
		{"checkpoint with one host", goldenVersion1, 8 + 0x9e + 1, []string{`"stream":"LOG"`, `"host":"a0603"`}},
		{"checkpoint without hosts", goldenVersion1, 8 + 0x9e + 8 + 14 + 1, []string{`"stream":"LOG"`}},
		{"segment", goldenSegment, 0, []string{`"host":"a0603","frequency":60,"start":-30,"slots":4,"values":{"0":[0,0.25,null,0.75],"2":[2,2.25,null,2.75]}`}},
		{"segment of version 2", goldenSegment2, 0, []string{`"host":"a0603","frequency":60,"start":-30,"slots":4,"values":{"0":[0,0.25,null,0.75],"2":[2,2.25,null,2.75]},"totals":{"0123456789abcdef":[0,2.5,5,7.5]}`}},
		{"segment without a record", goldenSegment, 1, nil},
		{"nothing", "", 0, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			content := unhex(t, tt.golden)
			lines, err := dumpBytes(t, content[:len(content)-tt.cut])
			if whole := tt.cut == 0 && len(content) > 0; whole != (err == nil) || !whole && !errors.Is(err, ErrDamaged) {
				t.Errorf("error %v", err)
			}
			if len(lines) != len(tt.lines) {
				t.Fatalf("%d lines, want %d: %s", len(lines), len(tt.lines), lines)
			}
			for i, want := range tt.lines {
				if !strings.Contains(lines[i], want) {
					t.Errorf("line %d is %s\nwithout %s", i, lines[i], want)
				}
			}
		})
	}
}

// TestDumpShowsPatches has the open block and the patches of the golden host in
// one line.
func TestDumpShowsPatches(t *testing.T) {
	lines, err := dumpBytes(t, unhex(t, goldenVersion1))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"segment":"0000000000000001.segment","offset":8`, `"Slot":2,"Value":-1.5`, `"values":{"0":[0,0.25]}`} {
		if !strings.Contains(lines[1], want) {
			t.Errorf("%s\nwithout %s", lines[1], want)
		}
	}
}

func TestDumpOfNoFile(t *testing.T) {
	if err := Dump(new(bytes.Buffer), filepath.Join(t.TempDir(), "none")); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}

// TestNewerVersion refuses files of a version that is not known yet.
func TestNewerVersion(t *testing.T) {
	for _, at := range []int{5, 6} {
		for kind, golden := range map[string]string{"checkpoint": goldenSparse, "segment": goldenSegment, "eras": goldenEras} {
			content := unhex(t, golden)
			content[at] = max(versionOf(kind[0]), chunk.Version) + 1
			if _, err := dumpBytes(t, content); !errors.Is(err, ErrVersion) || errors.Is(err, ErrDamaged) {
				t.Errorf("%s, byte %d: %v", kind, at, err)
			}
			content[at] = 0 // there never was one
			if _, err := dumpBytes(t, content); !errors.Is(err, ErrDamaged) {
				t.Errorf("%s, byte %d is 0: %v", kind, at, err)
			}
		}
	}
}
