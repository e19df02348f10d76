#!/bin/sh
# Makes the build context in the current folder.
set -eu
mkdir queries
yes 'select 1;' | head -c 110000 > queries/all.sql
