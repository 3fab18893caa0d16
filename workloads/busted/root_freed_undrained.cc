// Derived from bugs.md #54 (79f919a89c9d): cgroup_destroy_root() begins with
// cgroup_lock_and_drain_offline(). Here it does not, and the root of a
// hierarchy is freed while others that were killed before are not offline yet.
// (C5)
//
//   destroyer                free of a root R             offline worker
//                            R is unlinked from its
//                              parent P
//   kills S, below P, too
//                            a grace period has passed    S is queued
//                            R is freed, with what its
//                              controllers are to be
//                              rebound to
//                                                         S goes offline
#include "workloads/busted/break_steps.h"

namespace workloads::root_freed_undrained {
namespace {

LRUTORTURE_REGISTER(RegisterControl(
    {.info = {.name = "root_freed_undrained",
              .klass = "lru",
              .lrus = {},
              .doc = "the root of a hierarchy is freed without waiting until "
                     "those that were killed before it are offline",
              .config = "busted/root_freed_undrained.json",
              .expect = {{"release", "invariant", "teardown_order"},
                         {"asan", "invariant", "teardown_order"},
                         {"tsan", "invariant", "teardown_order"},
                         {"gcc", "invariant", "teardown_order"}}},
     .break_it = BreakTeardown<[](lru::teardown_steps& steps) {
       steps.cgroup_drain_offline = [] {};
     }>}));

}  // namespace
}  // namespace workloads::root_freed_undrained
