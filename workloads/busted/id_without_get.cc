// bugs.md #55 (d), the percpu_ref family: a get is missing, and while the count
// is percpu nothing tells. Here the id pins no css (M3).
//
//   creator                             teardown
//   css_online: id taken, no css_get()
//                                       id_put(): a grace period
//                                       base reference put: zero, released
//                                       the id's callback: css_put(), below
//                                       zero
#include "workloads/busted/break_steps.h"

namespace workloads::id_without_get {
namespace {

void PinsNothing(lru::mem_cgroup*) {}

LRUTORTURE_REGISTER(RegisterControl(
    {.info = {.name = "id_without_get",
              .klass = "lru",
              .lrus = {},
              .doc = "an id takes no reference on its css, and puts one all "
                     "the same: the count goes below zero (#55 d)",
              .config = "busted/id_without_get.json",
              .expect = {{"release", "invariant", "teardown_order"},
                         {"release", "invariant", "no_resurrection"},
                         {"asan", "invariant", "teardown_order"},
                         {"asan", "invariant", "no_resurrection"},
                         {"tsan", "invariant", "teardown_order"},
                         {"tsan", "invariant", "no_resurrection"},
                         {"gcc", "invariant", "teardown_order"},
                         {"gcc", "invariant", "no_resurrection"}}},
     .break_it = BreakTeardown<[](lru::teardown_steps& steps) {
       steps.mem_cgroup_id_pin = PinsNothing;
     }>}));

}  // namespace
}  // namespace workloads::id_without_get
