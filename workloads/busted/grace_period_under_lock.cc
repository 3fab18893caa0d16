// Reparent waits for readers of the list that it has emptied before it lets go
// of nlru->lock. A held spinlock is a read section (RCU flavours were
// consolidated in 4.20): the grace period waits for the one who waits for it.
//
//   offline worker
//   spin_lock_irq(&nlru->lock)          a read section begins
//   splice
//   synchronize_rcu()                   waits for its end
//   spin_unlock_irq(&nlru->lock)        never reached
#include "lru/node_lock.h"
#include "workloads/registry.h"

namespace workloads::grace_period_under_lock {
namespace {

struct WaitUnderLock : lru::node_lock_steps {
  static void unlock_after_reparent(lru::list_lru_node* nlru)
      ABSL_UNLOCK_FUNCTION(nlru->lock) {
    lru::synchronize_rcu();
    lru::spin_unlock_irq(&nlru->lock);
  }
};

constexpr lru::list_lru_ops kOps = lru::make_node_lock_ops<WaitUnderLock>(
    "node-lock", "a grace period under the lock");

LRUTORTURE_REGISTER(RegisterControl(
    {.info =
         {.name = "grace_period_under_lock",
          .klass = "lru",
          .lrus = {"node-lock"},
          .doc =
              "memcg_reparent_list_lru_node() waits for a grace period before "
              "it drops nlru->lock, which is a read section: it waits "
              "for itself",
          .config = "busted/grace_period_under_lock.json",
          .expect = {{"release", "deadlock", ""},
                     {"asan", "deadlock", ""},
                     {"tsan", "deadlock", ""},
                     {"gcc", "deadlock", ""}}},
     .break_it = [](World::Parts& parts) { parts.lru_ops = &kOps; }}));

}  // namespace
}  // namespace workloads::grace_period_under_lock
