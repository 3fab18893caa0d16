#!/usr/bin/env bash
# build_plugin.sh [--like OTHER.so] TREE OUT.so CXX [FLAG...]: compiles a kernel
# tree's own mm/list_lru.c and lib/xarray.c, byte for byte as they are, with the
# shim into a plug-in. What it compiles stays beside it, in OUT.so.d/. OTHER.so
# was just built with the same flags: where the trees differ in mm/list_lru.c
# alone, only that is compiled. Exits 1 with the compiler's words when the tree
# does not compile.
set -euo pipefail
like=
if [ "${1-}" = --like ] && [ $# -ge 2 ]; then
  like=$2.d
  shift 2
fi
if [ $# -lt 3 ]; then
  echo "usage: $0 [--like OTHER.so] TREE OUT.so CXX [FLAG...]" >&2
  exit 2
fi
tree=$1 out=$2 cxx=$3
shift 3
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

dir=$out.d
rm -rf "$dir" "$out"  # nobody is to run what an older tree was made into
mkdir -p "$dir/include/linux"
while read -r file; do
  case $file in
    # Out of mm/ and lib/, where quoted includes would find the real ones.
    *.c) cp "$tree/$file" "$dir/" ;;
    *.h) cp "$tree/$file" "$dir/$file" ;;
  esac
done <"$here/tree_files"
"$here/features.py" "$tree" >"$dir/features.h"
# Every other header that these files name leads to the shim.
sed -nE 's/^[ \t]*#[ \t]*include[ \t]*[<"]([^>"]+)[>"].*/\1/p' \
  "$dir"/*.c "$dir"/include/linux/*.h |
  sort -u | while read -r name; do
    header=$dir/include/$name
    [ -e "$header" ] && continue
    [ -d "${header%/*}" ] || mkdir -p "${header%/*}"
    echo '#include "lru/kernel/shim.h"' >"$header"
  done

host=$(sha256sum <"$here/host.h")
flags=("$@" "-DLRUT_HOST_H=\"${host:0:16}\"" -x c -std=gnu11 -fPIC
  -fvisibility=hidden -fno-strict-aliasing -fwrapv
  -fno-delete-null-pointer-checks -fno-omit-frame-pointer
  -fno-sanitize=function -I"$dir" -I"$dir/include" -I"$here/../.."
  -Wno-error -Werror=implicit-function-declaration
  -Werror=int-conversion -Werror=incompatible-pointer-types)
link=()
case $("$cxx" --version) in
  *clang*) link+=(-fuse-ld=lld) ;;
  *)
    flags=("${flags[@]/-fno-sanitize=function/}")
    flags=(${flags[@]})
    ;;
esac
# Is all that xarray.o and bridge.o are made of as it is there?
is_like() {
  [ -n "$like" ] && local name && for name in features.h xarray.c include; do
    diff -rq "$like/$name" "$dir/$name" >/dev/null || return 1
  done
}
compile() { # SOURCE [FLAG...]
  local object
  object=$dir/$(basename "$1" .c).o
  "$cxx" "${flags[@]}" "${@:2}" -c "$1" -o "$object" 2>"$object.log"
}
# Side by side; what they say is told in this order.
jobs=()
compile "$dir/list_lru.c" -include "$here/hooks.h" & jobs+=($!)
if is_like; then
  cp "$like"/{xarray,bridge}.o{,.log} "$dir/"
else
  compile "$dir/xarray.c" & jobs+=($!)
  compile "$here/bridge.c" & jobs+=($!)
fi
code=0
for job in "${jobs[@]}"; do wait "$job" || code=1; done
cat "$dir"/{list_lru,xarray,bridge}.o.log >&2
[ $code -eq 0 ] || exit 1
# What is not defined here is the sanitizer's, which the program has.
"$cxx" "$@" "${link[@]}" -shared -o "$out" "$dir/list_lru.o" "$dir/xarray.o" \
  "$dir/bridge.o"
