// shrinker_bit: reclaim looks only where a bit is set, so what is on a list
// whose bit is clear is never seen again.
//
// Bits are set and cleared without a common lock, so nobody can say of a bit
// that is clear now whether it may be. Judged is therefore what a task did by
// itself, from one point of it to the next:
//   an add or a reparent, between finding items and leaving the list's lock:
//   items, their count, the bit, in this order;
//   a shrinker, from SHRINK_EMPTY over the clearing to the second run (S2).
// At rest, when no shrinker is between those two, the bits themselves; and that
// a reclaim clears that of a shrinker which is empty.
//
// Legal on every lru: a set bit without items, until a reclaim comes by; a
// clear one for the root, for an lru without a shrinker, and after the shrinker
// has been unregistered. node-lock: a count that is negative between the
// rewrite of the ids and the splice (N3) lets an add go from -1 to 0 and set
// nothing; the splice that follows sets the bit of the parent, items or not. So
// "the first item" means that nr_items was 0, and a splice owes the bit by
// nr_items too. Linux up to 7.1 sets the bit of the memcg passed in (d8): a
// finding there.
#include <algorithm>
#include <utility>
#include <vector>

#include "harness/flight_recorder.h"
#include "workloads/oracles/peek.h"
#include "workloads/oracles/per_task.h"
#include "workloads/registry.h"
#include "workloads/zeroed.h"

