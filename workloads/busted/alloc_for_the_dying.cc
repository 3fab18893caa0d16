// bugs.md #11 (and #10, its form before 6.13): memcg_list_lru_alloc() stores
// the lists it has made, without looking under xa_lock whether the memcg has
// begun to die meanwhile.
//
//   allocator                           offline worker
//   allocates (sleeps)
//                                       CSS_DYING, grace period
//                                       reparents: drains, erases the slot
//   xa_lock, stores the lists
//     of a memcg that is gone: leaked, and found by whoever looks
#include "lru/memcg_lock.h"
#include "workloads/registry.h"

namespace workloads::alloc_for_the_dying {
namespace {

struct StoresAnyway : lru::memcg_lock_steps {
  static bool may_store(const lru::mem_cgroup*, int) { return true; }
};

constexpr lru::list_lru_ops kOps = lru::make_memcg_lock_ops<StoresAnyway>(
    "memcg-lock", "stores for the dying");

LRUTORTURE_REGISTER(RegisterControl(
    {.info = {.name = "alloc_for_the_dying",
              .klass = "lru",
              .lrus = {"memcg-lock"},
              .doc =
                  "memcg_list_lru_alloc() stores lists for a memcg that is "
                  "dying: after its reparenting nobody drains them (#10, #11)",
              .config = "busted/alloc_for_the_dying.json",
              .expect = {{"release", "invariant", "empty_after_reparent"},
                         {"release", "invariant", "alloc_before_add"},
                         {"asan", "invariant", "empty_after_reparent"},
                         {"asan", "invariant", "alloc_before_add"},
                         {"tsan", "invariant", "empty_after_reparent"},
                         {"tsan", "invariant", "alloc_before_add"},
                         {"gcc", "invariant", "empty_after_reparent"},
                         {"gcc", "invariant", "alloc_before_add"},
                         {"gcc", "crash", ""}}},
     .break_it = [](World::Parts& parts) { parts.lru_ops = &kOps; }}));

}  // namespace
}  // namespace workloads::alloc_for_the_dying
