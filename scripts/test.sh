#!/usr/bin/env bash
# Installs what is missing, builds the four presets, runs in each the tests that
# have something to show there (release: all), and the smoke suite. `--quick`:
# release only.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. scripts/packages.sh

presets=(release asan tsan gcc)
checks=true
case ${1-} in
  '') ;;
  --quick)
    presets=(release)
    checks=false
    ;;
  *)
    echo "usage: $0 [--quick]" >&2
    exit 2
    ;;
esac

need_packages "${packages[@]}"
if $checks; then need_packages "${check_packages[@]}"; fi

out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
# phase COMMAND...: says how long it took.
phase() {
  local begun=$SECONDS
  "$@"
  echo "$((SECONDS - begun)) s: $*" >&2
}
# Many tests sleep a lot: one more than processors.
for preset in "${presets[@]}"; do
  phase build_preset "$preset"
  phase ctest --preset "$preset" -j "$(($(nproc) + 1))"
  phase "build/$preset/lrutorture" run configs/smoke.list \
    --out "$out/$preset" --quiet
done
if $checks; then phase scripts/lint.sh; fi
echo "$SECONDS s in all" >&2
