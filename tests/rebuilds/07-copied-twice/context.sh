#!/bin/sh
# Makes the build context in the current folder.
set -eu
yes default | head -c 400000 > default.db
yes custom | head -c 300000 > custom.db
