#include "lru/xarray.h"

namespace lru {

void* xa_load(const xarray* xa, int index, const char* fn) {
  if (index < 0 || index >= kXaMax) return nullptr;
  const xa_chunk* chunk =
      xa->chunk[index / kXaChunk].load(std::memory_order_acquire);
  if (!chunk) return nullptr;
  // Chunks stay. Whether the caller must be in a read section depends on what
  // it does with the entry.
  return smp_load_acquire(chunk->slot[index % kXaChunk], fn);
}

bool xa_reserve(xarray* xa, int index) {
  std::atomic<xa_chunk*>& place = xa->chunk[index / kXaChunk];
  if (place.load(std::memory_order_acquire)) return true;
  auto* fresh = kmalloc_type<xa_chunk>(ALLOC_OTHER);
  if (!fresh) return false;
  xa_chunk* expected = nullptr;
  if (!place.compare_exchange_strong(expected, fresh,
                                     std::memory_order_acq_rel)) {
    kfree_type(ALLOC_OTHER, fresh);
  }
  return true;
}

void __xa_store(xarray* xa, int index, void* entry, const char* fn) {
  lockdep_assert_held(&xa->xa_lock);
  xa_chunk* chunk = xa->chunk[index / kXaChunk].load(std::memory_order_acquire);
  rcu_assign_pointer(chunk->slot[index % kXaChunk], entry, fn);
}

void* xa_erase_irq(xarray* xa, int index, const char* fn) {
  // No look before the lock: who stores under it may have decided to already.
  spin_lock_irq(&xa->xa_lock, fn);
  void* entry = xa_load(xa, index, fn);
  if (entry) __xa_store(xa, index, nullptr, fn);
  spin_unlock_irq(&xa->xa_lock, fn);
  return entry;
}

void* xa_find(const xarray* xa, int* index) {
  for (int i = *index; i < kXaMax; i++) {
    const xa_chunk* chunk =
        xa->chunk[i / kXaChunk].load(std::memory_order_acquire);
    if (!chunk) {
      i |= kXaChunk - 1;  // the loop goes on with the next chunk
      continue;
    }
    void* entry = chunk->slot[i % kXaChunk].load(std::memory_order_acquire);
    if (entry) {
      *index = i;
      return entry;
    }
  }
  return nullptr;
}

void xa_destroy(xarray* xa) {
  for (std::atomic<xa_chunk*>& chunk : xa->chunk) {
    kfree_type(ALLOC_OTHER, chunk.exchange(nullptr));
  }
}

}  // namespace lru
