#!/bin/sh
# Makes a Debian 12 with apt, dpkg and four small packages of its own to install, and imports it as ll/debian:12.
# The packages lie in /srv/mirror, so that apt-get works in builds without a network; the way there is that of any mirror:
# lists to fetch (1 MB), archives to download. Needs mmdebstrap, dpkg-deb and a docker engine.
set -eu
work=$(mktemp -d)
mirror=$work/mirror
mkdir -p "$mirror"

# package NAME DEPENDS BYTES: a program, its data of that size, and a manual.
package() {
  root=$work/$1
  mkdir -p "$root/DEBIAN" "$root/usr/bin" "$root/usr/share/$1" "$root/usr/share/doc/$1"
  printf '#!/bin/sh\necho %s\n' "$1" > "$root/usr/bin/$1"
  chmod 0755 "$root/usr/bin/$1"
  yes "data of $1" | head -c "$3" > "$root/usr/share/$1/data"
  yes "manual of $1" | head -c 20000 > "$root/usr/share/doc/$1/README"
  printf 'Package: %s\nVersion: 1.0\nArchitecture: all\nMaintainer: Nobody <nobody@example.org>\n%sDescription: a small thing\n' \
    "$1" "${2:+Depends: $2
}" > "$root/DEBIAN/control"
  dpkg-deb --root-owner-group -Zgzip --build "$root" "$mirror/$1_1.0_all.deb" > /dev/null
}
package hello-data '' 300000
package hello-server hello-data 200000
package hello-client hello-data 150000
package hello-dev '' 400000

cd "$mirror"
for deb in *.deb; do
  dpkg-deb --field "$deb"
  printf 'Filename: ./%s\nSize: %s\nSHA256: %s\n\n' "$deb" "$(stat -c %s "$deb")" "$(sha256sum "$deb" | cut -d ' ' -f 1)"
done > Packages
# What else a mirror has, so that the lists are worth a rm.
for number in $(seq 1 4000); do
  printf 'Package: other-%s\nVersion: %s\nArchitecture: all\nMaintainer: Nobody <nobody@example.org>\n' "$number" "$number"
  printf 'Filename: ./other-%s.deb\nSize: 1000\nSHA256: %064d\nDescription: a thing nobody asks for\n\n' "$number" "$number"
done >> Packages
printf 'Suite: stable\nDate: Thu, 01 Jan 2026 00:00:00 UTC\nSHA256:\n %s %s Packages\n' \
  "$(sha256sum Packages | cut -d ' ' -f 1)" "$(stat -c %s Packages)" > Release

# What the official images have: nothing of apt's own caches stays.
mkdir -p "$work/conf"
cat > "$work/conf/docker-clean" <<'END'
DPkg::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb /var/cache/apt/archives/partial/*.deb /var/cache/apt/*.bin || true"; };
APT::Update::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb /var/cache/apt/archives/partial/*.deb /var/cache/apt/*.bin || true"; };
Dir::Cache::pkgcache "";
Dir::Cache::srcpkgcache "";
END
echo 'APT::Sandbox::User "root";' > "$work/conf/root"
echo 'deb [trusted=yes] copy:/srv/mirror ./' > "$work/conf/sources.list"
mmdebstrap --quiet --variant=minbase --include=usr-is-merged --aptopt='APT::Install-Recommends "false"' \
  --customize-hook="mkdir -p \"\$1/srv/mirror\" && cp $mirror/* \"\$1/srv/mirror/\"" \
  --customize-hook="cp $work/conf/sources.list \"\$1/etc/apt/sources.list\"" \
  --customize-hook="cp $work/conf/docker-clean \"\$1/etc/apt/apt.conf.d/docker-clean\"" \
  --customize-hook="cp $work/conf/root \"\$1/etc/apt/apt.conf.d/root\"" \
  --customize-hook='chroot "$1" apt-get -qq --yes purge usrmerge "lib.*-perl" perl-modules-5.36 libperl5.36' \
  --customize-hook='rm -rf "$1"/usr/share/doc/* "$1"/usr/share/man/* "$1"/usr/share/locale/* "$1"/usr/share/zoneinfo/* "$1"/usr/lib/*/gconv/*' \
  --customize-hook='rm -rf "$1"/var/lib/apt/lists/* "$1"/var/cache/apt/*.bin "$1"/var/log/*' \
  bookworm - http://deb.debian.org/debian |
  docker import --message 'Debian 12 root file system' \
    --change 'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' --change 'CMD ["bash"]' - ll/debian:12
rm -rf "$work"
