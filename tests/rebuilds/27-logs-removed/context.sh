#!/bin/sh
# Makes the build context in the current folder.
set -eu
seq 1 4000 > hello.conf
