#!/bin/sh
# Puts the programs of a directory into a Debian package there, and prints its name:
#
#   deploy/deb/build.sh VERSION GOARCH DIRECTORY
#
# With VERSION alone, as git describe gives it, it prints the version of the package. `make deb`
# calls it. The same commit gives the same package, byte for byte.
set -eu
umask 022
version=$1
[ $# -eq 1 ] || arch=$2 bin=$(cd "$3" && pwd)
cd "$(dirname "$0")/../.."

SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 0)}
export SOURCE_DATE_EPOCH

# v1.2.3-rc1-4-gabcdef0 becomes 1.2.3~rc1+4.gabcdef0: after the release candidate, before 1.2.3.
# A commit without a tag before it is older than all releases, and ordered by its time.
case $version in
v[0-9]* | [0-9]*.*) version=$(echo "${version#v}" | sed -E 's/-(alpha|beta|rc)/~\1/; s/-/+/; s/-/./g') ;;
*) version=0~$(date -u -d "@$SOURCE_DATE_EPOCH" +%Y%m%d%H%M%S).$(echo "$version" | tr - .) ;;
esac
if [ $# -eq 1 ]; then
	echo "$version"
	exit
fi
case $arch in
386) arch=i386 ;;
arm) arch=armhf ;;
ppc64le) arch=ppc64el ;;
esac

root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
chmod 755 "$root"
put() { install -D -m "$1" "$2" "$root$3"; }

put 755 "$bin/cc-metric-store" /usr/bin/cc-metric-store
put 755 "$bin/cc-metric-generator" /usr/bin/cc-metric-generator
put 640 deploy/deb/config.json /etc/cc-metric-store/config.json
put 644 deploy/cc-metric-store.service /usr/lib/systemd/system/cc-metric-store.service
sed -i 's|/usr/local/bin/|/usr/bin/|' "$root/usr/lib/systemd/system/cc-metric-store.service"
put 644 deploy/cc-metric-store.sysusers /usr/lib/sysusers.d/cc-metric-store.conf
put 644 deploy/cc-metric-store.tmpfiles /usr/lib/tmpfiles.d/cc-metric-store.conf
doc=/usr/share/doc/cc-metric-store
put 644 LICENSE $doc/copyright
for page in README API CONFIGURATION OPERATIONS; do
	put 644 $page.md $doc/$page.md
done
put 644 deploy/alerts.yml $doc/examples/alerts.yml
for part in $(cd deploy/grafana && find . -type f); do
	put 644 "deploy/grafana/$part" "$doc/examples/grafana/$part"
done
for example in deploy/examples/*; do
	put 644 "$example" "$doc/examples/$(basename "$example")"
done
maintainer=${DEB_MAINTAINER:-The cc-metric-store authors <cc-metric-store@localhost>}
{
	echo "cc-metric-store ($version) unstable; urgency=medium"
	printf '\n  * What has changed is in upstream.changelog.gz.\n\n'
	echo " -- $maintainer  $(LC_ALL=C date -u -R -d "@$SOURCE_DATE_EPOCH")"
} | gzip -9n >"$root$doc/changelog.gz"
gzip -9nc CHANGELOG.md >"$root$doc/upstream.changelog.gz"
# The licences of the libraries that are in the programs go with them.
go version -m "$bin/cc-metric-store" "$bin/cc-metric-generator" | awk '$1 == "dep" { print $2 "@" $3 }' | LC_ALL=C sort -u | while read -r module; do
	printf '%s\n\n' "--- $module"
	dir=$(go list -m -f '{{.Dir}}' "$module")
	find "$dir" -maxdepth 1 -type f \( -iname 'LICEN[CS]E*' -o -iname 'COPYING*' -o -iname 'NOTICE*' \) | LC_ALL=C sort | xargs -r -d '\n' cat
	echo
done | gzip -9n >"$root$doc/libraries.copyright.gz"

mkdir "$root/DEBIAN"
for script in postinst prerm postrm; do
	install -m 755 deploy/deb/$script "$root/DEBIAN/$script"
done
echo /etc/cc-metric-store/config.json >"$root/DEBIAN/conffiles"
(cd "$root" && find usr -type f -print0 | LC_ALL=C sort -z | xargs -0 md5sum) >"$root/DEBIAN/md5sums"
cat >"$root/DEBIAN/control" <<CONTROL
Package: cc-metric-store
Version: $version
Architecture: $arch
Maintainer: $maintainer
Installed-Size: $(du -k -s --apparent-size "$root" | cut -f 1)
Depends: init-system-helpers (>= 1.54~), systemd | systemd-standalone-sysusers | systemd-sysusers
Recommends: ca-certificates
Section: net
Priority: optional
Homepage: https://github.com/ClusterCockpit/cc-metric-store
Description: in-memory store for the metrics of HPC clusters
 It takes the samples that the collectors of ClusterCockpit publish over NATS,
 holds the last days of them in memory, and answers queries over REST in
 milliseconds. Each sample that was acknowledged is there again after a crash:
 a JetStream log on a NATS server, or in the one that is built in, has it.
 .
 The package has cc-metric-generator, too, which sends the load of a cluster.
CONTROL

package=$bin/cc-metric-store_${version}_$arch.deb
dpkg-deb --root-owner-group -Zgzip --build "$root" "$package" >/dev/null
echo "$package"
