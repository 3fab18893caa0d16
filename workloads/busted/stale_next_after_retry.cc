// bugs.md #25, 5cedf721a7cd "list_lru: fix broken LRU_RETRY behaviour" (Dave
// Chinner, 2013): after LRU_RETRY the walk goes on with the next pointer it had
// saved before the callback dropped the lock.
//
//   walker 1                          walker 2
//   item = A, next = B
//   isolate(A): spin_unlock(lock)
//                                     isolates B to its private list
//               spin_lock(lock)
//               LRU_RETRY
//   item = B: on the other's list
//   isolate(B): isolated twice
#include "lru/node_lock.h"
#include "workloads/registry.h"

namespace workloads::stale_next_after_retry {
namespace {

struct StaleNext : lru::node_lock_steps {
  static bool may_go_on_after_retry() { return true; }
};

constexpr lru::list_lru_ops kOps =
    lru::make_node_lock_ops<StaleNext>("node-lock", "goes on after LRU_RETRY");

LRUTORTURE_REGISTER(RegisterControl(
    {.info = {.name = "stale_next_after_retry",
              .klass = "lru",
              .lrus = {"node-lock"},
              .doc = "after LRU_RETRY a walk goes on with the next pointer it "
                     "saved before the lock was dropped, and isolates what "
                     "another walk has isolated already (#25, 5cedf721a7cd)",
              .config = "busted/stale_next_after_retry.json",
              .expect = {{"release", "invariant", "single_isolation"},
                         {"asan", "invariant", "single_isolation"},
                         {"tsan", "invariant", "single_isolation"},
                         {"gcc", "invariant", "single_isolation"}}},
     .break_it = [](World::Parts& parts) { parts.lru_ops = &kOps; }}));

}  // namespace
}  // namespace workloads::stale_next_after_retry
