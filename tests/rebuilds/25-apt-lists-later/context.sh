#!/bin/sh
# Makes the build context in the current folder.
set -eu
yes setting | head -c 30000 > settings.conf
