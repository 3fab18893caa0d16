// Derived from mm/vmscan.c, Linux 4.19: prealloc_shrinker() takes an id, which
// finds nobody yet; register_shrinker_prepared() puts the shrinker there. Here
// that never happens.
//
//   adder                               reclaim of the memcg
//   first item: set_shrinker_bit()
//                                       bit 0 is set; id 0 finds nobody
//                                       "its shrinker has gone": clears the bit
//   no reclaim of a memcg asks the shrinker, whatever is on its lists
#include "lru/shrinker.h"
#include "workloads/busted/break_steps.h"

namespace workloads::shrinker_never_published {
namespace {

void OnlyForget(lru::shrinker* s, lru::shrinker* found) {
  if (!found) lru::shrinker_publish(s, found);
}

LRUTORTURE_REGISTER(RegisterControl(
    {.info = {.name = "shrinker_never_published",
              .klass = "lru",
              .lrus = {},
              .doc = "a shrinker is registered without its id finding it: no "
                     "reclaim of a memcg ever asks it",
              .config = "busted/shrinker_never_published.json",
              .expect = {{"release", "invariant", "shrinker_bit"},
                         {"asan", "invariant", "shrinker_bit"},
                         {"tsan", "invariant", "shrinker_bit"},
                         {"gcc", "invariant", "shrinker_bit"}}},
     .break_it = BreakTeardown<[](lru::teardown_steps& steps) {
       steps.shrinker_publish = OnlyForget;
     }>}));

}  // namespace
}  // namespace workloads::shrinker_never_published
