// bugs.md #15: ae085d7f9365 ("mm: kfence: fix missing objcg housekeeping for
// SLAB", 2022, 5.18; syzbot f8c45ccc7d5d45fc5965). What a piece of slab memory
// is charged to is not cleared when the object in it is freed, so the next
// object there is found by a memcg that it has nothing to do with, and is put
// on that one's list.
//
//   owner of A                         owner of B
//   kmem_cache_free(A)
//     the memory's objcg: still X's
//                                      B = kmem_cache_alloc(): the same memory
//                                      list_lru_add(B)
//                                        by its objcg: memcg X
//                                        B is on X's list, X reclaims it
//
// Here every object has the objcg of the one that was charged before it, and
// the reference with it: whom it names is alive, so that what is wrong is the
// memcg and not the memory.
#include "workloads/busted/break_steps.h"

namespace workloads::objcg_of_the_last_user {
namespace {

std::atomic<lru::obj_cgroup*> left_behind = nullptr;

Object* ChargeAsBefore(World& world, uint32_t memcg_index, uint32_t lru_index,
                       int nid) {
  Object* object =
      CleanWorkloadOps().charge(world, memcg_index, lru_index, nid);
  if (object)
    object->objcg =
        left_behind.exchange(object->objcg, std::memory_order_relaxed);
  return object;
}

LRUTORTURE_REGISTER(RegisterControl(
    {.info = {.name = "objcg_of_the_last_user",
              .klass = "caller",
              .lrus = {},
              .doc = "a new object keeps the objcg of the object before it, "
                     "and so is found by, and put on the list of, a stranger's "
                     "memcg (#15)",
              .config = "busted/objcg_of_the_last_user.json",
              .expect = {{"release", "invariant", "reparent_target"},
                         {"asan", "invariant", "reparent_target"},
                         {"tsan", "invariant", "reparent_target"},
                         {"gcc", "invariant", "reparent_target"}}},
     .break_it =
         BreakCaller<[](WorkloadOps& ops) { ops.charge = ChargeAsBefore; }>}));

}  // namespace
}  // namespace workloads::objcg_of_the_last_user
