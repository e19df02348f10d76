#!/bin/sh
# Makes the root file system that the busybox samples stand on, and imports it as ll/busybox:1.
# Needs Debian's busybox-static 1:1.35.0-4+deb12u1+b1 installed; the tar has then the diff_id
# sha256:bce53aa9dd86a6710a088ad61b493fc6aa59b43886dd93329095558d2a8563c6 that seed.tar.gz holds as layer 1.
set -eu
root=$(mktemp -d)
mkdir -p "$root/bin" "$root/etc" "$root/home" "$root/root" "$root/tmp" "$root/usr/bin" "$root/usr/sbin" \
         "$root/usr/share/old/deep" "$root/var/lib" "$root/var/spool/mail"
chmod 0755 "$root"
chmod 0700 "$root/root"
chmod 1777 "$root/tmp"
cp /bin/busybox "$root/bin/busybox"
for applet in $("$root/bin/busybox" --list); do
  [ "$applet" = busybox ] || ln "$root/bin/busybox" "$root/bin/$applet"
done
ln -s ../../bin/env "$root/usr/bin/env"
printf 'root:x:0:\nwww-data:x:33:\n' > "$root/etc/group"
printf 'root:x:0:0:root:/root:/bin/sh\nwww-data:x:33:33:www:/var/www:/bin/false\n' > "$root/etc/passwd"
echo old > "$root/usr/share/old/file"
echo old > "$root/usr/share/old/deep/file"
tar --sort=name --numeric-owner --owner=0 --group=0 --mtime='2020-01-01 00:00Z' -C "$root" -c . |
  docker import --message 'busybox root file system' \
    --change 'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' --change 'CMD ["sh"]' - ll/busybox:1
rm -rf "$root"
