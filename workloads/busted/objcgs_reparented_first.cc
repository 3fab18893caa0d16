// No kernel had it: the order of 6.12 (objcgs, then lists) with the locks of
// 6.13. An item's memcg is the parent already while the item is on the child's
// list; node-lock has one lock for both, memcg-lock has two.
//
//   deleter                             offline worker
//                                       objcg->memcg = parent
//   memcg = parent
//   spin_lock(parent's l->lock)         spin_lock(child's l->lock)
//   list_del_init(item)                 list_splice_init(child's, parent's)
//     two tasks, two locks, one list
#include "lru/list_lru.h"
#include "workloads/busted/break_steps.h"

namespace workloads::objcgs_reparented_first {
namespace {

void ObjcgsFirst(lru::mem_cgroup* memcg) {
  if (!memcg->objcg.load(std::memory_order_relaxed)) return;
  lru::mem_cgroup* parent = lru::parent_mem_cgroup(memcg);
  lru::memcg_reparent_objcgs(memcg, parent);
  lru::current_lru_ops().memcg_reparent_list_lrus(memcg, parent);
}

LRUTORTURE_REGISTER(RegisterControl(
    {.info =
         {.name = "objcgs_reparented_first",
          .klass = "lru",
          .lrus = {"memcg-lock"},
          .doc = "objcgs are reparented before lists, as up to 6.12: with a "
                 "lock per list, who follows the objcg locks the parent's list",
          .config = "busted/objcgs_reparented_first.json",
          .expect = {{"release", "invariant", "teardown_order"},
                     {"release", "invariant", "lock_identity"},
                     {"asan", "invariant", "teardown_order"},
                     {"asan", "invariant", "lock_identity"},
                     {"tsan", "invariant", "teardown_order"},
                     {"tsan", "invariant", "lock_identity"},
                     {"gcc", "invariant", "teardown_order"},
                     {"gcc", "invariant", "lock_identity"}}},
     .break_it = BreakTeardown<[](lru::teardown_steps& steps) {
       steps.memcg_offline_kmem = ObjcgsFirst;
     }>}));

}  // namespace
}  // namespace workloads::objcgs_reparented_first
