#!/bin/sh
# Makes the build context in the current folder.
set -eu
mkdir -p files/sub
yes one | head -c 180000 > files/one
yes two | head -c 90000 > files/sub/two
