// bugs.md #8, fb56fdf8b9a2 in its second version (Kairui Song, 2024; found by
// Usama Arif before it was merged): the walk was turned to callbacks that
// return unlocked, but for LRU_STOP. After that it unlocks what the callback
// has unlocked.
//
//   walker                              adder
//   callback: spin_unlock(&l->lock)
//                                       spin_lock(&l->lock)
//   LRU_STOP: spin_unlock(&l->lock)
//                                       list_add_tail() under a lock that the
//                                         next one takes as well
#include "lru/memcg_lock.h"
#include "workloads/registry.h"

namespace workloads::stop_unlocks_again {
namespace {

struct UnlocksAgain : lru::memcg_lock_steps {
  static void unlock_after_stop(lru::list_lru_one* l)
      ABSL_NO_THREAD_SAFETY_ANALYSIS {
    lru::spin_unlock(&l->lock, "list_lru_unlock");
  }
};

constexpr lru::list_lru_ops kOps = lru::make_memcg_lock_ops<UnlocksAgain>(
    "memcg-lock", "unlocks after LRU_STOP");

LRUTORTURE_REGISTER(RegisterControl(
    {.info = {.name = "stop_unlocks_again",
              .klass = "lru",
              .lrus = {"memcg-lock"},
              .doc = "a walk takes LRU_STOP for a status that returns with the "
                     "list's lock held, and unlocks what the callback has "
                     "unlocked (#8, fb56fdf8b9a2 v2)",
              .config = "busted/stop_unlocks_again.json",
              .expect = {{"release", "invariant", "lock_order"},
                         {"asan", "invariant", "lock_order"},
                         {"tsan", "invariant", "lock_order"},
                         {"gcc", "invariant", "lock_order"}}},
     .break_it = [](World::Parts& parts) { parts.lru_ops = &kOps; }}));

}  // namespace
}  // namespace workloads::stop_unlocks_again
