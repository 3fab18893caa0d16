// bugs.md #4, 8199be001a47 "mm: list_lru: set shrinker map bit when child
// nr_items is not zero" (Yang Shi, 2020; mends fae91d6d8be5, 4.19): a splice
// set the parent's bit only when the parent's list had counted nothing. The
// parent's count can be below zero, and the bit clear.
//
//   deleter                     offline worker         shrinker
//                                                      parent has nothing:
//                                                        its bit is cleared
//                               child's kmemcg_id =
//                                 parent's
//   finds the parent's list
//   takes the child's item off
//   parent's nr_items = -1
//                               child's 5 items go to
//                                 the parent: -1 + 5
//                               "it had some": no bit
//     4 items, and a bit that no add will set: reclaim never looks there
#include "workloads/busted/break_steps.h"

namespace workloads::bit_only_when_dst_empty {
namespace {

template <class Steps>
struct OnlyWhenEmpty : Steps {
  static bool splice_sets_bit(long src_items, long dst_items) {
    return dst_items == 0 && src_items != 0;
  }
};

LRUTORTURE_REGISTER(RegisterControl(
    {.info = {.name = "bit_only_when_dst_empty",
              .klass = "lru",
              .lrus = {},
              .doc =
                  "reparent sets the parent's shrinker bit only when nothing "
                  "was counted on its list: a count below zero is taken for "
                  "items whose bit is set (#4, 8199be001a47)",
              .config = "busted/bit_only_when_dst_empty.json",
              .expect = {{"release", "invariant", "shrinker_bit"},
                         {"asan", "invariant", "shrinker_bit"},
                         {"tsan", "invariant", "shrinker_bit"},
                         {"gcc", "invariant", "shrinker_bit"}}},
     .break_it = BreakSteps<OnlyWhenEmpty>}));

}  // namespace
}  // namespace workloads::bit_only_when_dst_empty
