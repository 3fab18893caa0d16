// What a178015cde69 and its series (Yang Shi, 2021; bugs.md #47) brought along
// when nr_deferred became per memcg: at offline the parent inherits it. Left
// out here: work that shrinkers have put off on the child is never done.
//
//   shrinker                            offline worker
//   nr_deferred of the child += 10
//                                       the parent's += 0
//                                       css_free: the number goes with it
//     10 objects, now on the parent's list, were owed a scan and get none
#include "lru/shrinker.h"
#include "workloads/busted/break_steps.h"

namespace workloads::deferred_lost_at_offline {
namespace {

void Forget(lru::mem_cgroup*) {}

LRUTORTURE_REGISTER(RegisterControl(
    {.info = {.name = "deferred_lost_at_offline",
              .klass = "lru",
              .lrus = {},
              .doc = "offline does not add the child's nr_deferred to its "
                     "parent's: deferred work is lost (#47)",
              .config = "busted/deferred_lost_at_offline.json",
              .expect = {{"release", "invariant", "deferred_conserved"},
                         {"asan", "invariant", "deferred_conserved"},
                         {"tsan", "invariant", "deferred_conserved"},
                         {"gcc", "invariant", "deferred_conserved"}}},
     .break_it = BreakTeardown<[](lru::teardown_steps& steps) {
       steps.reparent_shrinker_deferred = Forget;
     }>}));

}  // namespace
}  // namespace workloads::deferred_lost_at_offline
