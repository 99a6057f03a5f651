package checkpoint

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// TestCrash makes the directory as a crash at each step of a checkpoint leaves
// it. The newest complete one can be read, and after the next one nothing is left
// of it.
func TestCrash(t *testing.T) {
	const checkpoint, segment = "0000000000000003.checkpoint", "0000000000000003.segment"
	for _, tt := range []struct {
		name   string
		files  []string // of the third checkpoint, and what else there is; ":" separates another name
		older  bool     // the first checkpoint is there, too
		newest uint64
	}{
		{"begun", []string{checkpoint + ":" + checkpoint + ".tmp", segment + ":" + segment + ".tmp"}, false, 2},
		{"half of the files", []string{"half:" + checkpoint + ".tmp", "empty:" + segment + ".tmp"}, false, 2},
		{"segment complete", []string{checkpoint + ":" + checkpoint + ".tmp", segment + ":" + segment}, false, 2},
		{"complete", []string{checkpoint + ":" + checkpoint, segment + ":" + segment}, true, 3},
		{"old checkpoint removed", []string{checkpoint + ":" + checkpoint, segment + ":" + segment}, false, 3},
		{"clean mark begun", []string{"empty:" + cleanName + ".tmp"}, false, 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir, third := t.TempDir(), t.TempDir()
			addForeign(t, dir)
			d := open(t, dir)
			host := func(n uint64) *Host { return smallHost("c", "h", n) }
			write(t, d, 1, host(1))
			older := filepath.Join(dir, "0000000000000001.checkpoint")
			content, err := os.ReadFile(older)
			if err != nil {
				t.Fatal(err)
			}
			write(t, d, 2, host(2))
			if err := os.CopyFS(third, os.DirFS(dir)); err != nil {
				t.Fatal(err)
			}
			d.Close()
			after := open(t, third)
			write(t, after, 3, host(3))
			for _, f := range tt.files {
				from, to, _ := strings.Cut(f, ":")
				content := []byte{}
				switch from {
				case "empty":
				case "half":
					content = unhex(t, goldenVersion1)[:100]
				default:
					if content, err = os.ReadFile(filepath.Join(third, from)); err != nil {
						t.Fatal(err)
					}
				}
				if err := os.WriteFile(filepath.Join(dir, to), content, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if tt.older {
				err = os.WriteFile(older, content, 0o600)
			} else {
				err = remove(older)
			}
			if err != nil {
				t.Fatal(err)
			}

			d = open(t, dir)
			if d.Found()[0] != tt.newest {
				t.Fatalf("found %v, want %d first", d.Found(), tt.newest)
			}
			c, got, err := readAll(d, tt.newest)
			if err != nil || len(c.Lost) > 0 || len(got) != 1 || got[0].Applied != tt.newest {
				t.Fatal(err, c, got)
			}
			d.Keep(tt.newest, c)
			want := host(9)
			out := write(t, d, 9, want)
			var left []string
			for _, id := range []uint64{tt.newest, out.ID} {
				left = append(left, fileName(id, checkpointSuffix), fileName(id, segmentSuffix))
			}
			checkNames(t, dir, left...)
			if _, got, err := readAll(d, out.ID); err != nil || !reflect.DeepEqual(got, []*Host{want}) {
				t.Error(err, got)
			}
		})
	}
}
