// bugs.md #27, 89dc77bcdabf "vfs: fix dentry LRU list handling and
// nr_dentry_unused accounting" (Dave Chinner, 2013): one list_head serves the
// lru and a private list to be freed from, and what goes from one to the other
// is still counted where it was.
//
//   shrinker                            owner
//   list_move(item, dispose)
//   LRU_SKIP: nr_items as before
//                                       not on its list, but counted there
//   list_del_init(item)
//                                       list_lru_add(item): true
//                                       nr_items + 1 once more
#include "workloads/busted/break_steps.h"

namespace workloads::moved_without_telling {
namespace {

lru::lru_status MoveAndSkip(lru::list_head* item, lru::list_lru_one* list,
                            lru::spinlock_t* lock, void* cb_arg) {
  Object* object = ObjectOf(item);
  if (!object->guarded || !lru::spin_trylock(&object->lock)) {
    return CleanWorkloadOps().isolate(item, list, lock, cb_arg);
  }
  object->disposing = true;
  lru::list_move(item, &static_cast<WalkArgs*>(cb_arg)->dispose);
  lru::spin_unlock(&object->lock);
  return lru::LRU_SKIP;
}

LRUTORTURE_REGISTER(RegisterControl(
    {.info = {.name = "moved_without_telling",
              .klass = "caller",
              .lrus = {},
              .doc = "an isolate callback moves an item to a private list by "
                     "list_move(), without list_lru_isolate_move(), and says "
                     "LRU_SKIP: it is counted where it is not (#27, "
                     "89dc77bcdabf)",
              .config = "busted/moved_without_telling.json",
              .expect = {{"release", "invariant", "walk_contract"},
                         {"asan", "invariant", "walk_contract"},
                         {"tsan", "invariant", "walk_contract"},
                         {"gcc", "invariant", "walk_contract"}}},
     .break_it =
         BreakCaller<[](WorkloadOps& ops) { ops.isolate = MoveAndSkip; }>}));

}  // namespace
}  // namespace workloads::moved_without_telling
