// bugs.md #1, 98733f3f0bec "mm/list_lru: drain before clearing xarray entry on
// reparent" (Shakeel Butt, 2026, CVE-2026-53153; mends fb56fdf8b9a2, 6.13):
// the slot of a dying memcg was emptied before its lists were drained. Who
// looks the memcg up in between finds none, climbs, and takes the parent's
// lock for an item that is still on the child's list.
//
//   deleter                             offline worker
//                                       xas_store(slot, NULL)
//   finds no list: climbs
//   spin_lock(parent's l->lock)
//   list_del_init(item)                 spin_lock(child's l->lock)
//     two tasks, two locks, one list    list_splice_init(child's, parent's)
#include "lru/memcg_lock.h"
#include "workloads/registry.h"

namespace workloads::erase_before_drain {
namespace {

struct EraseFirst : lru::memcg_lock_steps {
  template <class Scope>
  static lru::list_lru_memcg* drain_and_erase(lru::list_lru* lru,
                                              lru::list_lru_memcg* mlru,
                                              lru::mem_cgroup* memcg,
                                              lru::mem_cgroup* parent) {
    Scope::erase(lru, memcg, parent);
    Scope::drain(lru, mlru, memcg, parent);
    return mlru;
  }
};

constexpr lru::list_lru_ops kOps =
    lru::make_memcg_lock_ops<EraseFirst>("memcg-lock", "erases the slot first");

LRUTORTURE_REGISTER(RegisterControl(
    {.info = {.name = "erase_before_drain",
              .klass = "lru",
              .lrus = {"memcg-lock"},
              .doc = "a dying memcg's slot is emptied before its lists are: "
                     "lookups climb, and lock another list than the one the "
                     "item is on (#1, 98733f3f0bec)",
              .config = "busted/erase_before_drain.json",
              .expect = {{"release", "invariant", "empty_after_reparent"},
                         {"release", "invariant", "lock_identity"},
                         {"release", "invariant", "reparent_target"},
                         {"asan", "invariant", "empty_after_reparent"},
                         {"asan", "invariant", "lock_identity"},
                         {"asan", "invariant", "reparent_target"},
                         {"tsan", "invariant", "empty_after_reparent"},
                         {"tsan", "invariant", "lock_identity"},
                         {"tsan", "invariant", "reparent_target"},
                         {"gcc", "invariant", "empty_after_reparent"},
                         {"gcc", "invariant", "lock_identity"},
                         {"gcc", "invariant", "reparent_target"}}},
     .break_it = [](World::Parts& parts) { parts.lru_ops = &kOps; }}));

}  // namespace
}  // namespace workloads::erase_before_drain
