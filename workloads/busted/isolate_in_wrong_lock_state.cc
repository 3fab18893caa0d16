// bugs.md #29, 361e0ff456a8 (rust_binder, Alice Ryhl, 2025, 6.18; mends
// eafedbc7c050): an isolate callback written for the other side of Linux 6.13.
// Up to 6.12 the lock is held again when LRU_RETRY or LRU_REMOVED_RETRY is
// returned, from 6.13 (da0c02516c50) on it is not; the header went on saying
// that it is. It takes no second task: kswapd stood still, waiting for itself.
// The other way round, everybody else may come to the list meanwhile.
//
//   up to 6.12                          from 6.13 on
//   callback: spin_unlock(lock)         callback: spin_unlock(lock)
//   returns LRU_REMOVED_RETRY           spin_lock(lock), LRU_REMOVED_RETRY
//   walk: restarts with no lock held    walk: spin_lock(lock): waits for itself
#include "workloads/busted/break_steps.h"

namespace workloads::isolate_in_wrong_lock_state {
namespace {

lru::lru_status InWrongLockState(lru::list_head* item, lru::list_lru_one* list,
                                 lru::spinlock_t* lock,
                                 void* cb_arg) ABSL_NO_THREAD_SAFETY_ANALYSIS {
  lru::lru_status status = CleanWorkloadOps().isolate(item, list, lock, cb_arg);
  if (status != lru::LRU_RETRY && status != lru::LRU_REMOVED_RETRY) {
    return status;
  }
  if (lru::current_lru_ops().returns_unlocked) {
    lru::spin_lock(lock);
  } else {
    lru::spin_unlock(lock);
  }
  return status;
}

LRUTORTURE_REGISTER(RegisterControl(
    {.info = {.name = "isolate_in_wrong_lock_state",
              .klass = "caller",
              .lrus = {},
              .doc = "an isolate callback returns with the list's lock in the "
                     "state that the other kind of lru wants (#29, "
                     "361e0ff456a8)",
              .config = "busted/isolate_in_wrong_lock_state.json",
              .expect = {{"release", "invariant", "callback_lock_state"},
                         {"asan", "invariant", "callback_lock_state"},
                         {"tsan", "invariant", "callback_lock_state"},
                         {"gcc", "invariant", "callback_lock_state"}}},
     .break_it = BreakCaller<[](WorkloadOps& ops) {
       ops.isolate = InWrongLockState;
     }>}));

}  // namespace
}  // namespace workloads::isolate_in_wrong_lock_state
