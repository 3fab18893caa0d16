// Derived from mm/shrinker.c, Linux 6.12: shrinker_free() gives the id back, so
// that it finds nobody (idr_remove() in shrinker_memcg_remove()). Here only the
// number is given back.
//
//   owner of the shrinker               reclaim of a memcg, some time later
//   shrinker_free()
//     call_rcu(): freed
//                                       a bit that is still set: its id finds
//                                         the shrinker
//                                       shrinker_try_get(): in freed memory
#include "lru/shrinker.h"
#include "workloads/busted/break_steps.h"

namespace workloads::shrinker_stays_found {
namespace {

void NeverForget(lru::shrinker* s, lru::shrinker* found) {
  if (found) lru::shrinker_publish(s, found);
}

LRUTORTURE_REGISTER(RegisterControl(
    {.info = {.name = "shrinker_stays_found",
              .klass = "lru",
              .lrus = {},
              .doc = "shrinker_free() leaves the shrinker where its id is "
                     "looked up by a reclaim of a memcg",
              .config = "busted/shrinker_stays_found.json",
              .expect = {{"release", "invariant", "no_leak"},
                         {"asan", "invariant", "no_leak"},
                         {"tsan", "invariant", "no_leak"},
                         {"gcc", "invariant", "no_leak"}}},
     .break_it = BreakTeardown<[](lru::teardown_steps& steps) {
       steps.shrinker_publish = NeverForget;
     }>}));

}  // namespace
}  // namespace workloads::shrinker_stays_found
