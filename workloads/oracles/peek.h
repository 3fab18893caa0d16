// What an oracle looks up in an lru for itself, without passing a point of it.
#ifndef LRUTORTURE_WORKLOADS_ORACLES_PEEK_H_
#define LRUTORTURE_WORKLOADS_ORACLES_PEEK_H_

#include "lru/list_lru.h"

namespace workloads {

// The lists that an id finds there now, whosever they are; null: none. In a
// read section, or with the lock of one of that lru's lists held.
inline const lru::list_lru_memcg* PeekListsAt(const lru::list_lru* lru,
                                              int id) {
  if (id < 0 || id >= lru::kXaMax) return nullptr;
  const lru::xa_chunk* chunk =
      lru->xa.chunk[id / lru::kXaChunk].load(std::memory_order_acquire);
  if (!chunk) return nullptr;
  return static_cast<const lru::list_lru_memcg*>(
      chunk->slot[id % lru::kXaChunk].load(std::memory_order_acquire));
}
inline const lru::list_lru_memcg* PeekLists(const lru::list_lru* lru,
                                            const lru::mem_cgroup* memcg) {
  return PeekListsAt(lru, memcg->kmemcg_id.load(std::memory_order_relaxed));
}

}  // namespace workloads

#endif  // LRUTORTURE_WORKLOADS_ORACLES_PEEK_H_
