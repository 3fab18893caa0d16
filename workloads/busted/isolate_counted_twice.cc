// bugs.md #26, b4c6200a8e7e "list_lru: remove special case function
// list_lru_dispose_all" (Glauber Costa, 2013): an item on its way out is taken
// off the node's count by both sides.
//
//   walk                                whoever disposes
//   isolates the item, count - 1
//                                       finds it isolated, count - 1
//   the node says one item less than there are; 0 - 1 is a huge number
#include "lru/node_lock.h"
#include "workloads/registry.h"

namespace workloads::isolate_counted_twice {
namespace {

struct CountedTwice : lru::node_lock_steps {
  static long uncount_removed(lru::list_lru_node* nlru) {
    return lru::nr_add(nlru->nr_items, -2);
  }
};

constexpr lru::list_lru_ops kOps =
    lru::make_node_lock_ops<CountedTwice>("node-lock", "counts down twice");

LRUTORTURE_REGISTER(RegisterControl(
    {.info = {.name = "isolate_counted_twice",
              .klass = "lru",
              .lrus = {"node-lock"},
              .doc = "an isolated item is taken off the node's count twice "
                     "(#26, b4c6200a8e7e)",
              .config = "busted/isolate_counted_twice.json",
              .expect = {{"release", "invariant", "counts_sane"},
                         {"asan", "invariant", "counts_sane"},
                         {"tsan", "invariant", "counts_sane"},
                         {"gcc", "invariant", "counts_sane"}}},
     .break_it = [](World::Parts& parts) { parts.lru_ops = &kOps; }}));

}  // namespace
}  // namespace workloads::isolate_counted_twice
