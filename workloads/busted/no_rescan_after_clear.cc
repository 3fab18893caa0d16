// bugs.md #42, the protocol of f90280d6b796 "mm/vmscan.c: clear shrinker bit if
// there are no objects related to memcg" (Kirill Tkhai, 2018) without its
// second run: a bit is cleared, and nobody asks again.
//
//   shrinker                            adder
//   count_objects(): SHRINK_EMPTY
//                                       list_add, 0 -> 1
//                                       set_bit: it is set already
//   clear_bit
//   (no second run)
//     the item is on the list, its bit is clear: no shrinker comes by until
//     the list has become empty and gets a first item again
#include "workloads/busted/break_steps.h"

namespace workloads::no_rescan_after_clear {
namespace {

unsigned long NoRescan(lru::shrink_control*, lru::shrinker*, int) { return 0; }

LRUTORTURE_REGISTER(RegisterControl(
    {.info =
         {.name = "no_rescan_after_clear",
          .klass = "lru",
          .lrus = {},
          .doc = "shrink_slab_memcg() clears the bit of an empty list and does "
                 "not ask a second time: an add in between is lost to "
                 "reclaim (#42, f90280d6b796)",
          .config = "busted/no_rescan_after_clear.json",
          .expect = {{"release", "invariant", "shrinker_bit"},
                     {"asan", "invariant", "shrinker_bit"},
                     {"tsan", "invariant", "shrinker_bit"},
                     {"gcc", "invariant", "shrinker_bit"}}},
     .break_it = BreakTeardown<[](lru::teardown_steps& steps) {
       steps.shrink_rescan = NoRescan;
     }>}));

}  // namespace
}  // namespace workloads::no_rescan_after_clear
