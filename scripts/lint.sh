#!/usr/bin/env bash
# clang-format and clang-tidy over our own sources: nothing may be left to say.
# Needs a built release preset, whose units clang-tidy looks at, many files at a
# time: those of the lru, actors, oracles and controls, and with `--all` every
# other.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

mapfile -t sources < <(git ls-files '*.cc' '*.h')
clang-format-19 --dry-run --Werror "${sources[@]}"

build=build/release
mapfile -t units < <(
  sed -n 's/^ *"file": "\(.*\.c[cx]x*\)",*$/\1/p' "$build/compile_commands.json" |
    grep -v cmake_pch
)
if [ "${1-}" != --all ]; then
  mapfile -t units < <(printf '%s\n' "${units[@]}" |
    grep -E "^$PWD/($build/)?(lru|workloads)/" | grep -v -e _test -e _benchmark)
fi
if [ ${#units[@]} -eq 0 ]; then
  echo "error: $build is not configured: cmake --preset release" >&2
  exit 2
fi
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! printf '%s\0' "${units[@]}" |
  xargs -0 -n 3 -P "$(nproc)" clang-tidy-19 -p "$build" --quiet \
    --config-file=.clang-tidy --header-filter="^$PWD/(lru|harness|workloads)/" \
    --warnings-as-errors='*' >"$log" 2>&1; then
  cat "$log"
  exit 1
fi
echo "lint: clean"
