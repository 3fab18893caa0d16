// bugs.md #14, 5161b48712dc "mm: list_lru: fix UAF for memory cgroup" (Muchun
// Song, 2024, 6.11; mends 0a97c01cd20b, 6.8): the memcg an object belongs to is
// looked up, and used, outside the read section that keeps it alive. Found by
// reading the code; nobody has seen it happen.
//
//   adder                                    teardown
//   memcg = mem_cgroup_from_slab_obj(item)
//                                            kill, offline, release
//                                            grace period: nobody holds it up
//                                            css_free: kfree(memcg)
//   list_lru_add(lru, item, nid, memcg)
//     reads memcg->kmemcg_id of freed memory
#include "workloads/busted/break_steps.h"

namespace workloads::add_without_rcu {
namespace {

bool AddWithoutRcu(lru::list_lru* lru, Object* object) {
  lru::mem_cgroup* memcg;
  {
    lru::rcu_guard guard;
    memcg = lru::mem_cgroup_from_slab_obj(&object->lru);
    LRU_POINT(memcg_looked_up, .memcg = memcg, .lru = lru, .item = &object->lru,
              .nid = object->nid);
  }
  return lru::current_lru_ops().list_lru_add(lru, &object->lru, object->nid,
                                             memcg);
}

LRUTORTURE_REGISTER(RegisterControl(
    {.info = {.name = "add_without_rcu",
              .klass = "caller",
              .lrus = {},
              .doc = "an add uses the memcg it looked up after leaving the "
                     "read section: css_free may come in between (#14, "
                     "5161b48712dc)",
              .config = "busted/add_without_rcu.json",
              .expect = {{"release", "invariant", "rcu_before_free"},
                         {"asan", "invariant", "rcu_before_free"},
                         {"tsan", "invariant", "rcu_before_free"},
                         {"gcc", "invariant", "rcu_before_free"}}},
     .break_it =
         BreakCaller<[](WorkloadOps& ops) { ops.add = AddWithoutRcu; }>}));

}  // namespace
}  // namespace workloads::add_without_rcu
