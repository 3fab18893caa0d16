#include "lru/slab.h"

#include <cstring>
#include <new>

#include "lru/fault_points.h"
#include "lru/sync/alloc.h"

#if defined(LRU_ASAN)
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#define ASAN_UNPOISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#endif

namespace lru {

namespace {
constexpr int kPoison = 0x6b;  // POISON_FREE

struct free_obj {
  free_obj* next;
};
}  // namespace

struct kmem_cache {
  size_t size;
  slab_reuse reuse;
  spinlock_t lock{"cache->lock"};
  free_obj* free ABSL_GUARDED_BY(lock) = nullptr;
};

namespace {

// The cache of an object that waits for its grace period: behind the slab_obj,
// in memory nobody may use.
struct waiting_obj {
  slab_obj obj;
  kmem_cache* cache;
};

// What readers may still look at, as a gap in the object's memory.
constexpr size_t kKeptAt = offsetof(slab_obj, refs);
constexpr size_t kKeptEnd = kKeptAt + sizeof(slab_obj::refs);
static_assert(kKeptAt % 8 == 0 && kKeptEnd % 8 == 0, "ASan's granules");

void fill_around_kept(void* memory, int byte, size_t size) {
  memset(memory, byte, kKeptAt);
  memset(static_cast<char*>(memory) + kKeptEnd, byte, size - kKeptEnd);
}

void put_on_free_list(kmem_cache* cache, void* memory) {
  bool kept = cache->reuse == slab_reuse::IMMEDIATE;
  fill_around_kept(memory, kPoison, cache->size);
  auto* entry = static_cast<free_obj*>(memory);
  spin_guard guard(&cache->lock);
  entry->next = cache->free;
  cache->free = entry;
  ASAN_POISON_MEMORY_REGION(memory, cache->size);
  if (kept) {
    ASAN_UNPOISON_MEMORY_REGION(static_cast<char*>(memory) + kKeptAt,
                                sizeof(slab_obj::refs));
  }
}

void* take_from_free_list(kmem_cache* cache) {
  spin_guard guard(&cache->lock);
  free_obj* entry = cache->free;
  if (!entry) return nullptr;
  ASAN_UNPOISON_MEMORY_REGION(entry, cache->size);
  cache->free = entry->next;
  return entry;
}

slab_obj* new_obj(kmem_cache* cache) {
  void* memory = ::operator new(cache->size, std::nothrow);
  return memory ? new (memory) slab_obj : nullptr;
}

void free_after_grace_period(rcu_head* head) {
  auto* waiting = reinterpret_cast<waiting_obj*>(reinterpret_cast<char*>(head) -
                                                 offsetof(slab_obj, rcu));
  put_on_free_list(waiting->cache, waiting);
}

}  // namespace

kmem_cache* kmem_cache_create(size_t size, slab_reuse reuse) {
  auto* cache = kmalloc_type<kmem_cache>(ALLOC_OTHER);
  if (!cache) return nullptr;
  cache->size = size < sizeof(waiting_obj) ? sizeof(waiting_obj) : size;
  cache->reuse = reuse;
  return cache;
}

void kmem_cache_destroy(kmem_cache* cache) {
  rcu_barrier();
  while (void* memory = take_from_free_list(cache)) ::operator delete(memory);
  kfree_type(ALLOC_OTHER, cache);
}

slab_obj* kmem_cache_alloc(kmem_cache* cache, int nid, obj_cgroup* objcg) {
  if (LRU_ERROR_POINT(slab_allocated, .nid = nid)) return nullptr;
  auto* obj = static_cast<slab_obj*>(take_from_free_list(cache));
  if (!obj) obj = new_obj(cache);
  if (!obj) return nullptr;
  count_alloc(ALLOC_SLAB_OBJ, 1);
  fill_around_kept(obj, 0, cache->size);
  INIT_LIST_HEAD(&obj->lru);
  obj->objcg = objcg;
  obj->nid = nid;
  obj->serial = next_serial(SERIAL_OBJ);
  return obj;
}

void kmem_cache_free(kmem_cache* cache, slab_obj* obj) {
  obj_cgroup_put(obj->objcg);
  count_alloc(ALLOC_SLAB_OBJ, -1);
  switch (cache->reuse) {
    case slab_reuse::NEVER:
      ::operator delete(obj);
      return;
    case slab_reuse::AFTER_GRACE_PERIOD:
      reinterpret_cast<waiting_obj*>(obj)->cache = cache;
      call_rcu(&obj->rcu, free_after_grace_period);
      return;
    case slab_reuse::IMMEDIATE:
      put_on_free_list(cache, obj);
      return;
  }
}

}  // namespace lru
