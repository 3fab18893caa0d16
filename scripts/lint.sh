#!/usr/bin/env bash
# clang-format and clang-tidy over our own sources: nothing may be left to say.
# Needs a built release preset. Everything is formatted; clang-tidy looks at
# the lru, actors and oracles, and with `--all` at everything (some minutes).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

mapfile -t sources < <(git ls-files '*.cc' '*.h')
clang-format-19 --dry-run --Werror "${sources[@]}"

build=build/release
if [ "${1-}" = --all ]; then
  build=build/lint  # every file by itself
  cmake --preset release -B "$build" -DLRUTORTURE_UNITY=OFF >/dev/null
  cmake --build "$build" -j "$(nproc)" >/dev/null
  mapfile -t units < <(git ls-files '*.cc' | grep -v thread_safety_test)
else
  mapfile -t units < <(git ls-files 'lru/*.cc' 'workloads/*.cc' |
    grep -v -e thread_safety_test -e busted/ -e '_test\.cc$' \
         -e '_benchmark\.cc$')
fi
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! printf '%s\0' "${units[@]}" |
  xargs -0 -n 6 -P "$(nproc)" clang-tidy-19 -p "$build" --quiet \
    --warnings-as-errors='*' >"$log" 2>&1; then
  cat "$log"
  exit 1
fi
echo "lint: clean"
