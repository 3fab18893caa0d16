// Who descends from whom, by serials: memcgs may be gone by then. What the
// table no longer knows is believed.
#ifndef LRUTORTURE_WORKLOADS_ORACLES_LINEAGE_H_
#define LRUTORTURE_WORKLOADS_ORACLES_LINEAGE_H_

#include <atomic>
#include <cstdint>

#include "workloads/zeroed.h"

namespace workloads {

class Lineage {
 public:
  void Clear() { parents_.Clear(); }

  // The root's parent is 0.
  void Note(uint32_t memcg, uint32_t parent) {
    parents_[memcg % kMemcgs].store(uint64_t{memcg} << 32 | parent,
                                    std::memory_order_relaxed);
  }

  // Is it memcg itself, or an ancestor of it?
  bool MayBeHeir(uint32_t heir, uint32_t memcg) const {
    while (memcg && memcg != heir) {
      uint64_t word = parents_[memcg % kMemcgs].load(std::memory_order_relaxed);
      if (word >> 32 != memcg) return true;  // not known any more
      memcg = static_cast<uint32_t>(word);
    }
    return memcg == heir;
  }

 private:
  static constexpr uint32_t kMemcgs = 1 << 14;
  Zeroed<std::atomic<uint64_t>, kMemcgs> parents_;
};

}  // namespace workloads

#endif  // LRUTORTURE_WORKLOADS_ORACLES_LINEAGE_H_
