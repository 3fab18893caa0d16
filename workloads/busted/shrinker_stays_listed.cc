// Derived from mm/shrinker.c, Linux 6.12: shrinker_free() takes the shrinker
// off shrinker_list, waits for its readers, frees it. Here it stays on the
// list.
//
//   owner of the shrinker               kswapd, some time later
//   shrinker_free()
//     waits until nobody uses it
//     call_rcu(): freed
//                                       shrink_slab() of the root
//                                         the next of shrinker_list: freed
#include "lru/shrinker.h"
#include "workloads/busted/break_steps.h"

namespace workloads::shrinker_stays_listed {
namespace {

LRUTORTURE_REGISTER(RegisterControl(
    {.info = {.name = "shrinker_stays_listed",
              .klass = "lru",
              .lrus = {},
              .doc = "shrinker_free() leaves the shrinker on the list that a "
                     "reclaim of the root goes through",
              .config = "busted/shrinker_stays_listed.json",
              .expect = {{"release", "invariant", "no_leak"},
                         {"asan", "invariant", "no_leak"},
                         {"tsan", "invariant", "no_leak"},
                         {"gcc", "invariant", "no_leak"}}},
     .break_it = BreakTeardown<[](lru::teardown_steps& steps) {
       steps.shrinker_unlist = [](lru::shrinker*) {};
     }>}));

}  // namespace
}  // namespace workloads::shrinker_stays_listed
