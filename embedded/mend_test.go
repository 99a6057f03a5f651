package embedded

import (
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/nats-io/nats-server/v2/server"

	"cc-metric-store/test/testkit"
)

// damages are what can become of a file.
func damages(rnd *rand.Rand) map[string]func(path string) error {
	rewrite := func(change func([]byte) []byte) func(string) error {
		return func(path string) error {
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			return os.WriteFile(path, change(data), 0o600)
		}
	}
	return map[string]func(string) error{
		"empty":   rewrite(func([]byte) []byte { return nil }),
		"removed": os.Remove,
		"half":    rewrite(func(b []byte) []byte { return b[:len(b)/2] }),
		"flipped": rewrite(func(b []byte) []byte {
			if len(b) > 0 {
				b[rnd.IntN(len(b))] ^= 1 << rnd.IntN(8)
			}
			return b
		}),
		"garbage": rewrite(func(b []byte) []byte {
			for i := range b {
				b[i] = byte(rnd.Uint32())
			}
			return b
		}),
		"zeros":     rewrite(func(b []byte) []byte { return make([]byte, len(b)) }),
		"longer":    rewrite(func(b []byte) []byte { return append(b, "what does not belong here"...) }),
		"directory": func(path string) error { return replaced(path, func() error { return os.Mkdir(path, 0o700) }) },
		"pipe":      func(path string) error { return replaced(path, func() error { return syscall.Mkfifo(path, 0o600) }) },
		"link":      func(path string) error { return replaced(path, func() error { return os.Symlink("nowhere", path) }) },
	}
}

func replaced(path string, by func() error) error {
	if err := os.RemoveAll(path); err != nil {
		return err
	}
	return by()
}