namespace workloads::shrinker_bit_oracle {
namespace {

using lru::fault_point;
using lru::fault_site;

// The bit of one memcg, node and shrinker.
struct Bit {
  uint32_t memcg = 0;  // serial; 0: none
  int nid = -1;
  int shrinker_id = -1;
  bool operator==(const Bit&) const = default;
};

struct Notes {
  // What the add or splice in progress owes.
  Bit owed;
  lru::mem_cgroup* owner = nullptr;  // of owed.memcg; the lock keeps it
  const lru::list_lru_one* gets_items = nullptr;  // the lock keeps it, too
  uint32_t list = 0;                              // its serial
  bool is_set = false;
  bool too_early = false;    // when it was set, the list counted no items
  uint32_t set_instead = 0;  // the memcg that got the very bit
  // The bit that this task is clearing.
  Bit empty;    // the shrinker said so
  Bit cleared;  // and so it was cleared
  bool asked = false;
  bool has_items = false;
  bool restored = false;
};
PerTask<Notes> all_notes;

// Lists, by serial, whose bit was last set on another memcg than their owner.
constexpr uint32_t kLists = 1 << 16;
Zeroed<std::atomic<uint32_t>, kLists> misset;

const lru::list_lru* LruOf(const fault_site& site) {
  return static_cast<const lru::list_lru*>(site.lru.ptr);
}

// `list` is about to have its first items: its owner's bit is due.
void Owe(const fault_site& site, const lru::list_lru_one* list) {
  Notes& notes = all_notes.Mine();
  notes.owed.memcg = 0;
  notes.is_set = notes.too_early = false;
  const lru::list_lru* lru = LruOf(site);
  if (!list || !lru || lru->shrinker_id < 0) return;
  if (!list->owner || !list->owner->css.parent) return;  // the root has none
  notes.owed = {lru::serial_of(list->owner), site.nid, lru->shrinker_id};
  notes.owner = list->owner;
  notes.gets_items = list;
  notes.list = list->serial;
  notes.set_instead = 0;
}

[[gnu::noinline]] void CheckPaid(const fault_site& site, const Notes& notes,
                                 const char* what, const char* instead) {
  const Bit& owed = notes.owed;
  if (notes.set_instead) {
    misset[notes.list % kLists].store(notes.list, std::memory_order_relaxed);
    harness::ReportViolation(
        {.invariant = "shrinker_bit", .memcg = owed.memcg, .what = instead},
        "%s memcg %u (lru %u, nid %d), but the bit of shrinker %d was set on "
        "memcg %u, which does not own the list",
        what, owed.memcg, site.lru.serial, owed.nid, owed.shrinker_id,
        notes.set_instead);
  } else if (!lru::shrinker_bit_is_set(notes.owner, owed.nid,
                                       owed.shrinker_id)) {
    harness::ReportViolation(
        {.invariant = "shrinker_bit", .memcg = owed.memcg, .what = "not set"},
        "%s memcg %u (lru %u, nid %d), but its bit of shrinker %d was not set: "
        "reclaim will not look there",
        what, owed.memcg, site.lru.serial, owed.nid, owed.shrinker_id);
  }
}

// A shrinker that comes in between counts nothing and clears the bit, and its
// second run counts nothing, too.
[[gnu::noinline]] void ReportTooEarly(const fault_site& site, const Bit& owed,
                                      const char* what) {
  harness::ReportViolation(
      {.invariant = "shrinker_bit", .memcg = owed.memcg, .what = "too early"},
      "%s memcg %u (lru %u, nid %d), but its bit of shrinker %d was set before "
      "they were counted: a shrinker in between clears it for ever",
      what, owed.memcg, site.lru.serial, owed.nid, owed.shrinker_id);
}

// `instead`: what it is called when the bit was set on another memcg.
void Settle(const fault_site& site, const char* what, const char* instead) {
  Notes& notes = all_notes.Mine();
  if (!notes.owed.memcg) return;
  if (!notes.is_set) {
    CheckPaid(site, notes, what, instead);
  } else if (notes.too_early) {
    ReportTooEarly(site, notes.owed, what);
  }
  notes.owed.memcg = 0;
}

void OnLinked(fault_point, const fault_site& site) {
  const auto* list = static_cast<const lru::list_lru_one*>(site.list.ptr);
  bool is_first = list && NrItemsOf(list) == 0;
  if (is_first) return Owe(site, list);
  all_notes.Mine().owed.memcg = 0;
}

// The lock is still held, the add complete; of others, nothing is owed.
void OnCountChanged(fault_point, const fault_site& site) {
  Settle(site, "an add gave the first item to", "another's bit");
}

void OnSrcLocked(fault_point, const fault_site& site) {
  const auto* src = static_cast<const lru::list_lru_one*>(site.list.ptr);
  bool has_items = NrItemsOf(src) != 0;
  Owe(site, has_items ? static_cast<const lru::list_lru_one*>(site.dst.ptr)
                      : nullptr);
}

void OnSpliced(fault_point, const fault_site& site) {
  Notes& notes = all_notes.Mine();
  // What came may be no more than what was missing there. (N3)
  if (notes.too_early) notes.too_early = NrItemsOf(notes.gets_items) > 0;
  Settle(site, "a reparent gave items to", "another's bit by reparent");
}

Bit BitOf(const fault_site& site) {
  return {site.memcg.serial, site.nid, static_cast<int>(site.nr)};
}

[[gnu::noinline]] void ReportUnit(const fault_site& site) {
  harness::ReportViolation(
      {.invariant = "shrinker_bit",
       .memcg = site.memcg.serial,
       .what = "another's part"},
      "for shrinker %ld a bit of memcg %u, nid %d was set in a part of its map "
      "that other shrinkers' bits are in",
      site.nr, site.memcg.serial, site.nid);
}

// Units move over when a shrinker_info grows, so any info that is there has it.
void CheckUnit(const fault_site& site) {
  const auto* memcg = static_cast<const lru::mem_cgroup*>(site.memcg.ptr);
  if (!memcg || !site.memory) return;
  const lru::shrinker_info* info =
      memcg->shrinker_info[site.nid].load(std::memory_order_acquire);
  if (info && site.nr < info->map_nr_max &&
      info->unit[site.nr / lru::kShrinkerUnitBits] != site.memory) {
    ReportUnit(site);
  }
}

void OnBitSet(fault_point, const fault_site& site) {
  CheckUnit(site);
  Notes& notes = all_notes.Mine();
  Bit bit = BitOf(site);
  if (notes.cleared == bit) notes.restored = true;
  if (!notes.owed.memcg) return;
  if (notes.owed == bit) {
    notes.is_set = true;
    notes.too_early = NrItemsOf(notes.gets_items) <= 0;
  } else if (bit.nid == notes.owed.nid &&
             bit.shrinker_id == notes.owed.shrinker_id) {
    notes.set_instead = bit.memcg;
  }
}

// --- clear, ask again, restore
// -------------------------------------------------------------------

void CloseClearing() {
  Notes& notes = all_notes.Mine();
  Bit bit = notes.cleared;
  notes.cleared = {};
  if (!bit.memcg) return;
  if (!notes.asked) {
    harness::ReportViolation(
        {.invariant = "shrinker_bit",
         .memcg = bit.memcg,
         .what = "not asked again"},
        "the bit of shrinker %d on memcg %u, nid %d was cleared, and the "
        "shrinker not asked again: an item that came in between is never seen",
        bit.shrinker_id, bit.memcg, bit.nid);
  } else if (notes.has_items && !notes.restored) {
    harness::ReportInvariant(
        "shrinker_bit", bit.memcg,
        "the bit of shrinker %d on memcg %u, nid %d was cleared, the shrinker "
        "then found items, but the bit was not set again",
        bit.shrinker_id, bit.memcg, bit.nid);
  }
}

void OnLookedUp(fault_point, const fault_site&) { CloseClearing(); }

void OnCountedEmpty(fault_point, const fault_site& site) {
  CloseClearing();
  all_notes.Mine().empty = BitOf(site);
}

void OnCleared(fault_point, const fault_site& site) {
  Notes& notes = all_notes.Mine();
  Bit bit = BitOf(site);
  if (notes.empty != bit) {
    harness::ReportInvariant(
        "shrinker_bit", bit.memcg,
        "the bit of shrinker %d on memcg %u, nid %d was cleared although the "
        "shrinker had not said that there is nothing",
        bit.shrinker_id, bit.memcg, bit.nid);
  }
  notes.empty = {};
  notes.cleared = bit;
  notes.asked = notes.has_items = notes.restored = false;
}

void OnCountLoaded(fault_point, const fault_site& site) {
  Notes& notes = all_notes.Mine();
  if (!notes.cleared.memcg) return;
  const lru::list_lru* lru = LruOf(site);
  if (!lru ||
      notes.cleared != Bit{site.memcg.serial, site.nid, lru->shrinker_id}) {
    return;
  }
  notes.asked = true;
  if (site.nr > 0) notes.has_items = true;
}

void OnRescanned(fault_point, const fault_site&) { CloseClearing(); }

void Start(World&) {
  all_notes.Clear();
  misset.Clear();
  harness::Observe(lru::FP_item_linked, OnLinked);
  harness::Observe(lru::FP_count_changed, OnCountChanged);
  harness::Observe(lru::FP_src_locked, OnSrcLocked);
  harness::Observe(lru::FP_node_spliced, OnSpliced);
  harness::Observe(lru::FP_shrinker_bit_set, OnBitSet);
  harness::Observe(lru::FP_shrinker_looked_up, OnLookedUp);
  harness::Observe(lru::FP_shrink_counted_empty, OnCountedEmpty);
  harness::Observe(lru::FP_shrinker_bit_cleared, OnCleared);
  harness::Observe(lru::FP_count_loaded, OnCountLoaded);
  harness::Observe(lru::FP_shrink_rescanned, OnRescanned);
}

// --- at rest
// -------------------------------------------------------------------

struct Rest {
  World& world;
  const lru::list_lru* lru;
};

void VisitList(int nid, lru::list_lru_one* list, void* arg) {
  const Rest& rest = *static_cast<const Rest*>(arg);
  lru::mem_cgroup* owner = list->owner;
  if (!owner || IsEmpty(list)) return;
  if (!rest.world.IsAlive(owner)) return;
  if (lru::shrinker_bit_is_set(owner, nid, rest.lru->shrinker_id)) return;
  bool was_misset = misset[list->serial % kLists].load(
                        std::memory_order_relaxed) == list->serial;
  harness::ReportViolation(
      {.invariant = "shrinker_bit",
       .memcg = lru::serial_of(owner),
       .what = was_misset ? "at rest, another's bit" : "at rest"},
      "at rest list %u of memcg %u has %ld items (lru %u, nid %d), but the bit "
      "of its shrinker %d is clear: reclaim will never look there",
      list->serial, lru::serial_of(owner), NrItemsOf(list), rest.lru->serial,
      nid, rest.lru->shrinker_id);
}

template <class Check>
void ForEachMemcg(World& world, Check check) {
  for (uint32_t i = 0; i < world.nr_memcgs(); i++) {
    lru::mem_cgroup* memcg = world.memcg(i).load(std::memory_order_relaxed);
    if (memcg) check(memcg);
  }
}

// Every lru's shrinker counts in that way for as long as this is there.
class CountAllBy {
 public:
  using Count = decltype(lru::shrinker::count_objects);
  CountAllBy(World& world, Count count) : world_(world) {
    for (uint32_t i = 0; i < world.nr_lrus(); i++) {
      lru::shrinker* shrinker = world.shrinker(i);
      own_.push_back(shrinker ? std::exchange(shrinker->count_objects, count)
                              : nullptr);
    }
  }
  ~CountAllBy() {
    for (uint32_t i = 0; i < own_.size(); i++) {
      if (own_[i]) world_.shrinker(i)->count_objects = own_[i];
    }
  }
  CountAllBy(const CountAllBy&) = delete;
  CountAllBy& operator=(const CountAllBy&) = delete;

