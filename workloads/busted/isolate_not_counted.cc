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
#include "workloads/busted/break_steps.h"

namespace workloads::isolate_not_counted {
namespace {

template <class Steps>
struct NotCounted : Steps {
  static void uncount_isolated(lru::list_lru_one*) {}
};

LRUTORTURE_REGISTER(RegisterControl(
    {.info = {.name = "isolate_not_counted",
              .klass = "lru",
              .lrus = {},
              .doc = "list_lru_isolate() forgets the sublist's own nr_items: "
                     "at rest the list has fewer items than it says",
              .config = "busted/isolate_not_counted.json",
              .expect = {{"release", "invariant", "items_conserved"},
                         {"asan", "invariant", "items_conserved"},
                         {"tsan", "invariant", "items_conserved"},
                         {"gcc", "invariant", "items_conserved"}}},
     .break_it = BreakSteps<NotCounted>}));

}  // namespace
}  // namespace workloads::isolate_not_counted
