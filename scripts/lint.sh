#!/usr/bin/env bash
# clang-format and clang-tidy over our own sources: nothing may be left to say.
# Needs a configured release build.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

mapfile -t sources < <(git ls-files '*.cc' '*.h')
clang-format-19 --dry-run --Werror "${sources[@]}"
mapfile -t units < <(git ls-files '*.cc')
printf '%s\0' "${units[@]}" |
  xargs -0 -n 4 -P "$(nproc)" \
    clang-tidy-19 -p build/release --quiet --warnings-as-errors='*' 2>/dev/null
echo "lint: clean"
