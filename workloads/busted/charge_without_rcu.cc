// Derived from bugs.md #24: the first version of "Eliminate Dying Memcg" (2025)
// asked folio_memcg() for the memcg in no read section; syzbot's CI saw lockdep
// complain. Here the charger has a reference on the memcg, and takes that for
// enough to follow the pointer to its objcg.
//
//   adder                               offline worker
//   css_tryget_online(C)
//   objcg = C->objcg
//                                       C->objcg = NULL, killed
//                                       last reference: objcg_released
//                                       grace period: waits for nobody
//   percpu_ref_tryget(&objcg->refcnt):
//     freed
#include "workloads/busted/break_steps.h"

namespace workloads::charge_without_rcu {
namespace {

Object* ChargeWithoutRcu(World& world, uint32_t memcg_index, uint32_t lru_index,
                         int nid) ABSL_NO_THREAD_SAFETY_ANALYSIS {
  lru::mem_cgroup* memcg = world.GetMemcg(memcg_index);
  if (!memcg) return nullptr;
  lru::obj_cgroup* objcg = lru::get_obj_cgroup_from_memcg(memcg);
  lru::mem_cgroup_put(memcg);
  return ChargeTo(world, objcg, lru_index, nid);
}

LRUTORTURE_REGISTER(RegisterControl(
    {.info = {.name = "charge_without_rcu",
              .klass = "caller",
              .lrus = {},
              .doc = "an object's objcg is found by who has a reference on the "
                     "memcg, but is in no read section, and no reference keeps "
                     "the objcg (#24)",
              .config = "busted/charge_without_rcu.json",
              .expect = {{"release", "invariant", "rcu_before_free"},
                         {"asan", "invariant", "rcu_before_free"},
                         {"tsan", "invariant", "rcu_before_free"},
                         {"gcc", "invariant", "rcu_before_free"}}},
     .break_it = BreakCaller<[](WorkloadOps& ops) {
       ops.charge = ChargeWithoutRcu;
     }>}));

}  // namespace
}  // namespace workloads::charge_without_rcu
