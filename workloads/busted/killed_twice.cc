// bugs.md #52, 33c35aa48178 "cgroup: Prevent kill_css() from being called more
// than once" (2017), which brought CSS_DYING: rmdir and the disabling of a
// controller may both kill a css.
//
//   rmdir                               controller is disabled
//   kill_css(): get, kill, confirm
//                                       kill_css() again: the count is biased
//                                       and switched a second time, the initial
//                                       reference is put twice
#include "workloads/busted/break_steps.h"

namespace workloads::killed_twice {
namespace {

bool AlwaysBegins(lru::css*) { return true; }

LRUTORTURE_REGISTER(RegisterControl(
    {.info = {.name = "killed_twice",
              .klass = "lru",
              .lrus = {},
              .doc =
                  "kill_css() goes through with it although the css was killed "
                  "before: its percpu_ref is killed twice (#52, 33c35aa48178)",
              .config = "busted/killed_twice.json",
              .expect = {{"release", "invariant", "teardown_order"},
                         {"asan", "invariant", "teardown_order"},
                         {"tsan", "invariant", "teardown_order"},
                         {"gcc", "invariant", "teardown_order"}}},
     .break_it = BreakTeardown<[](lru::teardown_steps& steps) {
       steps.css_kill_begins = AlwaysBegins;
     }>}));

}  // namespace
}  // namespace workloads::killed_twice
