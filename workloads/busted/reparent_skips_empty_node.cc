// bugs.md #6, b33e1044475a, the revert of 405cc51fc104 "mm/list_lru: optimize
// memcg_reparent_list_lru_node()" (2022): reparent leaves a node out that has
// no items, and looks without the lock.
//
//   adder                               offline worker
//   spin_lock(&nlru->lock)
//   l = child's list (id not changed)
//                                       kmemcg_id = parent's
//                                       nlru->nr_items == 0: nothing to do here
//   list_add_tail(item, &l->list)
//                                       mlru goes to kvfree_rcu()
//   spin_unlock(&nlru->lock)
//     the item is on a list that nobody finds any more, and soon in freed
//     memory
#include "lru/node_lock.h"
#include "workloads/registry.h"

namespace workloads::reparent_skips_empty_node {
namespace {

struct SkipEmpty : lru::node_lock_steps {
  static bool reparent_may_skip(const lru::list_lru_node* nlru) {
    return lru::READ_ONCE(nlru->nr_items) == 0;
  }
};

constexpr lru::list_lru_ops kOps = lru::make_node_lock_ops<SkipEmpty>(
    "node-lock", "skips nodes that look empty");

LRUTORTURE_REGISTER(RegisterControl(
    {.info =
         {.name = "reparent_skips_empty_node",
          .klass = "lru",
          .lrus = {"node-lock"},
          .doc = "memcg_reparent_list_lru_node() looks at nr_items without the "
                 "lock and leaves an empty node out: an adder inside the "
                 "lock puts its item on the child's list afterwards (#6, "
                 "b33e1044475a)",
          .config = "busted/reparent_skips_empty_node.json",
          .expect = {{"release", "invariant", "empty_after_reparent"},
                     {"asan", "invariant", "empty_after_reparent"},
                     {"tsan", "invariant", "empty_after_reparent"},
                     {"gcc", "invariant", "empty_after_reparent"}}},
     .break_it = [](World::Parts& parts) { parts.lru_ops = &kOps; }}));

}  // namespace
}  // namespace workloads::reparent_skips_empty_node