// TestDamagedFiles damages each file of a stopped and of a killed server in some ways, with
// STRESS in all: the next start has all messages but those in the damaged part.
func TestDamagedFiles(t *testing.T) {
	rnd := testkit.Rand(t)
	site := makeSite(t)
	for _, state := range []string{"stopped", "crashed"} {
		from := map[string]string{"stopped": site.stopped, "crashed": site.crashed}[state]
		var files []string
		err := filepath.WalkDir(from, func(path string, d os.DirEntry, err error) error {
			if rel, _ := filepath.Rel(from, path); err == nil && d.Type().IsRegular() {
				files = append(files, rel)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			ways := damages(rand.New(rand.NewPCG(rnd.Uint64(), 0)))
			for _, name := range slices.Sorted(maps.Keys(ways)) {
				damage := ways[name]
				if os.Getenv("STRESS") == "" && rnd.IntN(4) > 0 {
					continue // a part of them, another one each time
				}
				t.Run(state+"/"+filepath.Base(filepath.Dir(file))+"/"+filepath.Base(file)+"/"+name, func(t *testing.T) {
					dir := t.TempDir()
					copyDir(t, from, dir)
					if err := damage(filepath.Join(dir, file)); err != nil {
						t.Fatal(err)
					}
					s, log := startLogged(t, dir)
					have := stored(t, s)
					lost := messages - len(have)
					base := filepath.Base(file)
					switch {
					case !strings.HasSuffix(base, blockSuffix) || filepath.Base(filepath.Dir(filepath.Dir(file))) == "S_BAD":
						if lost > 0 {
							t.Errorf("%d messages are lost without a damaged block of theirs", lost)
						}
					case name == "flipped" && lost > 1:
						t.Errorf("one byte costs %d messages", lost)
					case name == "longer" && lost > 0:
						t.Errorf("%d messages are lost", lost)
					case lost > 40:
						t.Errorf("%d messages are lost, the block had about 30", lost)
					case lost > 0 && state == "crashed" && base == "1.blk" && (name == "removed" || name == "half"):
						// As if it had been dropped in order since the manifest was written.
					case lost > 0:
						wantLine(t, log, "level=ERROR", "entries of a stream are lost", "stream=S ", "entries="+strconv.Itoa(lost), "first=", "after=", "why=")
						if s.Lost()["S"] != uint64(lost) || s.Damage() == nil {
							t.Errorf("%d are lost, it says %v: %v", lost, s.Lost(), s.Damage())
						}
					}
					if lost == 0 && s.Lost()["S"] > 0 && name != "longer" {
						t.Errorf("nothing is lost, it says %v", s.Damage())
					}
					s.Stop()
					again, log := startLogged(t, dir)
					if got := len(stored(t, again)); got != len(have) {
						t.Errorf("%d messages after one more start, want %d", got, len(have))
					}
					if strings.Contains(log.String(), "level=ERROR") || again.Damage() != nil {
						t.Errorf("the damage is still there after one more start: %v", again.Damage())
					}
				})
			}
		}
	}
}

// TestStrangeEntries has what does not belong there in each directory.
func TestStrangeEntries(t *testing.T) {
	site := makeSite(t)
	store := filepath.Join("jetstream")
	account := filepath.Join(store, "$G")
	streams := filepath.Join(account, streamsName)
	type made struct {
		name string
		make func(t *testing.T, dir string) string // returns what has to be named, if anything
	}
	var cases []made
	for _, in := range []string{store, account, streams, filepath.Join(streams, "S"), filepath.Join(streams, "S", messagesName), filepath.Join(streams, "S", consumersName)} {
		for _, name := range []string{"old", "notes.txt", "0.blk", "007.blk", "-1.blk", "99.blk", "a b [c]", ".hidden"} {
			cases = append(cases,
				made{"directory " + in + "/" + name, func(t *testing.T, dir string) string {
					if err := os.Mkdir(filepath.Join(dir, in, name), 0o700); err != nil {
						t.Fatal(err)
					}
					return ""
				}},
				made{"file " + in + "/" + name, func(t *testing.T, dir string) string {
					if err := os.WriteFile(filepath.Join(dir, in, name), []byte("text"), 0o600); err != nil {
						t.Fatal(err)
					}
					return ""
				}})
		}
	}
	copied := func(t *testing.T, dir, from, to string) string {
		t.Helper()
		if err := os.CopyFS(filepath.Join(dir, to), os.DirFS(filepath.Join(dir, from))); err != nil {
			t.Fatal(err)
		}
		return filepath.Base(to)
	}
	cases = append(cases,
		made{"a copy of the stream", func(t *testing.T, dir string) string {
			return copied(t, dir, filepath.Join(streams, "S"), filepath.Join(streams, "S.bak"))
		}},
		made{"a copy of the stream that passes for it", func(t *testing.T, dir string) string {
			name := copied(t, dir, filepath.Join(streams, "S"), filepath.Join(streams, "S.bak"))
			inf, err := os.ReadFile(filepath.Join(dir, streams, name, server.JetStreamMetaFile))
			if err != nil {
				t.Fatal(err)
			}
			sum, err := checksum(name, inf)
			if err == nil {
				err = os.WriteFile(filepath.Join(dir, streams, name, server.JetStreamMetaFileSum), []byte(sum), 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
			return name
		}},
		made{"a copy of which a file is a pipe", func(t *testing.T, dir string) string {
			name := copied(t, dir, filepath.Join(streams, "S"), filepath.Join(streams, "COPY"))
			path := filepath.Join(dir, streams, name, server.JetStreamMetaFile)
			if err := replaced(path, func() error { return syscall.Mkfifo(path, 0o600) }); err != nil {
				t.Fatal(err)
			}
			return name
		}},
		made{"another account", func(t *testing.T, dir string) string {
			return copied(t, dir, account, filepath.Join(store, "OTHER"))
		}},
		made{"a copy of a block", func(t *testing.T, dir string) string {
			block, err := os.ReadFile(streamPath(dir, messagesName, "1.blk"))
			if err == nil {
				err = os.WriteFile(streamPath(dir, messagesName, "77.blk"), block, 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
			return "77.blk"
		}},
		made{"a key", func(t *testing.T, dir string) string {
			if err := os.WriteFile(streamPath(dir, server.JetStreamMetaFileKey), []byte("key"), 0o600); err != nil {
				t.Fatal(err)
			}
			return server.JetStreamMetaFileKey
		}},
		made{"a consumer of a later version", func(t *testing.T, dir string) string {
			path := streamPath(dir, consumersName, "later")
			err := os.MkdirAll(path, 0o700)
			text := []byte(`{"Name":"later","metadata":{"_nats.req.level":"1000000"}}`)
			if err == nil {
				err = os.WriteFile(filepath.Join(path, server.JetStreamMetaFile), text, 0o600)
			}
			if err == nil {
				err = os.WriteFile(filepath.Join(path, server.JetStreamMetaFileSum), []byte("x"), 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
			return "later"
		}},
	)
	for _, name := range []string{filepath.Join(streams, "S_BAD"), filepath.Join(streams, "S", consumersName)} {
		cases = append(cases, made{"no directory " + name, func(t *testing.T, dir string) string {
			err := replaced(filepath.Join(dir, name), func() error { return os.WriteFile(filepath.Join(dir, name), nil, 0o600) })
			if err != nil {
				t.Fatal(err)
			}
			return filepath.Base(name)
		}})
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			copyDir(t, site.crashed, dir)
			named := c.make(t, dir)
			s, log := startLogged(t, dir)
			wantAll(t, s)
			if named != "" {
				wantLine(t, log, named)
			}
			if err := s.Health(); err != nil {
				t.Errorf("health: %v", err)
			}
		})
	}
}

// TestDirectoryThatIsAFile has a file where the server needs a directory: it starts
// without what was there, says so, and takes messages.
func TestDirectoryThatIsAFile(t *testing.T) {
	site := makeSite(t)
	for _, name := range []string{"jetstream", "jetstream/$G", "jetstream/$G/streams", "jetstream/$G/streams/S", "jetstream/$G/streams/S/msgs"} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			copyDir(t, site.stopped, dir)
			err := replaced(filepath.Join(dir, name), func() error { return os.WriteFile(filepath.Join(dir, name), []byte("text"), 0o600) })
			if err != nil {
				t.Fatal(err)
			}
			s, log := startLogged(t, dir)
			wantLine(t, log, "level=ERROR", "set aside", filepath.Join(dir, name), filepath.Join(dir, quarantineName))
			wantLine(t, log, "level=ERROR", "entries of a stream are lost", "entries="+strconv.Itoa(messages), "first=1 ", "last="+strconv.Itoa(messages))
			if err := s.Health(); err != nil {
				t.Errorf("health: %v", err)
			}
		})
	}
}
