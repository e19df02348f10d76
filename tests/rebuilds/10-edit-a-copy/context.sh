#!/bin/sh
# Makes the build context in the current folder.
set -eu
yes setting | head -c 350000 > settings.conf
