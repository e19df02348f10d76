#!/bin/sh
# Makes the build context in the current folder.
set -eu
mkdir -p app/lib
yes program | head -c 200000 > app/run
yes library | head -c 400000 > app/lib/one
chmod 0755 app/run
