// bugs.md #49, 9f38f03ae8d5 (2021) and eefbfa7fd678 (2020): css_get() instead
// of css_tryget() on a memcg found under RCU. The read section keeps the
// memory, not the count: it may be zero already.
//
//   shrinker                           whoever puts last
//   rcu_read_lock()
//   memcg = next of the tree
//                                      css_put(): 1 -> 0, release is queued
//   css_get(memcg): 0 -> 1
//   rcu_read_unlock()
//                                      unlinked, a grace period, css_free
//   uses memcg, puts it: 1 -> 0, released a second time
#include "workloads/busted/break_steps.h"

namespace workloads::revive_from_zero {
namespace {

bool GetWhateverIsLeft(lru::mem_cgroup* memcg) {
  lru::css_get(&memcg->css);
  return true;
}

LRUTORTURE_REGISTER(RegisterControl(
    {.info = {.name = "revive_from_zero",
              .klass = "lru",
              .lrus = {},
              .doc = "a memcg found under RCU is taken by css_get() instead of "
                     "css_tryget(): its count may be zero already (#49, "
                     "9f38f03ae8d5)",
              .config = "busted/revive_from_zero.json",
              .expect = {{"release", "invariant", "no_resurrection"},
                         {"asan", "invariant", "no_resurrection"},
                         {"tsan", "invariant", "no_resurrection"},
                         {"gcc", "invariant", "no_resurrection"}}},
     .break_it = BreakTeardown<[](lru::teardown_steps& steps) {
       steps.mem_cgroup_tryget = GetWhateverIsLeft;
     }>}));

}  // namespace
}  // namespace workloads::revive_from_zero
