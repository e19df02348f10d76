#!/bin/sh
# Makes the build context in the current folder.
set -eu
mkdir conf
yes setting | head -c 120000 > conf/settings
chmod 0644 conf/settings
chmod 0755 conf
printf 'Dockerfile\n.git\n' > .dockerignore
