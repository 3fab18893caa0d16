// No kernel had it: whether anybody holds a memcg is asked of this CPU's share
// of its count. Shares are below zero and zero as well; the sum alone says
// something, and there is none until the switch to atomic mode
// (include/linux/percpu-refcount.h).
//
//   destroyer, on CPU 1                 mem_cgroup_iter(), on CPU 0
//   creates C: a reference, counted
//     in the share of CPU 1
//                                       C's share of CPU 0 is zero: "released"
//                                       the next after C
//   no reclaim of the tree comes to C
#include "workloads/busted/break_steps.h"

namespace workloads::tryget_asks_one_cpu {
namespace {

bool TrygetByOneCpu(lru::mem_cgroup* memcg) {
  const lru::percpu_ref& ref = memcg->css.refcnt;
  uint32_t cpu = lru::current_task()->cpu % lru::kRefShards;
  if (ref.shards[cpu].count.load(std::memory_order_relaxed) == 0) return false;
  return lru::css_tryget(&memcg->css);
}

LRUTORTURE_REGISTER(RegisterControl(
    {.info = {.name = "tryget_asks_one_cpu",
              .klass = "lru",
              .lrus = {},
              .doc = "css_tryget() takes this CPU's share of the count for the "
                     "count: a memcg whose references were got elsewhere is "
                     "passed over by every iteration",
              .config = "busted/tryget_asks_one_cpu.json",
              .expect = {{"release", "invariant", "walk_contract"},
                         {"asan", "invariant", "walk_contract"},
                         {"tsan", "invariant", "walk_contract"},
                         {"gcc", "invariant", "walk_contract"}}},
     .break_it = BreakTeardown<[](lru::teardown_steps& steps) {
       steps.mem_cgroup_tryget = TrygetByOneCpu;
     }>}));

}  // namespace
}  // namespace workloads::tryget_asks_one_cpu
