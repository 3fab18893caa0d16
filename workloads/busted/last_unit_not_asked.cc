// Derived from mm/shrinker.c, Linux 6.12 (S3): map_nr_max is how many bits the
// map of a memcg has. Reclaim takes it for the last bit's number, and leaves
// out the unit that this bit would begin to fill: the last one, always.
//
//   adder                               reclaim of the memcg
//   first item: set_shrinker_bit()
//                                       63 / 64 units to look at: none
//   the bit stays set, and is never looked at
#include "lru/shrinker.h"
#include "workloads/busted/break_steps.h"

namespace workloads::last_unit_not_asked {
namespace {

int LastBit(const lru::shrinker_info* info) { return info->map_nr_max - 1; }

LRUTORTURE_REGISTER(RegisterControl(
    {.info = {.name = "last_unit_not_asked",
              .klass = "lru",
              .lrus = {},
              .doc = "reclaim takes the size of a memcg's map for the number "
                     "of its last bit, and never looks at the last part: the "
                     "shrinkers there are not asked",
              .config = "busted/last_unit_not_asked.json",
              .expect = {{"release", "invariant", "shrinker_bit"},
                         {"asan", "invariant", "shrinker_bit"},
                         {"tsan", "invariant", "shrinker_bit"},
                         {"gcc", "invariant", "shrinker_bit"}}},
     .break_it = BreakTeardown<[](lru::teardown_steps& steps) {
       steps.shrinker_map_size = LastBit;
     }>}));

}  // namespace
}  // namespace workloads::last_unit_not_asked
