// bugs.md #11 (and #10, its form before 6.13): memcg_list_lru_alloc() stores
// the lists it has made, without looking under xa_lock whether the memcg has
// begun to die meanwhile; up to 6.12, whether its id is still its own.
//
//   allocator                           offline worker
//   allocates (sleeps)
//                                       CSS_DYING, grace period
//                                       reparents: drains, erases the slot
//   xa_lock, stores the lists
//     of a memcg that is gone: leaked, and found by whoever looks
#include "workloads/busted/break_steps.h"

namespace workloads::alloc_for_the_dying {
namespace {

template <class Steps>
struct StoresAnyway : Steps {
  static bool may_store(const lru::mem_cgroup*, int) { return true; }
};

LRUTORTURE_REGISTER(RegisterControl(
    {.info = {.name = "alloc_for_the_dying",
              .klass = "lru",
              .lrus = {},
              .doc =
                  "memcg_list_lru_alloc() stores lists for a memcg that is "
                  "dying: after its reparenting nobody drains them (#10, #11)",
              .config = "busted/alloc_for_the_dying.json",
              .expect = {{"release", "invariant", "empty_after_reparent"},
                         {"asan", "invariant", "empty_after_reparent"},
                         {"tsan", "invariant", "empty_after_reparent"},
                         {"gcc", "invariant", "empty_after_reparent"}}},
     .break_it = BreakSteps<StoresAnyway>}));

}  // namespace
}  // namespace workloads::alloc_for_the_dying
