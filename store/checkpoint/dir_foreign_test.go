package checkpoint

import (
	"os"
	"path/filepath"
	"testing"
)

func TestForeign(t *testing.T) {
	for _, c := range []struct {
		files   []string
		hosts   int
		example string
	}{
		{nil, 0, ""},
		{[]string{"alex/a1/1795631342.json", "alex/a1/1795631367.json", "alex/a2/1795631342.bin", "fritz/f1/current.wal"}, 3, "alex/a1/1795631342.json"},
		{[]string{"alex/a1/60/1795631342.avro", "alex/a1/60/1795631343.avro"}, 1, "alex/a1/60/1795631342.avro"},
		{[]string{"alex/a1/notes.txt", "1795631342.json", "alex/1795631342.json", "alex/a1/x/y/1795631342.json", "alex/a1/x.json", "alex/a1/1.json/x"}, 0, ""},
		{[]string{"alex/a1/1795631342.json", fileName(3, checkpointSuffix)}, 0, ""},
		{[]string{"alex/a1/1795631342.json", fileName(3, segmentSuffix) + damagedSuffix}, 0, ""},
	} {
		dir := t.TempDir()
		for _, name := range c.files {
			path := filepath.Join(dir, name)
			if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte("{}"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		d, err := Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		want := Foreign{Hosts: c.hosts, Complete: true}
		if c.example != "" {
			want.Example = filepath.Join(dir, c.example)
		}
		if got := d.Foreign(); got != want {
			t.Errorf("%q: got %+v, want %+v", c.files, got, want)
		}
		d.Close()
	}
}
