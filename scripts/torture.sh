#!/usr/bin/env bash
# Installs what is missing, builds, and tortures: arguments go to
# `lrutorture run`, which takes configs/teardown.json when they name nothing.
#
#   ./scripts/torture.sh [--preset release|asan|tsan|gcc] [RUN ARGUMENTS...]
set -euo pipefail
here=$PWD
cd "$(dirname "${BASH_SOURCE[0]}")/.."
root=$PWD
. scripts/packages.sh

preset=release
arguments=()
while [ $# -gt 0 ]; do
  case $1 in
    --preset)
      [ $# -ge 2 ] || { echo "error: --preset needs a value" >&2; exit 2; }
      preset=$2
      shift 2
      ;;
    --preset=*) preset=${1#--preset=}; shift ;;
    *) arguments+=("$1"); shift ;;
  esac
done
case $preset in
  release | asan | tsan | gcc) ;;
  *)
    echo "error: --preset: unknown preset '$preset'" \
         "(one of release, asan, tsan, gcc)" >&2
    exit 2
    ;;
esac

need_packages "${packages[@]}"
build_preset "$preset" lrutorture || exit 4
cd "$here"  # paths in the arguments are the caller's
exec "$root/build/$preset/lrutorture" run "${arguments[@]}"
