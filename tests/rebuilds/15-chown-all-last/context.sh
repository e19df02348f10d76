#!/bin/sh
# Makes the build context in the current folder.
set -eu
mkdir src
yes first | head -c 100000 > src/first
yes second | head -c 150000 > src/second
echo one > vendor.txt
printf 'Dockerfile\n.git\n' > .dockerignore
