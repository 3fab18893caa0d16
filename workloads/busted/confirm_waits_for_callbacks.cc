// The kind of bugs.md #54, 79f919a89c9d "cgroup: split cgroup_destroy_wq into 3
// workqueues" (Chen Ridong, 2025): a stage waits for work that is queued behind
// it on the only worker. Here the confirmation of a kill, itself an RCU
// callback, waits until all callbacks have run.
//
//   rcu-callbacks
//   css_killed_ref_fn()
//     rcu_barrier()                     queues a callback and waits for it
//                                       nobody is left to run it
#include "workloads/busted/break_steps.h"

namespace workloads::confirm_waits_for_callbacks {
namespace {

void WaitForCallbacks(lru::css* c) {
  lru::rcu_barrier();
  lru::clean_teardown_steps().css_kill_confirmed(c);
}

LRUTORTURE_REGISTER(RegisterControl(
    {.info =
         {.name = "confirm_waits_for_callbacks",
          .klass = "lru",
          .lrus = {},
          .doc =
              "the confirmation of a kill waits for all RCU callbacks, in the "
              "task that runs them: no teardown goes on (as in #54)",
          .config = "busted/confirm_waits_for_callbacks.json",
          .expect = {{"release", "stall", ""},
                     {"asan", "stall", ""},
                     {"tsan", "stall", ""},
                     {"gcc", "stall", ""},
                     // `explore` sees it for what it is.
                     {"release", "deadlock", ""},
                     {"asan", "deadlock", ""},
                     {"tsan", "deadlock", ""},
                     {"gcc", "deadlock", ""}}},
     .break_it = BreakTeardown<[](lru::teardown_steps& steps) {
       steps.css_kill_confirmed = WaitForCallbacks;
     }>}));

}  // namespace
}  // namespace workloads::confirm_waits_for_callbacks
