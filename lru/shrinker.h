// Shrinkers and the per-memcg bitmap that says which of them have work.
//
// From mm/shrinker.c, Linux 6.12.
//
// S1  While a shrinker is registered, a non-empty sublist of a memcg has its
//     bit set; a set bit may be stale until reclaim comes by.
// S2  A bit is cleared only so: the shrinker says SHRINK_EMPTY, clear, full
//     barrier, ask again, set it back when there is something after all.
// S3  A shrinker_info lives from css_online to css_free, and is replaced, not
//     changed, when it grows; its units move over, so no bit is lost.
// S4  At offline a memcg's nr_deferred is added to its parent's.
// Lock order: cgroup_mutex, then shrinker_mutex. Bits are set under RCU alone.
#ifndef LRUTORTURE_LRU_SHRINKER_H_
#define LRUTORTURE_LRU_SHRINKER_H_

#include "lru/memcg.h"
#include "lru/sync/completion.h"

namespace lru {

inline constexpr unsigned long SHRINK_EMPTY = ~0ul - 1;
inline constexpr unsigned long SHRINK_STOP = ~0ul;
inline constexpr int kShrinkersMax = 1024;
inline constexpr int kShrinkerUnitBits = 64;
inline constexpr long kShrinkBatch = 128;  // SHRINK_BATCH
inline constexpr int kDefPriority = 12;

struct shrink_control {
  int nid = 0;
  mem_cgroup* memcg = nullptr;  // null or root: the global lists
  unsigned long nr_to_scan = 0;
  unsigned long nr_scanned = 0;
};

struct shrinker_info_unit {
  std::atomic<u64> map = 0;
  std::atomic<long> nr_deferred[kShrinkerUnitBits] = {};
};

struct shrinker_info {
  rcu_head rcu;
  int map_nr_max = 0;          // bits; a multiple of kShrinkerUnitBits
  shrinker_info_unit* unit[];  // and no more of them than those bits need
};

struct shrinker {
  // 0: nothing; SHRINK_EMPTY: nothing, and the bit may be cleared.
  unsigned long (*count_objects)(shrinker*, shrink_control*) = nullptr;
  unsigned long (*scan_objects)(shrinker*, shrink_control*) = nullptr;
  void* private_data = nullptr;
  int seeks = 2;
  int id = -1;  // -1: not memcg-aware
  // --- own
  std::atomic<s32> refcount = 0;
  completion done;
  rcu_head rcu;
  list_head list;
  std::atomic<long> nr_deferred[kNodesMax] = {};
  u32 serial = 0;
};
inline u32 serial_of(const shrinker* s) { return s->serial; }

// Null: no memory, or kShrinkersMax ids in use. Memcg-aware ones get the
// lowest free id. Its callbacks are set before it is registered.
shrinker* shrinker_alloc(bool memcg_aware);
void shrinker_register(shrinker* s);
// Unregisters (if registered), waits for those who still use it, frees it.
void shrinker_free(shrinker* s);

// 0, or -ENOMEM with nothing left behind. Under cgroup_mutex.
int alloc_shrinker_info(mem_cgroup* memcg);
void free_shrinker_info(mem_cgroup* memcg);
void reparent_shrinker_deferred(mem_cgroup* memcg);

// Null and the root have no bits. memcg is between css_online and css_free.
void set_shrinker_bit(mem_cgroup* memcg, int nid, int shrinker_id);
bool shrinker_bit_is_set(mem_cgroup* memcg, int nid, int shrinker_id);
// For oracles: whether its id leads to s at this moment, without a point.
bool shrinker_is_found(const shrinker* s);
// Whether that id is taken, or still finds a shrinker. At rest: takes no lock.
bool shrinker_id_in_use(int id);
// Whether shrink_slab() still comes by any. At rest, likewise.
bool any_shrinker_listed();
// By a caller who knows that the shrinker_info stays (S3).
long nr_deferred_of(const mem_cgroup* memcg, int nid, int shrinker_id);

// Asks every shrinker (of the memcg, whose bit is set) to free something;
// priority 0 scans most. Returns what was freed. The caller holds a reference
// on memcg. Sleeps.
unsigned long shrink_slab(int nid, mem_cgroup* memcg, int priority);

}  // namespace lru

#endif  // LRUTORTURE_LRU_SHRINKER_H_
