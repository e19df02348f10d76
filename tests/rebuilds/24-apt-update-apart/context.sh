#!/bin/sh
# Makes the build context in the current folder.
set -eu
printf 'hello-server\nhello-client\n' > serve.sh
