// bugs.md #22, f8570263ee16 "memcg, slab: RCU protect memcg_params" (Vladimir
// Davydov, 2014): an array that is read without a lock grows, and the old one
// is freed at once. Here it is the array of a memcg's shrinker bits.
//
//   adder                              registrar
//   rcu_read_lock()
//   info = memcg->shrinker_info[nid]
//                                      the 65th shrinker: makes a longer one
//                                      rcu_assign_pointer(..., longer)
//                                      kfree(old)
//   set_bit() by way of freed memory
#include "lru/shrinker.h"
#include "lru/sync/alloc.h"
#include "workloads/busted/break_steps.h"

namespace workloads::old_info_freed_at_once {
namespace {

void FreeAtOnce(lru::shrinker_info* old) {
  lru::kfree_flex(lru::ALLOC_SHRINKER_INFO, old);
}

LRUTORTURE_REGISTER(RegisterControl(
    {.info = {.name = "old_info_freed_at_once",
              .klass = "lru",
              .lrus = {},
              .doc = "when a memcg's shrinker_info grows, the old one is freed "
                     "at once: who found it under RCU uses freed memory (#22, "
                     "f8570263ee16)",
              .config = "busted/old_info_freed_at_once.json",
              .expect = {{"release", "invariant", "rcu_before_free"},
                         {"asan", "invariant", "rcu_before_free"},
                         {"tsan", "invariant", "rcu_before_free"},
                         {"gcc", "invariant", "rcu_before_free"}}},
     .break_it = BreakTeardown<[](lru::teardown_steps& steps) {
       steps.free_old_shrinker_info = FreeAtOnce;
     }>}));

}  // namespace
}  // namespace workloads::old_info_freed_at_once
