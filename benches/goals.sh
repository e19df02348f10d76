#!/usr/bin/env bash
# Measures the speed and memory goals and prints a table: goal, limit, measured, ok.
#
# All goals are ratios within one interleaved run (benches/goals.py), so that they hold on any machine,
# also a busy one. Images that are missing in DIR are made there. Exits 1 when a goal is missed.
#
# usage: benches/goals.sh DIR           full size: 15 GB in DIR, half an hour
#        benches/goals.sh DIR small     a twentieth of it: a few minutes, indicative only
# Needs cargo, python3, igzip (Debian: isal), zstd and GNU time. Goals that compare with `diving` or use
# `hyperfine` are left out, and the table says so, where these are not installed.
set -euo pipefail

fail() { echo "goals.sh: $1" >&2; exit 2; }

[ $# -ge 1 ] || fail "usage: benches/goals.sh DIR [small]"
for tool in cargo python3 igzip zstd; do
  command -v "$tool" >/dev/null || fail "$tool is not installed"
done
[ -x /usr/bin/time ] || fail "GNU time is not installed"
mkdir -p "$1"
dir=$(realpath "$1")
cd "$(dirname "${BASH_SOURCE[0]}")/.."

case ${2:-full} in
  full) rounds=5 tiny=() realistic=() large=() ;;
  small)
    rounds=10
    tiny=(--files 50000)
    realistic=(--files 3000 --bytes 100M)
    large=(--bytes 200M)
    ;;
  *) fail "the size is 'small' or left out" ;;
esac

# executable NAME CARGO ARGUMENT…: builds a target and prints where it is
executable() {
  cargo "${@:2}" --message-format=json-render-diagnostics |
    sed -n "/\"name\":\"$1\"/"'s/.*"executable":"\([^"]*\)".*/\1/p'
}
layerlens=$(executable layerlens build --release --bin layerlens)
generate=$(executable generate bench --no-run --bench generate)
floor=$(executable floor bench --no-run --bench floor)

# image NAME VARIANT,… GENERATOR ARGUMENT…: makes the variants that are not in DIR yet
image() {
  local name=$1 variant
  for variant in ${2//,/ }; do
    [ -e "$dir/$name-$variant.tar" ] ||
      "$generate" "${@:3}" --out "$dir" --name "$name" --variants "$variant"
  done
}
image tiny plain,gzip,zstd,gzip-members tiny "${tiny[@]}"
image tinyshuf plain,gzip tiny "${tiny[@]}" --order shuffled
image realistic plain,gzip,zstd realistic "${realistic[@]}"
image large plain,gzip,zstd large "${large[@]}"

exec python3 benches/goals.py --layerlens "$layerlens" --floor "$floor" --rounds "$rounds" "$dir"
