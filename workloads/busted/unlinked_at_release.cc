// bugs.md d5, Linux <= 6.12: css_release_work_fn() unlinks a css from its
// parent with no grace period, so the parent's offline, which rewrites the ids
// of its descendants, passes over a child that a reader still holds. Its config
// has ids put as there: a grace period later no such reader would be left.
//
//   adder                              teardown of C, then of its parent P
//                                      C offline: kmemcg_id of C = P's
//   rcu_read_lock()
//   memcg = C, by its id
//                                      C's id is put, and its count is zero:
//                                        unlinked from P
//                                      P offline: ids of P and below = P's
//                                        parent's, C not among them
//                                      P's lists are drained and erased
//   list_lru_add(lru, item, nid, C)
//     P's old id finds no list: NULL; or, used again, a stranger's
#include "workloads/busted/break_steps.h"

namespace workloads::unlinked_at_release {
namespace {

LRUTORTURE_REGISTER(RegisterControl(
    {.info = {.name = "unlinked_at_release",
              .klass = "lru",
              .lrus = {"node-lock"},
              .doc = "a released css is unlinked from its parent at once, as "
                     "the kernel does: the parent's offline misses it, and a "
                     "reader of it finds a list that is gone (d5)",
              .config = "busted/unlinked_at_release.json",
              .expect = {{"release", "invariant", "reparent_target"},
                         {"asan", "invariant", "reparent_target"},
                         {"tsan", "invariant", "reparent_target"},
                         {"gcc", "invariant", "reparent_target"}}},
     .break_it = BreakTeardown<[](lru::teardown_steps& steps) {
       steps.css_unlink_at_release = lru::css_unlink;
     }>}));

}  // namespace
}  // namespace workloads::unlinked_at_release
