#!/bin/sh
# Every snippet with a mistake must be refused by clang's thread-safety
# analysis, for the reason in its first line; clean.cc must pass.
#   run.sh CLANG++ REPOSITORY
#
# What clang cannot see, and other means must find:
# - Locks through aliases: it compares expressions, so `nlru->lock` and
#   `lru->node[nid].lock` are two locks to it. TSan and lockdep_assert_held()
#   see the object.
# - Nesting: rcu is one capability, so a nested read section is a false
#   mistake inside one function (it is fine across functions) ...
# - ... and that a held spinlock is a read section; rcu_assume_held() says so.
# - Callbacks: a lock dropped and retaken through a function pointer, as
#   list_lru_walk_cb does; the walk opts out and asserts at run time.
# - A pointer that is used after the read section in which it was found: it
#   guards calls and members, not lifetimes. ASan does.
# - A scoped guard whose lock was released by hand before its end: the second
#   release, by its destructor, passes. TSan reports it.
# - Constructors, destructors and lambdas are checked on their own, without
#   what the caller holds.
set -u
compiler=$1
root=$2
here=$root/lru/sync/thread_safety_test
failed=0

for file in "$here"/*.cc; do
  expected=$(sed -n '1s,^// must fail: ,,p' "$file")
  output=$("$compiler" -std=gnu++20 -I"$root" -fsyntax-only -Wall -Wextra \
           -Wthread-safety -Wthread-safety-beta -Werror "$file" 2>&1)
  status=$?
  if [ -z "$expected" ]; then
    [ $status -eq 0 ] && continue
    echo "FAIL $(basename "$file"): must pass, but: $output"
  else
    errors=$(printf '%s\n' "$output" | grep -c 'error:')
    named=$(printf '%s\n' "$output" |
            grep 'error:.*-Wthread-safety' | grep -cF -- "$expected")
    [ $status -ne 0 ] && [ "$named" -ge 1 ] && [ "$errors" -eq "$named" ] &&
      continue
    echo "FAIL $(basename "$file"): must fail with '$expected', but: $output"
  fi
  failed=1
done
exit $failed
