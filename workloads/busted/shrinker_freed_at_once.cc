// Derived from mm/shrinker.c, Linux 6.12: shrinker_free() waits for those who
// use the shrinker, but whoever has found it by its id and not yet tried its
// refcount is none of them. A grace period is for those (shrinker_free_rcu_cb()
// in the kernel).
//
//   reclaim of a memcg                  owner of the shrinker
//   rcu_read_lock()
//   shrinker = what the id finds
//                                       shrinker_free(): the id finds nobody
//                                       no users: freed
//   shrinker_try_get(): in freed memory
#include "lru/shrinker.h"
#include "lru/sync/alloc.h"
#include "workloads/busted/break_steps.h"

namespace workloads::shrinker_freed_at_once {
namespace {

void FreeNow(lru::shrinker* s) { lru::kfree_type(lru::ALLOC_OTHER, s); }

LRUTORTURE_REGISTER(RegisterControl(
    {.info = {.name = "shrinker_freed_at_once",
              .klass = "lru",
              .lrus = {},
              .doc = "shrinker_free() frees the shrinker without a grace "
                     "period: reclaim may have just found it by its id",
              .config = "busted/shrinker_freed_at_once.json",
              .expect = {{"release", "invariant", "rcu_before_free"},
                         {"asan", "invariant", "rcu_before_free"},
                         {"tsan", "invariant", "rcu_before_free"},
                         {"gcc", "invariant", "rcu_before_free"}}},
     .break_it = BreakTeardown<[](lru::teardown_steps& steps) {
       steps.shrinker_free_after_rcu = FreeNow;
     }>}));

}  // namespace
}  // namespace workloads::shrinker_freed_at_once
