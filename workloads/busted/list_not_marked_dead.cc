// No kernel had it: reparenting that does not write LONG_MIN to nr_items. Who
// has looked the list up and waited for its lock takes it for alive.
//
//   adder                               offline worker
//   rcu_read_lock(), finds the list
//                                       splices it under its lock
//   spin_lock(l->lock): "alive"
//   list_add_tail(item, &l->list)       erases the slot, kvfree_rcu()
//     never to be found again
#include "lru/memcg_lock.h"
#include "workloads/registry.h"

namespace workloads::list_not_marked_dead {
namespace {

struct NotMarked : lru::memcg_lock_steps {
  static void mark_dead(lru::list_lru_one*) {}
};

constexpr lru::list_lru_ops kOps =
    lru::make_memcg_lock_ops<NotMarked>("memcg-lock", "marks no list dead");

LRUTORTURE_REGISTER(RegisterControl(
    {.info = {.name = "list_not_marked_dead",
              .klass = "lru",
              .lrus = {"memcg-lock"},
              .doc = "a drained list is not marked dead: who has found it "
                     "before goes on using it, and what is added is lost",
              .config = "busted/list_not_marked_dead.json",
              .expect = {{"release", "invariant", "empty_after_reparent"},
                         {"asan", "invariant", "empty_after_reparent"},
                         {"tsan", "invariant", "empty_after_reparent"},
                         {"gcc", "invariant", "empty_after_reparent"}}},
     .break_it = [](World::Parts& parts) { parts.lru_ops = &kOps; }}));

}  // namespace
}  // namespace workloads::list_not_marked_dead
