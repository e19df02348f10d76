#!/bin/sh
# Makes the build context in the current folder.
set -eu
mkdir -p app/web
yes page | head -c 100000 > app/web/index.html
yes program | head -c 200000 > app/program
chmod 0755 app/program
