// bugs.md #39, CVE-2024-53079 (f8f931bba0f9, "mm/thp: fix deferred split
// unqueue naming and locking", Hugh Dickins, 6.12): a folio was uncharged, or
// charged to another memcg, while it was still on the deferred split queue of
// the memcg before; whoever took it off then found another queue, and another
// lock. Here an object that is about to be freed is charged to nobody first.
//
//   owner of the object                 adder
//   object->objcg = NULL                spin_lock(&l->lock of memcg X)
//   list_lru_del(object)                list_add_tail(other, list of X)
//     spin_lock(&l->lock of the root)
//     list_del_init(item)
//     the item is on X's list: two tasks edit it under two locks
//
// node-lock: the two lists have one lock, and it is the counts that go wrong:
// X's says one item too many, the root's one too few.
#include <utility>

#include "workloads/busted/break_steps.h"

namespace workloads::uncharged_before_del {
namespace {

void UnchargeFirst(lru::list_lru* lru, Object* object) {
  lru::obj_cgroup_put(std::exchange(object->objcg, nullptr));
  TheWorld().ops().del_obj(lru, object);
}

LRUTORTURE_REGISTER(RegisterControl(
    {.info = {.name = "uncharged_before_del",
              .klass = "caller",
              .lrus = {},
              .doc = "an object is charged to nobody any more before it is "
                     "taken off its list, so that its del finds another list "
                     "and another lock (#39, CVE-2024-53079)",
              .config = "busted/uncharged_before_del.json",
              .expect = {{"release", "invariant", "lock_identity"},
                         {"asan", "invariant", "lock_identity"},
                         {"tsan", "invariant", "lock_identity"},
                         {"gcc", "invariant", "lock_identity"}}},
     .break_it =
         BreakCaller<[](WorkloadOps& ops) { ops.uncharge = UnchargeFirst; }>}));

}  // namespace
}  // namespace workloads::uncharged_before_del
