// Derived from mm/shrinker.c, Linux 6.12 (S3): the map of a memcg is an array
// of units, each with the bits of 64 shrinkers. Whoever sets a bit goes on as
// if the first one were all there is.
//
//   adder, first item for shrinker 64     shrinker of the memcg
//   bit 64 % 64 of unit 0
//                                         unit 0: asks shrinker 0, nothing
//                                         unit 1: no bit, asks nobody
//     what shrinker 64 could free is never looked at
#include "lru/shrinker.h"
#include "workloads/busted/break_steps.h"

namespace workloads::bit_in_first_unit {
namespace {

lru::shrinker_info_unit* FirstUnit(lru::shrinker_info* info, int) {
  return info->unit[0];
}

LRUTORTURE_REGISTER(RegisterControl(
    {.info = {.name = "bit_in_first_unit",
              .klass = "lru",
              .lrus = {},
              .doc = "the bit of a shrinker is set in the first part of a "
                     "memcg's map, whatever part it belongs to: that of the "
                     "65th is set for the first",
              .config = "busted/bit_in_first_unit.json",
              .expect = {{"release", "invariant", "shrinker_bit"},
                         {"asan", "invariant", "shrinker_bit"},
                         {"tsan", "invariant", "shrinker_bit"},
                         {"gcc", "invariant", "shrinker_bit"}}},
     .break_it = BreakTeardown<[](lru::teardown_steps& steps) {
       steps.shrinker_unit_of = FirstUnit;
     }>}));

}  // namespace
}  // namespace workloads::bit_in_first_unit
