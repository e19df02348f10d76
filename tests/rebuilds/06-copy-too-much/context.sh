#!/bin/sh
# Makes the build context in the current folder.
set -eu
mkdir -p src/docs
yes source | head -c 100000 > src/main.c
yes manual | head -c 600000 > src/docs/manual
yes change | head -c 50000 > src/CHANGES
