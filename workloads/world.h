// The world of one run: the lrus, the tree of memcgs that keeps being torn
// down and rebuilt, the objects. Actors meet here; there is one per process.
//
// Between start and stop everything in it is read-only, RCU-protected or a
// relaxed atomic.
#ifndef LRUTORTURE_WORKLOADS_WORLD_H_
#define LRUTORTURE_WORKLOADS_WORLD_H_

#include <memory>
#include <string>
#include <vector>

#include "harness/config.h"
#include "harness/plan.h"
#include "workloads/workload_ops.h"

namespace workloads {

// One list_lru under torture and its shrinker.
struct Lru {
  lru::list_lru list_lru;
  lru::shrinker* shrinker = nullptr;
};

// Oracles keep what they know of an lru in an array of so many: those of the
// topology (64 at most) and those that come and go.
inline constexpr int kLruIndexes = 96;

class World {
 public:
  // Which versions of the steps this run uses.
  struct Parts {
    const lru::list_lru_ops* lru_ops;
    const lru::teardown_steps* steps;
    const WorkloadOps* ops;
  };

  World(const harness::Config& config, const Parts& parts);
  ~World() = default;
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  const harness::Config& config() const { return config_; }
  const WorkloadOps& ops() const {
    return *ops_.load(std::memory_order_relaxed);
  }
  const lru::list_lru_ops& lru_ops() const { return lru::current_lru_ops(); }
  // In the middle of a run: what is in progress ends as it began.
  void Replace(const Parts& parts);
  // Whether the next memcg may get an id at once (d7).
  bool IdsGoAtOffline() const {
    return config_.model.id_release == harness::IdRelease::kOffline;
  }
  uint32_t nids() const { return config_.topology.nids; }
  // Those that live as long as the world.
  uint32_t nr_lrus() const { return config_.topology.lrus; }
  lru::list_lru* lru(uint32_t index) { return &lrus_[index]->list_lru; }
  lru::shrinker* shrinker(uint32_t index) { return lrus_[index]->shrinker; }
  // Dense, below kLruIndexes: what oracles index by, since serials go on and
  // on. -1: no living lru has that serial, or too many come and go.
  int LruIndex(uint32_t serial) const {
    uint32_t index = serial - first_lru_;
    if (index < nr_lrus()) [[likely]]
      return static_cast<int>(index);
    return PassingLruIndex(serial);
  }
  // The other way round; 0: none lives there now.
  int nr_lru_indexes() const { return nr_indexes_; }
  uint32_t LruSerial(int index) const {
    auto at = static_cast<uint32_t>(index);
    if (at < nr_lrus()) return first_lru_ + at;
    return passing_[at - nr_lrus()].load(std::memory_order_relaxed);
  }

  // --- lrus that come and go; each index belongs to one task
  // -------------------------------------------------------------
  // Before the first actor starts.
  uint32_t ReserveLru();
  // An lru and its shrinker, registered. False: no memory, nothing left.
  bool CreateLru(uint32_t index, bool memcg_aware);
  // As a file system goes: first its shrinker, so that nobody else uses the
  // lru; then its objects, which is up to the caller; then the lru. A shrinker
  // that its id does not find is a shrinker_bit.
  void FreeShrinker(uint32_t index);
  void DestroyLru(uint32_t index);

  // --- memcgs: index -> the one alive there now
  // -------------------------------
  uint32_t nr_memcgs() const { return config_.topology.memcgs; }
  std::atomic<lru::mem_cgroup*>& memcg(uint32_t index) {
    return memcgs_[index];
  }
  // Index of the parent, or nr_memcgs() for the root.
  uint32_t ParentIndex(uint32_t index) const;
  // Whether it is one of these; the root (null) is alive always. Known by
  // address alone: its memory may be gone. At rest only.
  bool IsAlive(const lru::mem_cgroup* memcg) const {
    if (!memcg) return true;
    for (const auto& alive : memcgs_) {
      if (alive.load(std::memory_order_relaxed) == memcg) return true;
    }
    return false;
  }
  // Of the one alive there now; 0: none.
  uint32_t SerialAt(uint32_t index);
  // Objects charged there since it was created: of the memcg below it, itself
  // included, that has fewest. Relaxed: a hint, not a count.
  uint64_t UsesOf(uint32_t index) const;
  void NoteUse(uint32_t index) {
    uses_[index].store(uses_[index].load(std::memory_order_relaxed) + 1,
                       std::memory_order_relaxed);
  }
  // With a reference, online at the time; null when there is none.
  lru::mem_cgroup* GetMemcg(uint32_t index);
  // Takes the memcg of an index, and those below it, down: children first.
  void DestroySubtree(uint32_t index);
  // Fills the empty indexes from the top. False: nothing could be created.
  bool CreateMissing();
  // Destructions that have begun and not ended, roughly, but for those that a
  // pin may be holding up.
  uint64_t InFlight() const;
  // A memcg is kept from being freed, and all above it, by one pin more or
  // less.
  void NotePins(int delta) {
    pins_.fetch_add(delta, std::memory_order_relaxed);
  }

