package test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestServiceUnderSystemd boots a machine with a systemd of its own. There the Debian
// package is installed, upgraded and removed, and then the commands of OPERATIONS.md are
// followed. The service does its work with all that the unit keeps it from.
//
// It runs with SERVICE=1 (make service-test), as root and with systemd-nspawn.
func TestServiceUnderSystemd(t *testing.T) {
	if os.Getenv("SERVICE") == "" {
		t.Skip("make service-test runs it")
	}
	earlier, later := buildPackage(t, "v1.0.0"), buildPackage(t, "v1.0.1")
	dir := t.TempDir()
	for name, text := range map[string]string{
		"follow.sh":   followed(t, "OPERATIONS.md", "systemctl enable --now"),
		"scenario.sh": scenario,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	m := newMachine(t, earlier, later, staticBinaries(t), "../deploy", filepath.Join(dir, "follow.sh"), filepath.Join(dir, "scenario.sh"))
	m.must("sh", "-euc", `
		mv /put/static /put/bin
		mv "$0" /put/earlier.deb
		mv "$1" /put/later.deb
		rm -f /usr/sbin/policy-rc.d # containers have one that starts no service
		truncate --size 0 /etc/machine-id`, "/put/"+filepath.Base(earlier), "/put/"+filepath.Base(later))
	m.must("sh", "-c", `printf %s "$0" >/etc/systemd/system/scenario.service`, scenarioService)
	start := time.Now()
	console, err := m.boot("scenario.service")
	said, _ := m.try("cat", "/put/said")
	if err != nil || !strings.HasSuffix(said, "all is well\n") {
		t.Errorf("%v\n%s\nthe scenario says:\n%s", err, console, said)
	}
	t.Logf("%.0f s", time.Since(start).Seconds())
}

// followed returns the block of commands of a document that has the words.
func followed(t *testing.T, page, words string) string {
	t.Helper()
	for _, b := range snippets(documents(t)[page]) {
		if b.language == "sh" && strings.Contains(b.text, words) {
			return b.text
		}
	}
	t.Fatalf("%s has no commands with %q", page, words)
	return ""
}

// scenarioService runs the scenario when the machine is up, and then turns it off.
const scenarioService = `[Unit]
Requires=basic.target
After=basic.target
[Service]
Type=oneshot
StandardOutput=file:/put/said
StandardError=inherit
ExecStart=/bin/bash /put/scenario.sh
ExecStopPost=/bin/systemctl poweroff
`

// scenario is what happens on the machine.
const scenario = `
set -xeuo pipefail
export DEBIAN_FRONTEND=noninteractive PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
url=http://localhost:8080
now=$(date +%s)

ready() { # waits for a node that is ready
	for i in $(seq 300); do
		! cc-metric-store -ready $url || return 0
		sleep 0.2 # between two looks
	done
	systemctl --no-pager --full status cc-metric-store
	return 1
}
process() { systemctl show --property MainPID --value cc-metric-store; }
sample() { # is the sample there?
	curl -sf $url/api/query -d '{"cluster":"c","from":'$now',"to":'$((now + 1))',"queries":[{"metric":"cpu_load","host":"h"}]}' | grep -F '"data":[42]'
}

dpkg --install /put/earlier.deb
ready
curl -sf "$url/api/write?cluster=c" -d "cpu_load,hostname=h,type=node value=42 $now"
cc-metric-generator -hosts 2 -history 10m -mode jetstream # over NATS
first=$(process)
dpkg --install /put/later.deb # which starts it anew
ready
sample
test "$(process)" != "$first"
systemctl kill --signal KILL cc-metric-store
until test "$(systemctl show --property NRestarts --value cc-metric-store)" = 1; do sleep 0.2; done
ready
sample
systemctl stop cc-metric-store
test "$(systemctl show --property Result --value cc-metric-store)" = success
dpkg --install /put/later.deb # what was stopped stays so
! systemctl --quiet is-active cc-metric-store
systemctl start cc-metric-store
ready
dpkg --purge cc-metric-store
! systemctl --quiet is-active cc-metric-store

hash -r # the programs come to another place
cd /put
sudo() { "$@"; }
. ./follow.sh
ready
systemctl show --property StatusText --value cc-metric-store
systemctl stop cc-metric-store
test "$(systemctl show --property Result --value cc-metric-store)" = success
echo all is well
`
