// A caller deletes with the nid of another node than it added with; the memcg
// is right (list_lru.h, L2; the same with a memcg is f8f931bba0f9, #39).
//
//   deleter                            adder
//   spin_lock(&node[1].lock)           spin_lock(&node[0].lock)
//   list_del_init(item)                list_add_tail(other, list of node 0)
//     the item is on node 0's list: two tasks edit it under two locks
#include "workloads/busted/break_steps.h"

namespace workloads::del_wrong_nid {
namespace {

bool DelWithWrongNid(lru::list_lru* lru, Object* object) {
  lru::rcu_guard guard;
  lru::mem_cgroup* memcg = lru::mem_cgroup_from_slab_obj(&object->lru);
  LRU_POINT(memcg_looked_up, .memcg = memcg, .lru = lru, .item = &object->lru,
            .nid = object->nid);
  return lru::current_lru_ops().list_lru_del(
      lru, &object->lru, (object->nid + 1) % lru::nr_node_ids, memcg);
}

LRUTORTURE_REGISTER(RegisterControl(
    {.info = {.name = "del_wrong_nid",
              .klass = "caller",
              .lrus = {},
              .doc = "a del names another node than the add did, and takes "
                     "the item off under a lock that does not guard its list",
              .config = "busted/del_wrong_nid.json",
              .expect = {{"release", "invariant", "lock_identity"},
                         {"asan", "invariant", "lock_identity"},
                         {"tsan", "invariant", "lock_identity"},
                         {"gcc", "invariant", "lock_identity"}}},
     .break_it =
         BreakCaller<[](WorkloadOps& ops) { ops.del = DelWithWrongNid; }>}));

}  // namespace
}  // namespace workloads::del_wrong_nid
