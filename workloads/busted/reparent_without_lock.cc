// Reparent moves a node's list without taking nlru->lock.
//
//   adder                               offline worker
//   spin_lock(&nlru->lock)
//   l = child's list (id not changed)
//                                       kmemcg_id = parent's
//                                       splice child's list   <- no lock
//   list_add_tail(item, &l->list)
//     the neighbours it links to are moving: the item is lost, or on the
//     child's list for ever, which is freed a grace period later
#include "lru/node_lock.h"
#include "workloads/registry.h"

namespace workloads::reparent_without_lock {
namespace {

struct WithoutLock : lru::node_lock_steps {
  static void lock_for_reparent([[maybe_unused]] lru::list_lru_node* nlru)
      ABSL_EXCLUSIVE_LOCK_FUNCTION(nlru->lock) ABSL_NO_THREAD_SAFETY_ANALYSIS {
    lru::detail::rcu_enter();
  }
  static void unlock_after_reparent([[maybe_unused]] lru::list_lru_node* nlru)
      ABSL_UNLOCK_FUNCTION(nlru->lock) ABSL_NO_THREAD_SAFETY_ANALYSIS {
    lru::detail::rcu_leave();
  }
};

constexpr lru::list_lru_ops kOps =
    lru::make_node_lock_ops<WithoutLock>("node-lock", "without the lock");

LRUTORTURE_REGISTER(RegisterControl(
    {.info = {.name = "reparent_without_lock",
              .klass = "lru",
              .lrus = {"node-lock"},
              .doc = "memcg_reparent_list_lru_node() splices without "
                     "nlru->lock: an add or del of that node edits the same "
                     "list at the same time",
              .config = "busted/reparent_without_lock.json",
              .expect = {{"release", "invariant", "lock_identity"},
                         {"asan", "invariant", "lock_identity"},
                         {"tsan", "invariant", "lock_identity"},
                         {"gcc", "invariant", "lock_identity"}}},
     .break_it = [](World::Parts& parts) { parts.lru_ops = &kOps; }}));

}  // namespace
}  // namespace workloads::reparent_without_lock
