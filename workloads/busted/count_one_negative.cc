// bugs.md #5, 41d17431df4a "mm: list_lru: fix the return value of
// list_lru_count_one()" (Muchun Song, 2021): a sublist's nr_items is negative
// while it is being reparented to, and is returned as an unsigned number.
//
//   deleter                     offline worker         shrinker
//                               kmemcg_id = parent's
//   finds the parent's list
//   takes the item off
//   parent's nr_items = -1
//                                                      count_one(parent) =
//                                                        18446744073709551615
//                               splices, counts: 0
#include "workloads/busted/break_steps.h"

namespace workloads::count_one_negative {
namespace {

template <class Steps>
struct NegativeCount : Steps {
  static unsigned long count_of(long nr_items) {
    return static_cast<unsigned long>(nr_items);
  }
};

LRUTORTURE_REGISTER(RegisterControl(
    {.info = {.name = "count_one_negative",
              .klass = "lru",
              .lrus = {},
              .doc = "list_lru_count_one() returns a count that is negative "
                     "during reparenting as a huge one (#5, 41d17431df4a)",
              .config = "busted/count_one_negative.json",
              .expect = {{"release", "invariant", "counts_sane"},
                         {"asan", "invariant", "counts_sane"},
                         {"tsan", "invariant", "counts_sane"},
                         {"gcc", "invariant", "counts_sane"}}},
     .break_it = BreakSteps<NegativeCount>}));

}  // namespace
}  // namespace workloads::count_one_negative
