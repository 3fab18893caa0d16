// Whose objects are found by whom, once a memcg's objcgs are its parent's: by
// serials, for memcgs may be gone by then. Of those that share a place the
// youngest is remembered; an older one is believed.
#ifndef LRUTORTURE_WORKLOADS_ORACLES_LINEAGE_H_
#define LRUTORTURE_WORKLOADS_ORACLES_LINEAGE_H_

#include <atomic>
#include <cstdint>

#include "workloads/zeroed.h"

namespace workloads {

class Lineage {
 public:
  void Clear() { heirs_.Clear(); }

  // Before any objcg of memcg names its parent; one at a time.
  void Note(uint32_t memcg, uint32_t parent) {
    std::atomic<uint64_t>& heir = heirs_[memcg % kMemcgs];
    if (heir.load(std::memory_order_relaxed) >> 32 > memcg) return;
    heir.store(uint64_t{memcg} << 32 | parent, std::memory_order_relaxed);
  }

  // May what was charged to memcg be found by `heir`?
  bool MayBeHeir(uint32_t heir, uint32_t memcg) const {
    while (memcg && memcg != heir) {
      uint64_t word = heirs_[memcg % kMemcgs].load(std::memory_order_relaxed);
      if (word >> 32 > memcg) return true;   // not known any more
      if (word >> 32 < memcg) return false;  // still its own
      memcg = static_cast<uint32_t>(word);
    }
    return memcg == heir;
  }

 private:
  static constexpr uint32_t kMemcgs = 1 << 14;
  Zeroed<std::atomic<uint64_t>, kMemcgs> heirs_;
};

}  // namespace workloads

#endif  // LRUTORTURE_WORKLOADS_ORACLES_LINEAGE_H_
