package test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// needDpkg skips the test where there are no Debian packages.
func needDpkg(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("dpkg-deb"); err != nil {
		t.Skip("dpkg-deb is not installed")
	}
}

// TestDebianPackage looks at what make deb builds.
func TestDebianPackage(t *testing.T) {
	t.Parallel()
	needDpkg(t)
	ask := func(args ...string) string {
		t.Helper()
		out, err := exec.Command("dpkg-deb", args...).CombinedOutput()
		if err != nil {
			t.Fatalf("dpkg-deb %q: %v\n%s", args, err, out)
		}
		return string(out)
	}
	file := buildPackage(t, staticVersion)
	if version := ask("--field", file, "Version"); version != "1.2.3~rc1+4.gabcdef0\n" {
		t.Errorf("version %s", version)
	}
	contents := ask("--contents", file)
	for _, want := range []string{
		"-rwxr-xr-x root/root ./usr/bin/cc-metric-store",
		"-rwxr-xr-x root/root ./usr/bin/cc-metric-generator",
		"-rw-r----- root/root ./etc/cc-metric-store/config.json",
		"-rw-r--r-- root/root ./usr/lib/systemd/system/cc-metric-store.service",
		"-rw-r--r-- root/root ./usr/lib/sysusers.d/cc-metric-store.conf",
		"-rw-r--r-- root/root ./usr/lib/tmpfiles.d/cc-metric-store.conf",
		"-rw-r--r-- root/root ./usr/share/doc/cc-metric-store/copyright",
	} {
		words := strings.Fields(want)
		found := false
		for line := range strings.Lines(contents) {
			f := strings.Fields(line)
			found = found || len(f) == 6 && f[0] == words[0] && f[1] == words[1] && f[5] == words[2]
		}
		if !found {
			t.Errorf("no %s in\n%s", want, contents)
		}
	}
	if list := ask("--info", file, "conffiles"); list != "/etc/cc-metric-store/config.json\n" {
		t.Errorf("conffiles %s", list)
	}
	first, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	again, err := os.ReadFile(buildPackage(t, staticVersion))
	if err != nil || string(first) != string(again) {
		t.Errorf("a second package differs from the first one (%v)", err)
	}
}

// TestDebianVersions: they are in the order of the commits.
func TestDebianVersions(t *testing.T) {
	t.Parallel()
	needDpkg(t)
	last := ""
	for _, described := range []string{"1fa787c", "v1.2.3-beta1", "v1.2.3-rc1", "v1.2.3-rc1-4-gabcdef0", "v1.2.3-rc2", "v1.2.3", "v1.2.3-1-gabcdef0", "v1.2.3-12-g0000000-dirty", "v1.2.4"} {
		out, err := exec.Command("../deploy/deb/build.sh", described).Output()
		version := strings.TrimSpace(string(out))
		if err != nil || exec.Command("dpkg", "--validate-version", version).Run() != nil {
			t.Fatalf("%s becomes %q: %v", described, version, err)
		}
		if last != "" && exec.Command("dpkg", "--compare-versions", last, "lt", version).Run() != nil {
			t.Errorf("%s, of %s, is not after %s", version, described, last)
		}
		last = version
	}
}

// TestDebianPackageInstalled installs a package on a machine with the files of this one,
// runs what it installed, and upgrades, removes and purges it: the samples stay.
func TestDebianPackageInstalled(t *testing.T) {
	t.Parallel()
	needDpkg(t)
	const (
		data   = "/var/lib/cc-metric-store"
		config = "/etc/cc-metric-store/config.json"
	)
	earlier, later := buildPackage(t, "v1.0.0"), buildPackage(t, "v1.0.1")
	m := newMachine(t, earlier, later)
	install := func(file string) {
		t.Helper()
		m.must("dpkg", "--install", "/put/"+filepath.Base(file))
	}
	install(earlier)
	m.wantFile(config, "640 root cc-metric-store")
	m.wantFile(data, "750 cc-metric-store cc-metric-store")
	m.must("test", "-L", "/etc/systemd/system/multi-user.target.wants/cc-metric-store.service")
	// The configuration of the package is without faults, for its user and by its directories.
	m.must("setpriv", "--reuid", "cc-metric-store", "--regid", "cc-metric-store", "--init-groups", "cc-metric-store", "-check-config", "-config", config)

	cfg := baseConfig()
	section(cfg, "nats")["embedded"] = object{"directory": data + "/nats"}
	section(cfg, "metric-store")["checkpoints"] = object{"directory": data + "/checkpoints"}
	own, err := json.Marshal(cfg)
	if err != nil {
		t.Fatal(err)
	}
	configure := func() { m.must("sh", "-c", `printf %s "$1" >"$0"`, config, string(own)) }
	configure()
	n := m.startService()
	n.write(ramp("a", 100))
	n.stop()

	install(later)
	m.wantFile(config, "640 root cc-metric-store")
	if got := m.must("cat", config); got != string(own) {
		t.Errorf("after the upgrade the configuration is %s", got)
	}
	n = m.startService()
	n.wantRamp("a", 100)
	n.kill()
	n = m.startService()
	n.wantRamp("a", 100)
	n.stop()

	m.must("dpkg", "--remove", "cc-metric-store")
	m.wantGone("/usr/bin/cc-metric-store")
	m.wantFile(config, "640 root cc-metric-store")
	if said := m.must("dpkg", "--purge", "cc-metric-store"); !strings.Contains(said, "The samples in "+data+" are kept") {
		t.Errorf("the purge says %s", said)
	}
	m.wantGone("/etc/cc-metric-store")
	m.wantGone("/etc/systemd/system/multi-user.target.wants/cc-metric-store.service")
	m.wantFile(data+"/nats", "750 cc-metric-store cc-metric-store")

	install(later)
	configure()
	n = m.startService()
	n.wantRamp("a", 100)
}
