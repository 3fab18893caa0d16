// bugs.md #13, 9972605a2383 "memcg: protect concurrent access to
// mem_cgroup_idr" (Shakeel Butt, 2024, CVE-2024-43892): an id is given back
// without the lock of the table. An id that is taken meanwhile is lost to the
// table, and given away a second time.
//
//   creator (cgroup_mutex)             rcu-callbacks
//                                      ids = word of the table
//   spin_lock(&memcg_idr_lock)
//   id 5 is free: set its bit
//   spin_unlock(&memcg_idr_lock)
//                                      word = ids without bit 7: 5 is free, too
//   the next memcg gets id 5 as well
#include "workloads/busted/break_steps.h"

namespace workloads::two_memcgs_one_id {
namespace {

void RemoveWithoutLock(lru::mem_cgroup* memcg) ABSL_NO_THREAD_SAFETY_ANALYSIS {
  lru::memcg_idr_clear(memcg);
}

LRUTORTURE_REGISTER(RegisterControl(
    {.info = {.name = "two_memcgs_one_id",
              .klass = "lru",
              .lrus = {},
              .doc = "a memcg's id goes back to the table without the table's "
                     "lock: two live memcgs may get one id (#13, "
                     "CVE-2024-43892)",
              .config = "busted/two_memcgs_one_id.json",
              .expect = {{"tsan", "data_race", ""},
                         {"release", "invariant", "id_unique"},
                         {"asan", "invariant", "id_unique"},
                         {"gcc", "invariant", "id_unique"}}},
     .break_it = BreakTeardown<[](lru::teardown_steps& steps) {
       steps.mem_cgroup_idr_remove = RemoveWithoutLock;
     }>}));

}  // namespace
}  // namespace workloads::two_memcgs_one_id
