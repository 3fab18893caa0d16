// bugs.md #50, 0764db9b49c9 "mm: memcg: synchronize objcg lists with a
// dedicated spinlock" (2022; LTP mmap1): the last reference of an objcg may be
// put in any context, so its release must not take a lock of the cgroup core.
//
//   whoever frees the last object       whoever creates or kills cgroups
//   under RCU, or in a callback
//                                       cgroup_mutex held, waits for RCU
//   obj_cgroup_release()
//     waits for cgroup_mutex
#include "workloads/busted/break_steps.h"

namespace workloads::objcg_release_takes_mutex {
namespace {

void UnlinkUnderMutex(lru::obj_cgroup* objcg) {
  lru::mutex_guard guard(&lru::cgroup_mutex);
  lru::list_del_init(&objcg->list);
}

LRUTORTURE_REGISTER(RegisterControl(
    {.info = {.name = "objcg_release_takes_mutex",
              .klass = "lru",
              .lrus = {},
              .doc = "obj_cgroup_release() takes cgroup_mutex, in whatever "
                     "context the last reference is put (#50, 0764db9b49c9)",
              .config = "busted/objcg_release_takes_mutex.json",
              .expect = {{"release", "invariant", "lock_order"},
                         {"asan", "invariant", "lock_order"},
                         {"tsan", "invariant", "lock_order"},
                         {"gcc", "invariant", "lock_order"}}},
     .break_it = BreakTeardown<[](lru::teardown_steps& steps) {
       steps.obj_cgroup_unlink = UnlinkUnderMutex;
     }>}));

}  // namespace
}  // namespace workloads::objcg_release_takes_mutex
