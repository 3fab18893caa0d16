// bugs.md #17 (Kairui Song, 2024, and syzbot's "WARNING in
// lock_list_lru_of_memcg"): objects are charged on a path that never came by
// memcg_list_lru_alloc(), and are then added.
//
//   adder
//   object charged to memcg, whose slot on this lru is empty
//   list_lru_add(): the lookup finds no list
//     up to 6.12: NULL pointer dereference; from 6.13 on: an ancestor's list
//     is taken in silence, for a memcg that is not dying
#include "workloads/busted/break_steps.h"

namespace workloads::charge_without_alloc {
namespace {

int AllocNothing(World&, uint32_t, lru::mem_cgroup*) { return 0; }

LRUTORTURE_REGISTER(RegisterControl(
    {.info = {.name = "charge_without_alloc",
              .klass = "caller",
              .lrus = {},
              .doc = "objects are charged without memcg_list_lru_alloc(), so "
                     "an add finds no list for its memcg (#17)",
              .config = "busted/charge_without_alloc.json",
              .expect = {{"release", "invariant", "alloc_before_add"},
                         {"asan", "invariant", "alloc_before_add"},
                         {"tsan", "invariant", "alloc_before_add"},
                         {"gcc", "invariant", "alloc_before_add"}}},
     .break_it = BreakCaller<[](WorkloadOps& ops) {
       ops.alloc_lists = AllocNothing;
     }>}));

}  // namespace
}  // namespace workloads::charge_without_alloc
