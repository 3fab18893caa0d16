// bugs.md #26, "list_lru: remove special case function list_lru_dispose_all"
// (Glauber Costa, 2013; b4c6200a8e7e in a mirror, the hash upstream is not
// known to bugs.md): an item on its way out is taken off the node's count by
// both sides. That function moved items to a private list without the node's
// lock, so that a del could come to one of them at the same time. Here the walk
// itself counts for both.
//
//   walk                                whoever disposes
//   isolates the item, count - 1
//                                       finds it isolated, count - 1
//   the node says one item less than there are; 0 - 1 is a huge number
#include "workloads/busted/break_steps.h"

namespace workloads::isolate_counted_twice {
namespace {

template <class Steps>
struct CountedTwice : Steps {
  static long uncount_removed(lru::list_lru_node* nlru) {
    Steps::uncount_removed(nlru);
    return Steps::uncount_removed(nlru);
  }
};

LRUTORTURE_REGISTER(RegisterControl(
    {.info = {.name = "isolate_counted_twice",
              .klass = "lru",
              .lrus = {},
              .doc = "an isolated item is taken off the node's count twice "
                     "(#26, b4c6200a8e7e)",
              .config = "busted/isolate_counted_twice.json",
              .expect = {{"release", "invariant", "counts_sane"},
                         {"asan", "invariant", "counts_sane"},
                         {"tsan", "invariant", "counts_sane"},
                         {"gcc", "invariant", "counts_sane"}}},
     .break_it = BreakSteps<CountedTwice>}));

}  // namespace
}  // namespace workloads::isolate_counted_twice
