// bugs.md #51, aa226ff4a1ce "cgroup: make sure a parent css isn't offlined
// before its children" (Tejun Heo, 2016): online_cnt is not waited for to its
// end. A killed parent goes offline while one of its children is still to come.
//
//   P killed; its children A and B killed, all confirmed
//
//   offline worker
//   offline A
//   online_cnt of P: 2 -> 1, B is left     <- taken for the last
//   offline P: its lists go to its parent, its slots are empty
//   offline B: its lists go to P's parent, past P; or nowhere
#include "workloads/busted/break_steps.h"

namespace workloads::parent_offlined_first {
namespace {

bool OneIsAsGoodAsNone(lru::css* c) {
  return lru::atomic_fetch_add(c->online_cnt, -1) <= 2 && lru::css_is_dying(c);
}

LRUTORTURE_REGISTER(RegisterControl(
    {.info = {.name = "parent_offlined_first",
              .klass = "lru",
              .lrus = {},
              .doc = "a killed memcg is offlined while one of its children, "
                     "killed as well, is still to be (#51, aa226ff4a1ce)",
              .config = "busted/parent_offlined_first.json",
              .expect = {{"release", "invariant", "teardown_order"},
                         {"asan", "invariant", "teardown_order"},
                         {"tsan", "invariant", "teardown_order"},
                         {"gcc", "invariant", "teardown_order"}}},
     .break_it = BreakTeardown<[](lru::teardown_steps& steps) {
       steps.css_child_offline = OneIsAsGoodAsNone;
     }>}));

}  // namespace
}  // namespace workloads::parent_offlined_first
