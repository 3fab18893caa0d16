// bugs.md #20: 54a83d6bcbf8 (2019; be2657752e9e of 2018 mended another part):
// the release of a memcg takes it out of the reclaim iterators of its ancestors
// only as far as parent_mem_cgroup() leads. Without use_hierarchy, in cgroup1,
// that was nowhere, and the root's iterators went on naming it. Found by
// poisoning memcgs before kfree().
//
//   reclaim of the root                teardown of memcg X
//   mem_cgroup_iter(root): X
//     root's position = X
//   has enough, puts X
//                                      kill, offline, released: X is taken out
//                                        of its ancestors' iterators
//                                      a grace period, kfree(X)
//   mem_cgroup_iter(root)
//     pos = X
//     css_tryget(&pos->css): freed
#include "workloads/busted/break_steps.h"

namespace workloads::iter_cache_not_invalidated {
namespace {

void InvalidateAllButTheRoots(lru::css* c) {
  lru::mem_cgroup* dead = lru::mem_cgroup_from_css(c);
  for (lru::mem_cgroup* from = dead; !lru::mem_cgroup_is_root(from);
       from = lru::parent_mem_cgroup(from)) {
    lru::invalidate_reclaim_iterators(from, dead);
  }
}

LRUTORTURE_REGISTER(RegisterControl(
    {.info = {.name = "iter_cache_not_invalidated",
              .klass = "lru",
              .lrus = {},
              .doc = "a released memcg stays in the root's reclaim iterators: "
                     "the next reclaim goes on from freed memory (#20)",
              .config = "busted/iter_cache_not_invalidated.json",
              .expect = {{"release", "invariant", "rcu_before_free"},
                         {"asan", "invariant", "rcu_before_free"},
                         {"tsan", "invariant", "rcu_before_free"},
                         {"gcc", "invariant", "rcu_before_free"}}},
     .break_it = BreakTeardown<[](lru::teardown_steps& steps) {
       steps.mem_cgroup_css_released = InvalidateAllButTheRoots;
     }>}));

}  // namespace
}  // namespace workloads::iter_cache_not_invalidated
