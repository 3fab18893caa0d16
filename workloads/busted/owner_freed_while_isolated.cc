// bugs.md #32: 5878303c5353 ("mm/zswap: fix race between lru writeback and
// swapoff", 2024). The isolate callback takes an entry off the list, drops the
// lock and goes on with the swap device that the entry belongs to. An entry on
// the list does not pin its device (bugs.md C 17), one off the list even less.
//
//   walker                              swapoff
//   isolate(entry)
//     list_lru_isolate(entry)
//     spin_unlock(lock)
//                                       list_lru_del(entry): false, it is on
//                                         no list any more
//                                       frees entry, and then the device
//     entry's device: freed
//     return LRU_REMOVED_RETRY
#include "workloads/busted/break_steps.h"

namespace workloads::owner_freed_while_isolated {
namespace {

lru::lru_status AskAfterUnlock(lru::list_head* item, lru::list_lru_one* list,
                               lru::spinlock_t* lock, void* cb_arg) {
  const Device* device = ObjectOf(item)->device;
  lru::lru_status status = CleanWorkloadOps().isolate(item, list, lock, cb_arg);
  if (device && status == lru::LRU_REMOVED_RETRY) {  // the lock was dropped
    static_cast<WalkArgs*>(cb_arg)->written_to = device->id;
  }
  return status;
}

LRUTORTURE_REGISTER(RegisterControl(
    {.info = {.name = "owner_freed_while_isolated",
              .klass = "caller",
              .lrus = {},
              .doc = "an isolate callback that has taken an object off and "
                     "dropped the lock uses what the object belonged to, which "
                     "its owner has freed meanwhile (#32)",
              .config = "busted/owner_freed_while_isolated.json",
              .expect = {{"asan", "memory_error", ""},
                         {"tsan", "memory_error", ""},
                         {"tsan", "data_race", ""}}},
     .break_it =
         BreakCaller<[](WorkloadOps& ops) { ops.isolate = AskAfterUnlock; }>}));

}  // namespace
}  // namespace workloads::owner_freed_while_isolated
