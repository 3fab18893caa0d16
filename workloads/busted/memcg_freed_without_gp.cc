// A memcg's memory goes as soon as it is unlinked: css_free_rwork_fn() is
// queued as plain work, not as rcu_work (59927fb984de, bugs.md #21, mended that
// in an older form).
//
//   reader                              wq-free
//   rcu_read_lock()
//   memcg = the parent's child
//                                       unlinked
//                                       css_free: the memory goes
//   css_tryget(memcg)
#include "workloads/busted/break_steps.h"

namespace workloads::memcg_freed_without_gp {
namespace {

void FreeNow(lru::css* c) {
  lru::INIT_RCU_WORK(&c->destroy_rwork, lru::css_free_rwork_fn);
  lru::queue_work(lru::current_steps().css_workqueue(lru::css_stage::FREE),
                  &c->destroy_rwork.work);
}

LRUTORTURE_REGISTER(RegisterControl(
    {.info =
         {.name = "memcg_freed_without_gp",
          .klass = "lru",
          .lrus = {},
          .doc =
              "a memcg is freed without a grace period after its unlinking: "
              "readers that walk the tree may be at it (as #21, 59927fb984de)",
          .config = "busted/memcg_freed_without_gp.json",
          .expect = {{"release", "invariant", "teardown_order"},
                     {"asan", "invariant", "teardown_order"},
                     {"tsan", "invariant", "teardown_order"},
                     {"gcc", "invariant", "teardown_order"}}},
     .break_it = BreakTeardown<[](lru::teardown_steps& steps) {
       steps.css_free_after_rcu = FreeNow;
     }>}));

}  // namespace
}  // namespace workloads::memcg_freed_without_gp
