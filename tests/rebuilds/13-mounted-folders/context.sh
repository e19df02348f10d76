#!/bin/sh
# Makes the build context in the current folder.
set -eu
mkdir -p lists debs
yes list | head -c 300000 > lists/main
yes deb | head -c 450000 > debs/tool.deb
