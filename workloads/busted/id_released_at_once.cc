// bugs.md d7, Linux >= 6.13: the id of a memcg goes back to the table with its
// last reference, at the end of css_offline(), and may be the next memcg's at
// once.
//
//   reader                              teardown
//   rcu_read_lock()
//   memcg = that of an object, its id 7
//                                       offline; id 7 is put, and free
//                                       the next memcg gets id 7
//   the list at 7: a stranger's
#include "workloads/busted/break_steps.h"

namespace workloads::id_released_at_once {
namespace {

LRUTORTURE_REGISTER(RegisterControl(
    {.info = {.name = "id_released_at_once",
              .klass = "lru",
              .lrus = {},
              .doc = "a memcg's id is given back with its last reference, "
                     "without a grace period: a reader that has looked the "
                     "memcg up finds a stranger's lists (d7)",
              .config = "busted/id_released_at_once.json",
              .expect = {{"release", "invariant", "id_unique"},
                         {"asan", "invariant", "id_unique"},
                         {"tsan", "invariant", "id_unique"},
                         {"gcc", "invariant", "id_unique"}}},
     .break_it = BreakTeardown<[](lru::teardown_steps& steps) {
       steps.mem_cgroup_id_release = lru::mem_cgroup_id_release_at_once;
     }>}));

}  // namespace
}  // namespace workloads::id_released_at_once
