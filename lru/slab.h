// Objects charged to a memcg, on a NUMA node id: what list_lru items live in.
//
// From mm/slub.c and mm/memcontrol.c (mem_cgroup_from_slab_obj), Linux 6.12.
// An object holds a reference on its objcg from allocation to free, and none
// on its memcg.
#ifndef LRUTORTURE_LRU_SLAB_H_
#define LRUTORTURE_LRU_SLAB_H_

#include "lru/list.h"
#include "lru/memcg.h"
#include "lru/sync/spinlock.h"

namespace lru {

// When freed memory may be another object. Poisoned until then.
enum class slab_reuse : u8 {
  NEVER,               // straight back to malloc: ASan's quarantine sees all
  AFTER_GRACE_PERIOD,  // kfree_rcu()
  // SLAB_TYPESAFE_BY_RCU: the memory stays an object of this cache, of anybody.
  // A reader gets a reference first (slab_obj::refs), then checks again that
  // it is the object it meant.
  IMMEDIATE,
};

struct slab_obj {
  list_head lru;                // the item
  obj_cgroup* objcg = nullptr;  // null: charged to nobody, the root's
  s32 nid = 0;
  u32 serial = 0;
  rcu_head rcu;  // the owner's until free, the cache's until reuse
  // The user's. Under IMMEDIATE it is zero whenever the object is free or new,
  // and the one word of it that a reader may touch then: neither free nor
  // alloc writes it.
  std::atomic<u64> refs = 0;
};
inline slab_obj* slab_obj_of_rcu(rcu_head* head) {
  return reinterpret_cast<slab_obj*>(reinterpret_cast<char*>(head) -
                                     offsetof(slab_obj, rcu));
}
inline u32 serial_of(const slab_obj* obj) { return obj->serial; }
inline slab_obj* slab_obj_of(list_head* item) {
  return reinterpret_cast<slab_obj*>(item);  // first member
}
inline const slab_obj* slab_obj_of(const list_head* item) {
  return reinterpret_cast<const slab_obj*>(item);
}
inline u32 serial_of(const list_head* item) {
  return slab_obj_of(item)->serial;
}

struct kmem_cache;
// Objects of `size` bytes that begin with a slab_obj.
kmem_cache* kmem_cache_create(size_t size, slab_reuse reuse);
// Every object has been freed.
void kmem_cache_destroy(kmem_cache* cache);

// Zeroed behind the slab_obj, not on a list, charged to objcg, whose reference
// it takes over. Null: no memory; the reference stays the caller's.
slab_obj* kmem_cache_alloc(kmem_cache* cache, int nid, obj_cgroup* objcg);
// It is on no list.
void kmem_cache_free(kmem_cache* cache, slab_obj* obj);

// The memcg of an object: null when it is charged to nobody. Stays valid as
// long as the read section (L3).
inline mem_cgroup* mem_cgroup_from_slab_obj(const list_head* item, LRU_FN)
    ABSL_SHARED_LOCKS_REQUIRED(rcu) {
  const obj_cgroup* objcg = slab_obj_of(item)->objcg;
  return objcg ? obj_cgroup_memcg(objcg, fn) : nullptr;
}

}  // namespace lru

#endif  // LRUTORTURE_LRU_SLAB_H_
