#!/usr/bin/env bash
# Builds the unmodified mm/list_lru.c of a kernel tree into a plug-in,
# build/PRESET/lru/kernel-NAME.so, for every preset that is configured (release
# when none is), to be run as --lru kernel-NAME.
#
#   kernel.sh 6.12                  Debian's linux-source-6.12
#   kernel.sh --tree DIR [--name NAME]        any checkout; NAME is "tree"
#   kernel.sh --tree DIR --run CONFIG...      and torture it, in the release
#                                   build, with `lrutorture run CONFIG...`
#
# With --run the exit code is for `git bisect run`: 0 good, 1 bad, 125 cannot be
# told (the tree does not compile, or the run did too little), 128 stop. Else: 0,
# or 125 when the tree does not compile, or 2.
#
# The sources are the kernel's, and under its licence (GPL-2.0): they stay in
# build/, as does what is made of them.
set -euo pipefail
shopt -s inherit_errexit
called_from=$PWD
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. scripts/packages.sh

mapfile -t members <lru/kernel/tree_files
readonly members

usage() {
  sed -n '2,/^set /{/^set /d;s/^# \?//;p}' "${BASH_SOURCE[0]}" >&2
  exit "$1"
}

# debian_tree VERSION: the members of Debian's source package, in
# build/kernel/VERSION. The package itself is not installed: that would want
# root and a newer linux-libc-dev.
debian_tree() {
  local version=$1 package=linux-source-$1 dir=build/kernel/$1
  local tarball=/usr/src/$package.tar.xz scratch
  if [ ! -e "$dir/mm/list_lru.c" ]; then
    mkdir -p build/kernel
    scratch=$(mktemp -d build/kernel/scratch.XXXXXX)
    if [ ! -e "$tarball" ]; then
      echo "downloading: $package" >&2
      if [ "$(id -u)" -eq 0 ]; then apt-get update -qq >&2 || true; fi
      if ! (cd "$scratch" && apt-get download -qq "$package" >&2); then
        rm -rf "$scratch"
        echo "error: there is no package $package to be had" >&2
        exit 2
      fi
      dpkg-deb --fsys-tarfile "$scratch/$package"_*.deb |
        tar -x -C "$scratch" "./usr/src/$package.tar.xz"
      rm "$scratch/$package"_*.deb
      tarball=$scratch/usr/src/$package.tar.xz
    fi
    mkdir "$scratch/tree"
    tar -C "$scratch/tree" --strip-components=1 --occurrence=1 -I 'xz -T0' \
      -xf "$tarball" "${members[@]/#/$package/}"
    rm -rf "$dir"
    mv "$scratch/tree" "$dir"
    rm -rf "$scratch"
  fi
  echo "$dir"
}

# build NAME TREE: 125 when it does not compile.
build() {
  local name=$1 tree=$2 flags preset log
  log=$(mktemp)
  for preset in "${presets[@]}"; do
    read -ra flags <"build/$preset/lru/plugin_flags"
    if ! lru/kernel/build_plugin.sh "$tree" \
      "build/$preset/lru/kernel-$name.so" "${flags[@]}" >"$log" 2>&1; then
      not_compiled "$log"
      rm -f "$log"
      exit 125
    fi
    echo "built: build/$preset/lru/kernel-$name.so" >&2
  done
  rm -f "$log"
}

# The first error, and what the shim may lack: what it names, or has met.
not_compiled() {
  local first where symbol
  first=$(grep -m 1 -E '(error|Error):' "$1" || tail -n 1 "$1") || true
  where=$(grep -m 1 -A 1 -E '(error|Error):' "$1" | sed -n '2s/^[ 0-9]*| *//p')
  symbol=$(printf '%s\n' "$first" | grep -m 1 -oE "(undeclared (function|identifier)|unknown type name|implicit declaration of function|undefined symbol:|no member named|undefined reference to) ?['\`‘]?[A-Za-z_0-9]+|['‘][A-Za-z_0-9]+['’] undeclared" |
    grep -oE "[A-Za-z_0-9]+['’]? undeclared$|[A-Za-z_0-9]+$" |
    head -n 1 | tr -cd 'A-Za-z_0-9 ' | cut -d ' ' -f 1) || true
  echo "error: the tree does not compile" >&2
  echo "  $first" >&2
  if [ -n "$symbol" ]; then
    echo "  the shim (lru/kernel/shim.h) lacks: $symbol" >&2
  elif [ -n "$where" ]; then
    echo "  the shim (lru/kernel/shim.h) may lack something of: $where" >&2
  fi
}

tree= name= run=()
while [ $# -gt 0 ]; do
  case $1 in
    --tree | --name)
      [ $# -ge 2 ] || usage 2
      if [ "$1" = --tree ]; then tree=$2; else name=$2; fi
      shift 2
      ;;
    --run)
      shift
      run=("$@")
      [ ${#run[@]} -gt 0 ] || usage 2
      # One of ours, unless there is such a file where the caller is.
      if [ ! -e "$called_from/$1" ] && [ -e "$1" ]; then
        run[0]=$(realpath -- "$1")
      fi
      break
      ;;
    -h | --help) usage 0 ;;
    [0-9]*.[0-9]*)
      version=$1
      shift
      ;;
    *) usage 2 ;;
  esac
done

case $name in
  */*)
    echo "error: --name $name: a name, without a /" >&2
    exit 2
    ;;
esac
if [ -n "$tree" ]; then
  [ -z "${version-}" ] || usage 2
  tree=$(cd "$called_from" && realpath -- "$tree")
  name=${name:-tree}
  if [ ! -e "$tree/mm/list_lru.c" ]; then
    echo "error: $tree has no mm/list_lru.c" >&2
    [ ${#run[@]} -eq 0 ] && exit 2
    exit 125
  fi
elif [ -n "${version-}" ]; then
  name=${name:-$version}
  tree=$(debian_tree "$version")
else
  usage 2
fi

presets=()
for flags in build/*/lru/plugin_flags; do
  [ -e "$flags" ] || continue
  preset=${flags#build/}
  presets+=("${preset%%/*}")
done
if [ ${#run[@]} -gt 0 ]; then presets=(release); fi
if [ ${#presets[@]} -eq 0 ]; then presets=(release); fi
for preset in "${presets[@]}"; do
  if [ ! -e "build/$preset/lru/plugin_flags" ]; then
    cmake --preset "$preset" >/dev/null
  fi
done

build "$name" "$tree"
[ ${#run[@]} -eq 0 ] && exit 0

if [ ! -x build/release/lrutorture ]; then
  build_preset release lrutorture || exit 128
fi
code=0
(cd "$called_from" && "$OLDPWD/build/release/lrutorture" run "${run[@]}" \
  --lru "kernel-$name") || code=$?
case $code in
  0 | 1) exit "$code" ;;
  3) exit 125 ;;
  130) exit 130 ;;
  *) exit 128 ;;
esac
