#!/bin/sh
# Makes the build context in the current folder.
set -eu
mkdir -p app/lib
yes main | head -c 80000 > app/main
yes library | head -c 160000 > app/lib/one
chmod 0755 app/main
