#!/bin/sh
# Makes the build context in the current folder.
set -eu
mkdir src static
yes one | head -c 120000 > src/one
yes two | head -c 130000 > src/two
yes page | head -c 90000 > static/index.html
