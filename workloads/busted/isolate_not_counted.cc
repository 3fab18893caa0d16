// An isolated item leaves the list and the node's count, but not the count of
// its own sublist: what list_lru_isolate() is there for since lists are per
// memcg, and what a callback that does list_del() itself forgets.
//
//   walk                                later
//   list_del_init(item)
//   node's nr_items - 1
//   sublist's nr_items as before
//                                       reparent hands the wrong count on
//                                       the parent seems to have items for ever
#include "lru/node_lock.h"
#include "workloads/registry.h"

namespace workloads::isolate_not_counted {
namespace {

struct NotCounted : lru::node_lock_steps {
  static void uncount_isolated(lru::list_lru_one*) {}
};

constexpr lru::list_lru_ops kOps = lru::make_node_lock_ops<NotCounted>(
    "node-lock", "isolate leaves the list's count");

LRUTORTURE_REGISTER(RegisterControl(
    {.info = {.name = "isolate_not_counted",
              .klass = "lru",
              .lrus = {"node-lock"},
              .doc = "list_lru_isolate() forgets the sublist's own nr_items: "
                     "at rest the list has fewer items than it says",
              .config = "busted/isolate_not_counted.json",
              .expect = {{"release", "invariant", "items_conserved"},
                         {"asan", "invariant", "items_conserved"},
                         {"tsan", "invariant", "items_conserved"},
                         {"gcc", "invariant", "items_conserved"}}},
     .break_it = [](World::Parts& parts) { parts.lru_ops = &kOps; }}));

}  // namespace
}  // namespace workloads::isolate_not_counted
