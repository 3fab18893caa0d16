// What has become of the sublists of each memcg on each lru, for the oracle of
// reparenting: which nodes' lists may hold items, and how far their memory has
// come.
//
// Found by memcg and lru; a memcg that comes to share its place with an older
// one takes it over, and the older one is judged no more. An lru is named by
// its index in the world, which another one may have after it. Which lists hold
// items changes under the list's lock, by plain stores: an add or del that sets
// it must cost little. How far the memory has come is one word per (memcg,
// lru), so that it changes as a whole; relaxed is enough.
#ifndef LRUTORTURE_WORKLOADS_ORACLES_DRAIN_WORDS_H_
#define LRUTORTURE_WORKLOADS_ORACLES_DRAIN_WORDS_H_

#include <atomic>
#include <cstdint>

#include "workloads/world.h"
#include "workloads/zeroed.h"

namespace workloads {

class DrainWords {
 public:
  enum Flag : uint32_t { kDrained, kErased };

  void Clear() {
    words_.Clear();
    holders_.Clear();
    nids_ = lru::nr_node_ids;
  }
  void Forget(int lru) {
    for (Word& word : words_[lru]) word.store(0, std::memory_order_relaxed);
    for (int nid = 0; nid < lru::nr_node_ids; nid++) {
      for (auto& holder : holders_[lru * nids_ + nid]) {
        holder.store(0, std::memory_order_relaxed);
      }
    }
  }

  // All three under the list's lock.
  void Used(uint32_t memcg, int lru, int nid) {
    if (!memcg || lru < 0 || nid < 0) return;
    Word& word = words_[lru][memcg % kMemcgs];
    if (!IsOf(word.load(std::memory_order_relaxed), memcg)) {
      word.store(uint64_t{memcg} << 32, std::memory_order_relaxed);
    }
    HolderAt(memcg, lru, nid).store(memcg, std::memory_order_relaxed);
  }
  void Emptied(uint32_t memcg, int lru, int nid) {
    if (!MayHoldItems(memcg, lru, nid)) return;
    HolderAt(memcg, lru, nid).store(0, std::memory_order_relaxed);
  }
  void Spliced(uint32_t memcg, int lru, int nid) { Emptied(memcg, lru, nid); }

  bool MayHoldItems(uint32_t memcg, int lru, int nid) const {
    return memcg && lru >= 0 && nid >= 0 &&
           HolderAt(memcg, lru, nid).load(std::memory_order_relaxed) == memcg;
  }
  // A node whose list may hold items and has not been spliced; -1: none known.
  int NotSpliced(uint32_t memcg, int lru) const {
    for (int nid = 0; nid < lru::nr_node_ids; nid++) {
      if (MayHoldItems(memcg, lru, nid)) return nid;
    }
    return -1;
  }

  // Of those that have ever been used.
  void Reach(uint32_t memcg, int lru, Flag flag) {
    if (!memcg || lru < 0) return;
    Word& word = words_[lru][memcg % kMemcgs];
    uint64_t old = word.load(std::memory_order_relaxed);
    while (IsOf(old, memcg) &&
           !word.compare_exchange_weak(old, old | uint64_t{1} << flag,
                                       std::memory_order_relaxed)) {
    }
  }
  // True also when nothing is known.
  bool MayHaveReached(uint32_t memcg, int lru, Flag flag) const {
    if (!memcg || lru < 0) return true;
    uint64_t word =
        words_[lru][memcg % kMemcgs].load(std::memory_order_relaxed);
    return !IsOf(word, memcg) || (word >> flag & 1);
  }

 private:
  using Word = std::atomic<uint64_t>;
  static constexpr uint32_t kMemcgs = 2048;

  static bool IsOf(uint64_t word, uint32_t memcg) {
    return word >> 32 == memcg;
  }
  std::atomic<uint32_t>& HolderAt(uint32_t memcg, int lru, int nid) {
    return holders_[lru * nids_ + nid][memcg % kMemcgs];
  }
  const std::atomic<uint32_t>& HolderAt(uint32_t memcg, int lru,
                                        int nid) const {
    return holders_[lru * nids_ + nid][memcg % kMemcgs];
  }

  Zeroed<Word[kMemcgs], kLruIndexes> words_;
  // By lru and node: serials of memcgs whose list there may hold items.
  Zeroed<std::atomic<uint32_t>[kMemcgs], kLruIndexes * lru::kNodesMax> holders_;
  int nids_ = 1;
};

}  // namespace workloads

#endif  // LRUTORTURE_WORKLOADS_ORACLES_DRAIN_WORDS_H_
