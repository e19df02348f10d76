#!/bin/sh
# Makes the build context in the current folder.
set -eu
mkdir src
yes source | head -c 60000 > src/main
