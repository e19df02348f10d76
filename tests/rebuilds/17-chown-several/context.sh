#!/bin/sh
# Makes the build context in the current folder.
set -eu
mkdir -p site/css
yes page | head -c 120000 > site/index.html
yes style | head -c 60000 > site/css/style.css
