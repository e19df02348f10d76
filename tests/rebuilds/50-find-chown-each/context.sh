#!/bin/sh
# Makes the build context in the current folder.
set -eu
mkdir pages
yes page | head -c 150000 > pages/first
yes other | head -c 90000 > pages/second
printf 'Dockerfile\n.git\n' > .dockerignore
