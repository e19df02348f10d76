#!/bin/sh
# Makes the build context in the current folder.
set -eu
mkdir src
yes source | head -c 120000 > src/index
yes asset | head -c 240000 > src/assets
echo modules > package.txt
printf '.git\nDockerfile\n.dockerignore\n' > .dockerignore
