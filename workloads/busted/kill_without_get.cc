// What bugs.md #53 (syzbot e42ae441c3b10acf9e9d, 2022) came down to: offline
// work of a css whose count is zero already, so that release work is queued on
// the same work_struct. kill_css() takes a reference for the offline that it
// sets going; here it does not.
//
//   killer                              wq-offline
//   kill_css(): no css_get()
//                                       offline_css()
//                                       css_put(): not its own; the count is
//                                       zero, release is queued on destroy_work
//   puts a reference that it does hold: below zero
#include "workloads/busted/break_steps.h"

namespace workloads::kill_without_get {
namespace {

void NoGet(lru::css*) {}

LRUTORTURE_REGISTER(RegisterControl(
    {.info = {.name = "kill_without_get",
              .klass = "lru",
              .lrus = {},
              .doc = "kill_css() takes no reference for offline: the one that "
                     "offline puts is somebody else's (#53)",
              .config = "busted/kill_without_get.json",
              .expect = {{"release", "invariant", "teardown_order"},
                         {"release", "invariant", "no_resurrection"},
                         {"asan", "invariant", "teardown_order"},
                         {"asan", "invariant", "no_resurrection"},
                         {"tsan", "invariant", "teardown_order"},
                         {"tsan", "invariant", "no_resurrection"},
                         {"gcc", "invariant", "teardown_order"},
                         {"gcc", "invariant", "no_resurrection"}}},
     .break_it = BreakTeardown<[](lru::teardown_steps& steps) {
       steps.css_get_for_offline = NoGet;
     }>}));

}  // namespace
}  // namespace workloads::kill_without_get
