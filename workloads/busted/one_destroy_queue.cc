// bugs.md #54, 79f919a89c9d "cgroup: split cgroup_destroy_wq into 3 workqueues"
// (Chen Ridong, 2025; LTP cgroup_fj_function): one queue with one worker for
// every stage. The free of a hierarchy's root waits until all that were killed
// before are offline (cgroup_lock_and_drain_offline()).
//
//   the only worker
//   css_free of a hierarchy's root
//     waits for the offline of a child of another, killed before
//                                       which is queued behind it
#include "workloads/busted/break_steps.h"

namespace workloads::one_destroy_queue {
namespace {

lru::workqueue_struct* TheSame(lru::css_stage) {
  return lru::clean_teardown_steps().css_workqueue(lru::css_stage::OFFLINE);
}

LRUTORTURE_REGISTER(RegisterControl(
    {.info = {.name = "one_destroy_queue",
              .klass = "lru",
              .lrus = {},
              .doc = "offline, release and free share one work queue: a free "
                     "that waits for offline waits for what is queued behind "
                     "it (#54, 79f919a89c9d)",
              .config = "busted/one_destroy_queue.json",
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
       steps.css_workqueue = TheSame;
     }>}));

}  // namespace
}  // namespace workloads::one_destroy_queue
