// bugs.md #35 (syzbot 3126ab3db03db42e7a31, xfs, seen at ca378189fdfa,
// 6.13-rc3; no fix is known to bugs.md): the isolate callback of the dquots'
// shrinker waits for qli_lock under the list's lock; who gives back a buffer
// comes to list_lru_add() with qli_lock held, two locks further out. A warning
// of lockdep: whether anybody ever waited for ever is not said. Here the lock
// in between is the object's own, as i_lock is.
//
//   walker                              adder
//   spin_lock(&nlru->lock)              spin_lock(&object->lock)
//   isolate(object)
//     spin_lock(&object->lock)          list_lru_add(object)
//                                         spin_lock(&nlru->lock)
//     each waits for what the other holds
#include "workloads/busted/break_steps.h"

namespace workloads::isolate_waits_for_lock {
namespace {

lru::lru_status WaitForLock(lru::list_head* item, lru::list_lru_one* list,
                            lru::spinlock_t* lock, void* cb_arg) {
  Object* object = ObjectOf(item);
  if (!object->guarded) {
    return CleanWorkloadOps().isolate(item, list, lock, cb_arg);
  }
  lru::spin_guard guard(&object->lock);  // i_lock is only to be tried here
  object->disposing = true;
  lru::current_lru_ops().list_lru_isolate_move(
      list, item, &static_cast<WalkArgs*>(cb_arg)->dispose);
  return lru::LRU_REMOVED;
}

LRUTORTURE_REGISTER(RegisterControl(
    {.info =
         {.name = "isolate_waits_for_lock",
          .klass = "caller",
          .lrus = {},
          .doc =
              "an isolate callback waits for the object's lock, which callers "
              "hold around list_lru_add(), instead of trying it (#35)",
          .config = "busted/isolate_waits_for_lock.json",
          .expect = {{"release", "invariant", "lock_order"},
                     {"asan", "invariant", "lock_order"},
                     {"tsan", "lock_inversion", ""},
                     {"gcc", "invariant", "lock_order"}}},
     .break_it =
         BreakCaller<[](WorkloadOps& ops) { ops.isolate = WaitForLock; }>}));

}  // namespace
}  // namespace workloads::isolate_waits_for_lock
