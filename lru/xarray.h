// A small xarray (lib/xarray.c): memcg id -> pointer. Loads are lockless under
// RCU, stores take xa_lock. Chunks stay until xa_destroy(), so an index that
// was stored once never fails again.
#ifndef LRUTORTURE_LRU_XARRAY_H_
#define LRUTORTURE_LRU_XARRAY_H_

#include "lru/sync/alloc.h"
#include "lru/sync/spinlock.h"

namespace lru {

inline constexpr int kXaChunk = 256;
inline constexpr int kXaChunks = 256;
inline constexpr int kXaMax = kXaChunk * kXaChunks;

struct xa_chunk {
  std::atomic<void*> slot[kXaChunk] = {};
};

struct xarray {
  spinlock_t xa_lock{"xa_lock"};
  std::atomic<xa_chunk*> chunk[kXaChunks] = {};
};

// Null when nothing is stored. The caller makes sure that what it finds stays.
void* xa_load(const xarray* xa, int index, LRU_FN);
// Memory for the chunk of `index`. False: no memory.
bool xa_reserve(xarray* xa, int index);
// The chunk exists.
void __xa_store(xarray* xa, int index, void* entry, LRU_FN)
    ABSL_EXCLUSIVE_LOCKS_REQUIRED(xa->xa_lock);
// Returns what was stored.
void* xa_erase_irq(xarray* xa, int index, LRU_FN);
// The first index >= *index with an entry, which is returned; null at the end.
void* xa_find(const xarray* xa, int* index);
void xa_destroy(xarray* xa);

}  // namespace lru

#endif  // LRUTORTURE_LRU_XARRAY_H_
