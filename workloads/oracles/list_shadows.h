// Which list an item is on, as the oracles know it: an object keeps the serial
// of the list it was linked to; here is what became of that list since, and
// which lock guards it. A splice costs one word, however many items it moves.
//
// A list's records are written under its lock. They are found by serial and
// taken over by a list that comes 65,536 later: what is then no longer known is
// judged by nobody. Each word carries the serial it is about, so that it is
// taken over as a whole; relaxed is enough.
#ifndef LRUTORTURE_WORKLOADS_ORACLES_LIST_SHADOWS_H_
#define LRUTORTURE_WORKLOADS_ORACLES_LIST_SHADOWS_H_

#include <atomic>
#include <cstdint>

#include "lru/sync/spinlock.h"
#include "workloads/zeroed.h"

namespace workloads {

class ListShadows {
 public:
  void Clear() { records_.Clear(); }

  // The lock that guards it, and the serial of the memcg it belongs to.
  void Learn(uint32_t list, const lru::spinlock_t* lock, uint32_t owner) {
    Record& record = At(list);
    record.owner.store(uint64_t{list} << 32 | owner, std::memory_order_relaxed);
    record.lock.store(uint64_t{list >> 16} << 48 |
                          (reinterpret_cast<uint64_t>(
                               static_cast<const lru::lock_base*>(lock)) &
                           kAddress),
                      std::memory_order_relaxed);
  }
  // Its items are on `dst` from here on, and so is whoever follows.
  void Splice(uint32_t list, uint32_t dst) {
    At(list).next.store(uint64_t{list} << 32 | dst, std::memory_order_relaxed);
  }

  // Where the items linked to `list` are now, and what guards them; list 0: not
  // known. The lock is written last when a record is taken over, and looked at
  // last here.
  struct Place {
    uint32_t list = 0;
    const lru::lock_base* lock = nullptr;
  };
  Place Find(uint32_t list) const {
    for (int hops = 0; list && hops < kHopsMax; hops++) {
      uint64_t next = At(list).next.load(std::memory_order_relaxed);
      if (next >> 32 != list) [[likely]] {
        const lru::lock_base* lock = LockOf(list);
        return lock ? Place{list, lock} : Place{};
      }
      list = static_cast<uint32_t>(next);
    }
    return {};
  }
  uint32_t Resolve(uint32_t list) const { return Find(list).list; }
  // Null: not known.
  const lru::lock_base* LockOf(uint32_t list) const {
    uint64_t word = At(list).lock.load(std::memory_order_relaxed);
    if (word >> 48 != list >> 16) return nullptr;
    return reinterpret_cast<const lru::lock_base*>(word & kAddress);
  }
  // 0: not known.
  uint32_t OwnerOf(uint32_t list) const {
    uint64_t word = At(list).owner.load(std::memory_order_relaxed);
    return word >> 32 == list ? static_cast<uint32_t>(word) : 0;
  }

 private:
  static constexpr uint32_t kLists = 1 << 16;
  static constexpr uint64_t kAddress = (uint64_t{1} << 48) - 1;
  static constexpr int kHopsMax = 256;  // a tree is less deep

  struct Record {
    std::atomic<uint64_t> lock;
    std::atomic<uint64_t> owner;
    std::atomic<uint64_t> next;
  };
  Record& At(uint32_t list) { return records_[list % kLists]; }
  const Record& At(uint32_t list) const { return records_[list % kLists]; }

  Zeroed<Record, kLists> records_;
};

// Kept by lock_identity; walks.cc reads it.
inline ListShadows list_shadows;

}  // namespace workloads

#endif  // LRUTORTURE_WORKLOADS_ORACLES_LIST_SHADOWS_H_
