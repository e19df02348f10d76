#!/bin/sh
# Makes the build context in the current folder.
set -eu
mkdir src
yes code | head -c 70000 > src/main.c
yes header | head -c 30000 > src/main.h
