// Derived from 9972605a2383 "memcg: protect concurrent access to
// mem_cgroup_idr" (Shakeel Butt, 2024): there number and pointer are one entry
// of an idr. Here they are two, and only the number is given back.
//
//   rcu-callbacks                      walker
//   C's id 7 is free again
//   C's memory is freed
//                                      rcu_read_lock()
//                                      mem_cgroup_from_id(7) = C
//                                      css_tryget(&C->css): in freed memory
#include "workloads/busted/break_steps.h"

namespace workloads::id_finds_the_freed {
namespace {

void KeepPointer(lru::mem_cgroup*) {}

LRUTORTURE_REGISTER(RegisterControl(
    {.info = {.name = "id_finds_the_freed",
              .klass = "lru",
              .lrus = {},
              .doc = "a memcg's id is given back as a number, but still finds "
                     "the memcg: whoever looks it up before it is another's "
                     "comes to freed memory",
              .config = "busted/id_finds_the_freed.json",
              .expect = {{"release", "invariant", "id_unique"},
                         {"asan", "invariant", "id_unique"},
                         {"tsan", "invariant", "id_unique"},
                         {"gcc", "invariant", "id_unique"}}},
     .break_it = BreakTeardown<[](lru::teardown_steps& steps) {
       steps.mem_cgroup_id_unpublish = KeepPointer;
     }>}));

}  // namespace
}  // namespace workloads::id_finds_the_freed
