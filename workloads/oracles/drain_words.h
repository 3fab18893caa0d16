// What has become of the sublists of each memcg on each lru, for the oracle of
// reparenting: which nodes' lists may hold items, which have been spliced, and
// how far their memory has come.
//
// One word per (memcg, lru), so that it changes as a whole; a memcg that comes
// to share it with an older one takes it over, and the older one is judged no
// more. An lru is named by its index in the world, which another one may have
// after it. "Used" is set under the list's lock by whoever found the list,
// hence before its splice; relaxed is enough.
#ifndef LRUTORTURE_WORKLOADS_ORACLES_DRAIN_WORDS_H_
#define LRUTORTURE_WORKLOADS_ORACLES_DRAIN_WORDS_H_

#include <atomic>
#include <bit>
#include <cstdint>

#include "workloads/world.h"
#include "workloads/zeroed.h"

namespace workloads {

class DrainWords {
 public:
  enum Flag : uint32_t { kDrained = 32, kErased = 33 };

  void Clear() { words_.Clear(); }
  void Forget(int lru) {
    for (Word& word : words_[lru]) word.store(0, std::memory_order_relaxed);
  }

  void Used(uint32_t memcg, int lru, int nid) {
    Word* word = At(memcg, lru);
    if (!word || nid < 0) return;
    uint64_t bit = uint64_t{1} << nid;
    uint64_t old = word->load(std::memory_order_relaxed);
    for (;;) {
      if (IsOf(old, memcg) && (old & bit)) return;
      uint64_t next = IsOf(old, memcg) ? old | bit : Tag(memcg) | bit;
      if (word->compare_exchange_weak(old, next, std::memory_order_relaxed)) {
        return;
      }
    }
  }
  // Under the list's lock, too.
  void Emptied(uint32_t memcg, int lru, int nid) {
    Word* word = At(memcg, lru);
    if (!word || nid < 0) return;
    uint64_t bit = uint64_t{1} << nid;
    uint64_t old = word->load(std::memory_order_relaxed);
    while (IsOf(old, memcg) && (old & bit) &&
           !word->compare_exchange_weak(old, old & ~bit,
                                        std::memory_order_relaxed)) {
    }
  }
  void Spliced(uint32_t memcg, int lru, int nid) {
    if (nid >= 0) SetOwn(memcg, lru, uint64_t{1} << (kNids + nid));
  }
  void Reach(uint32_t memcg, int lru, Flag flag) {
    SetOwn(memcg, lru, uint64_t{1} << flag);
  }

  // A node whose list may hold items and has not been spliced; -1: none known.
  int NotSpliced(uint32_t memcg, int lru) const {
    uint64_t word = Load(memcg, lru);
    uint64_t left = word & ~(word >> kNids) & ((uint64_t{1} << kNids) - 1);
    return left ? std::countr_zero(left) : -1;
  }
  bool MayHoldItems(uint32_t memcg, int lru, int nid) const {
    uint64_t word = Load(memcg, lru);
    return nid >= 0 && (word >> nid & 1) && !(word >> (kNids + nid) & 1);
  }
  // True also when nothing is known.
  bool MayHaveReached(uint32_t memcg, int lru, Flag flag) const {
    uint64_t word = Load(memcg, lru);
    return !word || (word >> flag & 1);
  }

 private:
  using Word = std::atomic<uint64_t>;
  static constexpr int kNids = 16;
  static_assert(lru::kNodesMax <= kNids);
  static constexpr uint32_t kMemcgs = 2048;

  static uint64_t Tag(uint32_t memcg) { return uint64_t{memcg} << 40; }
  static bool IsOf(uint64_t word, uint32_t memcg) {
    return word >> 40 == Tag(memcg) >> 40;
  }
  Word* At(uint32_t memcg, int lru) {
    if (!memcg || lru < 0) return nullptr;
    return &words_[lru][memcg % kMemcgs];
  }
  // 0 when the word is not that memcg's.
  uint64_t Load(uint32_t memcg, int lru) const {
    const Word* word = const_cast<DrainWords*>(this)->At(memcg, lru);
    if (!word) return 0;
    uint64_t value = word->load(std::memory_order_relaxed);
    return IsOf(value, memcg) ? value : 0;
  }
  void SetOwn(uint32_t memcg, int lru, uint64_t bit) {
    Word* word = At(memcg, lru);
    if (!word) return;
    uint64_t old = word->load(std::memory_order_relaxed);
    while (IsOf(old, memcg) && !word->compare_exchange_weak(
                                   old, old | bit, std::memory_order_relaxed)) {
    }
  }

  Zeroed<Word[kMemcgs], kLruIndexes> words_;
};

}  // namespace workloads

#endif  // LRUTORTURE_WORKLOADS_ORACLES_DRAIN_WORDS_H_
