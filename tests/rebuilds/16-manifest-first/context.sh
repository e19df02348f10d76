#!/bin/sh
# Makes the build context in the current folder.
set -eu
mkdir src
yes source | head -c 90000 > src/main
printf 'left\nright\n' > packages.txt
printf 'Dockerfile\n.git\n.dockerignore\n' > .dockerignore
