// A del names a memcg that was right once (list_lru.h, L2; no bug of its own in
// bugs.md, but what #39 and d7 come to for a caller): the caller has noted by
// its id whose list the item is on, as shadow entries do, and does not ask
// whether the id is still the same memcg's.
//
//   owner of the object                 others
//   object is on X's list; notes X's id
//                                       X offline: its items are the parent's
//                                       Y is created, with X's id
//   memcg = mem_cgroup_from_id(id): Y
//   list_lru_del(object, memcg)         list_lru_add(other, parent)
//     spin_lock(&l->lock of Y)            spin_lock(&l->lock of the parent)
//     list_del_init(item)                 list_add_tail(other)
//     the item is on the parent's list: two tasks edit it under two locks
//
// node-lock: Y's list has the same lock, as it is the same node; there it is
// the counts of two lists that go wrong.
#include "workloads/busted/break_steps.h"

namespace workloads::del_with_stale_memcg {
namespace {

bool DelFromWhoHasTheId(lru::list_lru* lru, Object* object) {
  lru::rcu_guard guard;
  const lru::list_lru_ops& ops = lru::current_lru_ops();
  lru::mem_cgroup* memcg = lru::mem_cgroup_from_id(object->charged.id);
  int id = memcg ? lru::memcg_kmem_id(memcg) : -1;
  if (id < 0 || !ops.list_at(lru, id, object->nid)) {
    memcg = lru::mem_cgroup_from_slab_obj(&object->lru);
  }
  return ops.list_lru_del(lru, &object->lru, object->nid, memcg);
}

LRUTORTURE_REGISTER(RegisterControl(
    {.info = {.name = "del_with_stale_memcg",
              .klass = "caller",
              .lrus = {},
              .doc = "a del names the memcg that has now the id of the memcg "
                     "it was charged to, and takes the item off under a lock, "
                     "or on the count, of another list",
              .config = "busted/del_with_stale_memcg.json",
              .expect = {{"release", "invariant", "lock_identity"},
                         {"asan", "invariant", "lock_identity"},
                         {"tsan", "invariant", "lock_identity"},
                         {"gcc", "invariant", "lock_identity"}}},
     .break_it =
         BreakCaller<[](WorkloadOps& ops) { ops.del = DelFromWhoHasTheId; }>}));

}  // namespace
}  // namespace workloads::del_with_stale_memcg
