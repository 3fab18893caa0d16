// An object under torture, and what a task remembers of its own work.
//
// Three ways to be shared, all legal by the contract in list_lru.h:
//   own, plain     one task adds, deletes and frees it; shrinkers take it off
//                  the list and never look back.
//   own, guarded   the same, but a lock (as i_lock is) covers add and del, so
//                  that a shrinker may move it to a private list.
//   shared         in a fixed array; every task adds and deletes it inside an
//                  RCU read section, with no hand-off at all; it is taken out
//                  of the array first. Where slabs are never reused it is freed
//                  a grace period later, by us; else a reader gets a reference
//                  and checks the array again, and who puts the last one frees
//                  it at once: the rest is up to the cache (World).
#ifndef LRUTORTURE_WORKLOADS_OBJECT_H_
#define LRUTORTURE_WORKLOADS_OBJECT_H_

#include <optional>

#include "harness/plan.h"
#include "lru/slab.h"

namespace workloads {

// Names a memcg as shadow entries do (mm/workingset.c): by its id, and by its
// serial because ids are used again. Pins nothing.
struct MemcgName {
  int id = 0;
  uint32_t serial = 0;
};

// What some objects belong to, as a zswap entry does to a swap device. An
// object on a list does not pin it: it is freed when its maker has taken all
// its objects off their lists, whoever may still be busy with one of them. So
// it is good under the lock of the list that an object of it is on, no longer.
struct Device {
  uint32_t id = 0;
};

struct Object : lru::slab_obj {
  uint32_t lru_index = 0;
  MemcgName charged;       // the memcg it was charged to; none: the root
  bool guarded = false;    // set before anyone else can see it
  bool disposing = false;  // under `lock`: on a shrinker's private list
  const Device* device = nullptr;  // of one that is not guarded; set as that is
  lru::spinlock_t lock{"object->lock"};
  // Of the oracles, written under the list's lock.
  std::atomic<uint32_t> linked = 0;    // 1 while it is on a list
  std::atomic<uint32_t> isolated = 0;  // 1 when a walk has taken it off since
  std::atomic<uint32_t> on_list = 0;   // serial it was linked to; 0: on none
};

// Whose a list is: list_lru_one::owner, which is null for the root's.
inline const lru::mem_cgroup* OwnerOrRoot(const lru::mem_cgroup* owner) {
  return owner ? owner : lru::root_mem_cgroup;
}

inline Object* ObjectOf(lru::list_head* item) {
  return static_cast<Object*>(lru::slab_obj_of(item));
}
inline const Object* ObjectOf(const lru::list_head* item) {
  return static_cast<const Object*>(lru::slab_obj_of(item));
}

// What the item_state oracle saw when the lock of the item's list was taken.
enum WasLinked : uint8_t { kNotSeen, kNotLinked, kLinked };

struct Walk;  // oracles/walks.cc

// Hangs off the task (task::user). Task-local, so plain.
struct TaskNotes {
  harness::Prng* prng = nullptr;
  uint64_t linked = 0;    // item_linked seen by this task
  uint64_t unlinked = 0;  // item_unlinked
  uint32_t memcg = 0;     // serial that the last change of a list was for
  WasLinked was_linked = kNotSeen;
  uint64_t freed = 0;              // by shrinkers' scans, as they say
  Walk* walk = nullptr;            // in progress
  std::optional<long> count_read;  // by the count_one in progress
};
inline TaskNotes* CurrentNotes() {
  return static_cast<TaskNotes*>(lru::current_task()->user);
}

// What a walk's callback is given.
struct WalkArgs {
  harness::Prng* prng;
  lru::list_head dispose = {};  // objects moved away
  uint32_t written_to = 0;      // device of the one written back last
};

}  // namespace workloads

#endif  // LRUTORTURE_WORKLOADS_OBJECT_H_
