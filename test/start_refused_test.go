package test

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestPortsInUseNameWhatToChange: the key and the flag.
func TestPortsInUseNameWhatToChange(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	address := taken.Addr().String()
	run(t, launch{args: []string{"-addr", address, "-nats-addr", "127.0.0.1:0"}}).wantExit(1, address, "address already in use", "main.addr", "-addr")
	run(t, launch{args: []string{"-addr", "127.0.0.1:0", "-nats-addr", address}}).wantExit(1, address, "address already in use", "nats.embedded.addr", "-nats-addr")
	run(t, launch{args: []string{"-addr", "192.0.2.1:8080"}}).wantExit(1, "192.0.2.1:8080", "cannot assign", "main.addr")
}

// TestErrorsNameThePlace: the absolute path and the key.
func TestErrorsNameThePlace(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "var"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	l := launch{dir: dir, args: []string{"-addr", "127.0.0.1:0", "-nats-addr", "127.0.0.1:0"}}
	run(t, l).wantExit(1, dir+"/var/nats", "nats.embedded.directory", "not a directory")
	cfg := baseConfig()
	section(cfg, "metric-store")["checkpoints"] = object{"directory": "var/checkpoints"}
	section(cfg, "metric-store")["checkpoint-interval"] = "1s"
	n := begin(t, launch{dir: dir, config: cfg})
	n.awaitReady()
	n.write(ramp("a", 3))
	n.wantLog("no checkpoint could be written", dir+"/var/checkpoints", "last=none")
	n.waitFor("the trouble", func() error {
		if a := n.send("GET", "/readyz", ""); !containsAll(a.body, []string{"metric-store.checkpoints.directory", dir + "/var/checkpoints"}) {
			return os.ErrNotExist
		}
		return nil
	})
	n.stop()
	if strings.Contains(n.log.String(), "0001-01-01") {
		t.Error("the log has a time that is none")
	}
}

func TestSecondProcess(t *testing.T) {
	t.Parallel()
	n := start(t, baseConfig())
	n.write(ramp("a", 3))
	second := run(t, launch{dir: n.launch.dir})
	second.wantExit(1, "in use by another process", fmt.Sprint(n.cmd.Process.Pid), "metric-store.checkpoints.directory")
	n.write(line("a", "cpu_load", 3, origin+180)) // the first one is none the worse
	n.wantRamp("a", 4)
}

func TestPortsInUse(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	address := taken.Addr().String()
	cfg := baseConfig()
	section(cfg, "main")["addr"] = address
	run(t, launch{config: cfg}).wantExit(1, "listen for REST", address, "address already in use")
	cfg = baseConfig()
	section(section(cfg, "nats"), "embedded")["addr"] = address
	run(t, launch{config: cfg}).wantExit(1, "nats-server", address, "address already in use")
}

// TestUnusableDirectory has one below a file, which not even root can make.
func TestUnusableDirectory(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	cfg := baseConfig()
	section(section(cfg, "nats"), "embedded")["directory"] = "file/nats"
	run(t, launch{dir: dir, config: cfg}).wantExit(1, "create directory", "file")
}
