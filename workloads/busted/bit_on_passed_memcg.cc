// bugs.md #3, 79a031583ca5 "mm: list_lru: fix set_shrinker_bit() call during
// race with cgroup deletion" (Johannes Weiner, 2026; mends fae91d6d8be5, 4.19):
// the first item of a list sets the shrinker's bit of the memcg that was passed
// in, not of the memcg that owns the list.
//
//   adder                               offline worker
//   memcg = child, looked up
//                                       child's kmemcg_id = parent's
//   l = parent's list, 0 -> 1
//   set_shrinker_bit(child)
//                                       child goes, and its bits with it
//     the parent has an item, its bit is clear: reclaim never looks there
#include "workloads/busted/break_steps.h"

namespace workloads::bit_on_passed_memcg {
namespace {

template <class Steps>
struct BitOnPassed : Steps {
  static lru::mem_cgroup* shrinker_bit_owner(const lru::list_lru_one*,
                                             lru::mem_cgroup* memcg) {
    return memcg;
  }
};

LRUTORTURE_REGISTER(RegisterControl(
    {.info =
         {.name = "bit_on_passed_memcg",
          .klass = "lru",
          .lrus = {},
          .doc = "list_lru_add() sets the shrinker bit on the memcg passed in, "
                 "also when the item went to its parent's list (#3, "
                 "79a031583ca5)",
          .config = "busted/bit_on_passed_memcg.json",
          .expect = {{"release", "invariant", "shrinker_bit"},
                     {"asan", "invariant", "shrinker_bit"},
                     {"tsan", "invariant", "shrinker_bit"},
                     {"gcc", "invariant", "shrinker_bit"}}},
     .break_it = BreakSteps<BitOnPassed>}));

}  // namespace
}  // namespace workloads::bit_on_passed_memcg
