#!/usr/bin/env bash
# The speed gate that does not depend on the machine's load: instructions per entry.
#
# Callgrind counts the instructions of `layerlens --ci` on two images that differ only in how many
# entries they have; the difference of the counts over the difference of the entries is what one more
# entry costs, without start-up. Exits 1 when that is over a limit. Pinned to one core, where taskset
# is there, runs differ by less than 0.1 %, whatever the machine; several cores cost 0.5 % more.
#
# usage: benches/instructions.sh      needs cargo and valgrind; without valgrind it says so and exits 0,
#                                   or 1 with TEST_PEERS=required
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

declare -A limit=([plain]=2600 [gzip]=10500)

if ! command -v valgrind >/dev/null; then
  echo "SKIPPED: the instruction gate needs valgrind, which is not installed: NOTHING WAS MEASURED" >&2
  [ "${TEST_PEERS:-}" != required ]
  exit
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# generate NAME FILES: writes both variants of an image and remembers how many entries it has
declare -A entries
generate() {
  local list
  list=$(cargo test --quiet --bench generate -- \
    tiny --out "$work" --name "$1" --files "$2" --variants plain,gzip)
  entries[$1]=$(cut -f2 <<<"$list" | head -n1)
}

pin=()
if command -v taskset >/dev/null; then
  pin=(taskset -c "$(taskset -cp $$ | sed 's/.*: *\([0-9]*\).*/\1/')")
fi

# count IMAGE: the instructions of one run, all threads together
count() {
  local log=$work/log
  if ! "${pin[@]}" valgrind --tool=callgrind --callgrind-out-file="$work/callgrind.out" \
    "$binary" --ci "$1" >"$work/stdout" 2>"$log"; then
    cat "$log" >&2
    return 1
  fi
  sed -n 's/^==[0-9]*== Collected : //p' "$log"
}

binary=$(cargo build --release --bin layerlens --message-format=json-render-diagnostics |
  sed -n 's/.*"executable":"\([^"]*\)".*/\1/p' | tail -n1)
generate few 20000
generate many 100000

status=0
printf '%-6s %10s %10s %8s\n' layers per-entry limit result
for variant in plain gzip; do
  few=$(count "$work/few-$variant.tar")
  many=$(count "$work/many-$variant.tar")
  cost=$(((many - few) / (entries[many] - entries[few])))
  result=ok
  if ((cost > limit[$variant])); then
    result="TOO MUCH"
    status=1
  fi
  printf '%-6s %10d %10d %8s\n' "$variant" "$cost" "${limit[$variant]}" "$result"
done
exit "$status"
