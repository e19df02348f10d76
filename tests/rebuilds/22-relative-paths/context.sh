#!/bin/sh
# Makes the build context in the current folder.
set -eu
printf 'mkdir -p out\nsort -r words > out/result\ntr a-z A-Z < words > out/capitals\n' > build.sh
yes word | head -c 140000 > words
printf 'Dockerfile\n.git\n.dockerignore\n' > .dockerignore