 private:
  World& world_;
  std::vector<Count> own_;
};

std::vector<const lru::shrinker*> asked;

// Nothing to do: neither scanned nor cleared.
unsigned long CountAsked(lru::shrinker* shrinker, lru::shrink_control*) {
  asked.push_back(shrinker);
  return 0;
}

void ReportLeftOut(const lru::mem_cgroup* memcg, int nid, int shrinker_id) {
  uint32_t serial = memcg ? lru::serial_of(memcg) : 0;
  harness::ReportViolation(
      {.invariant = "shrinker_bit", .memcg = serial, .what = "left out"},
      "at rest shrink_slab() for memcg %u, nid %d left out shrinker %d, "
      "which has work there",
      serial, nid, shrinker_id);
}

// shrink_slab() asks every shrinker whose bit is set; for the root, every one.
void CheckAsks(World& world, int nid, lru::mem_cgroup* memcg) {
  asked.clear();
  lru::shrink_slab(nid, memcg, lru::kDefPriority);
  for (uint32_t i = 0; i < world.nr_lrus(); i++) {
    const lru::shrinker* shrinker = world.shrinker(i);
    if (!shrinker || !lru::shrinker_is_found(shrinker)) continue;
    if (memcg && !lru::shrinker_bit_is_set(memcg, nid, shrinker->id)) continue;
    if (std::find(asked.begin(), asked.end(), shrinker) != asked.end()) {
      continue;
    }
    ReportLeftOut(memcg, nid, shrinker->id);
  }
}

void CheckFarBit(const lru::shrinker& far, lru::mem_cgroup* memcg, int nid) {
  lru::set_shrinker_bit(memcg, nid, far.id);
  asked.clear();
  lru::shrink_slab(nid, memcg, lru::kDefPriority);
  if (std::find(asked.begin(), asked.end(), &far) == asked.end()) {
    ReportLeftOut(memcg, nid, far.id);
  }
}

void CheckFar(World& world, lru::shrinker* far) {
  far->count_objects = CountAsked;
  lru::shrinker_register(far);
  for (int nid = 0; nid < lru::nr_node_ids; nid++) {
    ForEachMemcg(
        world, [&](lru::mem_cgroup* memcg) { CheckFarBit(*far, memcg, nid); });
  }
}

// Where maps have grown, the shrinkers in their further parts are gone by now:
// one for each part is made that has its bit there, set for every memcg.
void CheckFarParts(World& world) {
  const int size = lru::shrinker_map_size_of_all();
  std::vector<lru::shrinker*> made;
  int next = lru::kShrinkerUnitBits;  // where a part begins that has none yet
  while (next < size) {
    lru::shrinker* far = lru::shrinker_alloc(/*memcg_aware=*/true);
    if (!far) break;
    made.push_back(far);
    if (far->id < next) continue;
    CheckFar(world, far);
    next = (far->id / lru::kShrinkerUnitBits + 1) * lru::kShrinkerUnitBits;
  }
  for (lru::shrinker* shrinker : made) lru::shrinker_free(shrinker);
}

// The bits as they are; shrinkers are asked by us alone now.
void CheckAllAsk(World& world) {
  CountAllBy by_us(world, CountAsked);
  for (uint32_t i = 0; i < world.nr_lrus(); i++) {
    const lru::shrinker* shrinker = world.shrinker(i);
    if (!shrinker || lru::shrinker_is_found(shrinker)) continue;
    harness::ReportViolation(
        {.invariant = "shrinker_bit", .what = "no id"},
        "at rest no bit leads to the shrinker of lru %u, whose id is %d: no "
        "reclaim of a memcg asks it",
        world.lru(i)->serial, shrinker->id);
  }
  for (int nid = 0; nid < lru::nr_node_ids; nid++) {
    CheckAsks(world, nid, nullptr);
    ForEachMemcg(world,
                 [&](lru::mem_cgroup* memcg) { CheckAsks(world, nid, memcg); });
  }
  CheckFarParts(world);
}

// Nothing is to be taken from a list that has items.
unsigned long CountIfEmpty(lru::shrinker* shrinker, lru::shrink_control* sc) {
  auto* lru = static_cast<lru::list_lru*>(shrinker->private_data);
  if (lru::list_lru_shrink_count(lru, sc)) return 0;
  asked.push_back(shrinker);
  return lru::SHRINK_EMPTY;
}

// Who says that he is empty is asked no more: reclaim has cleared his bit. (S2)
void CheckCleared(int nid, lru::mem_cgroup* memcg) {
  asked.clear();
  lru::shrink_slab(nid, memcg, lru::kDefPriority);
  for (const lru::shrinker* shrinker : asked) {
    if (!lru::shrinker_bit_is_set(memcg, nid, shrinker->id)) continue;
    harness::ReportViolation(
        {.invariant = "shrinker_bit",
         .memcg = lru::serial_of(memcg),
         .what = "never cleared"},
        "at rest shrinker %d has told shrink_slab() for memcg %u, nid %d that "
        "it is empty, but its bit is still set: every reclaim will ask it",
        shrinker->id, lru::serial_of(memcg), nid);
  }
}

// Last, for bits do not stay as they are.
void CheckAllCleared(World& world) {
  CountAllBy by_us(world, CountIfEmpty);
  for (int nid = 0; nid < lru::nr_node_ids; nid++) {
    ForEachMemcg(world,
                 [&](lru::mem_cgroup* memcg) { CheckCleared(nid, memcg); });
  }
}

void CheckTotals(World& world) {
  CheckAllAsk(world);
  Rest rest{world, nullptr};
  for (uint32_t i = 0; i < world.nr_lrus(); i++) {
    rest.lru = world.lru(i);
    const lru::shrinker* shrinker = world.shrinker(i);
    if (!shrinker || !lru::shrinker_is_found(shrinker)) continue;
    world.lru_ops().for_each_list(world.lru(i), VisitList, &rest);
  }
  CheckAllCleared(world);
}

LRUTORTURE_REGISTER(RegisterOracle(
    {{"shrinker_bit", "30-33",
      "A memcg's list that has items has its shrinker's bit set: the first "
      "item sets it on the memcg that owns the list, a reparent on the parent, "
      "and who clears it, as he must once it is empty, asks again "
      "afterwards."}},
    {.start = Start, .check_totals = CheckTotals, .after_teardown = nullptr}));

}  // namespace
}  // namespace workloads::shrinker_bit_oracle