  // --- objects
  // ------------------------------------------------------------------
  uint32_t nr_shared() const { return config_.topology.objects; }
  std::atomic<Object*>& shared(uint32_t index) { return shared_[index]; }
  // What is there, fit for use until PutShared(); null: nothing. RCU is held
  // from here to there.
  Object* GetShared(uint32_t index);
  void PutShared(Object* object);
  // False, and the object freed: there is one already.
  bool PublishShared(uint32_t index, Object* object);
  // The own objects of one task; null where there is none.
  std::vector<Object*>& NewOwnObjects();
  lru::kmem_cache* cache() { return cache_; }
  // No other task can reach it: off its list, and freed.
  void FreeObject(Object* object);
  // Out of the shared array; freed when no reader has it, or, where slabs are
  // never reused, when no reader can have it.
  void RetireShared(uint32_t index);
  template <class F>
  void ForEachObject(F visit) {
    for (auto& slot : shared_) {
      if (Object* object = slot.load(std::memory_order_relaxed)) visit(object);
    }
    for (auto& own : own_) {
      for (Object* object : *own) {
        if (object) visit(object);
      }
    }
  }
  // Live objects there can be at most, those waiting for RCU left out.
  uint64_t ObjectsMax() const;

  // As an allocation does that finds no memory: shrinks one memcg, or all of
  // them, in the calling task. Holds nothing when it returns; sleeps.
  void Reclaim(harness::Prng& prng);
  // shrink_slab(), whose sum is to be that of the scans it has made.
  unsigned long ShrinkSlab(int nid, lru::mem_cgroup* memcg, int priority);
  // True when no destruction is under way. Sleeps for grace periods.
  bool Settle();
  // Frees and destroys everything; afterwards live_allocs() must all be 0.
  void TearDown();

 private:
  void Populate();
  bool recycles() const {
    return config_.topology.slab_reuse != harness::SlabReuse::kNever;
  }
  bool InitLru(Lru& entry, bool memcg_aware);
  int PassingLruIndex(uint32_t serial) const;
  bool Fill(uint32_t index);
  lru::mem_cgroup* CreateAt(uint32_t index);
  lru::mem_cgroup* GetNextOfRound(int nid);
  bool ClaimAndDestroy(uint32_t index);

  harness::Config config_;
  std::atomic<const WorkloadOps*> ops_;
  std::vector<std::unique_ptr<Lru>> lrus_;
  uint32_t first_lru_ = 1;                      // serial of lrus_[0]
  std::vector<std::atomic<uint32_t>> passing_;  // serials of the others, or 0
  int nr_indexes_ = 0;
  std::vector<std::atomic<lru::mem_cgroup*>> memcgs_;
  std::vector<std::atomic<uint64_t>> uses_;
  std::vector<std::atomic<uint32_t>> filling_;
  std::vector<std::atomic<Object*>> shared_;
  std::vector<std::unique_ptr<std::vector<Object*>>> own_;
  lru::kmem_cache* cache_ = nullptr;
  std::atomic<uint64_t> begun_ = 0;
  uint64_t teardowns_before_ = 0;  // of other worlds, in this process
  std::atomic<int> pins_ = 0;
};

// The one of this process; callbacks of lru/ have no other way to it.
namespace detail {
extern World* the_world;
}
inline World& TheWorld() { return *detail::the_world; }

}  // namespace workloads

#endif  // LRUTORTURE_WORKLOADS_WORLD_H_
