// deferred_conserved: work that a shrinker has put off is neither lost nor done
// twice. A ledger for each (memcg, nid, shrinker id) says what its nr_deferred
// must be: what was added less what was taken, and what a dying child had.
//
// Judged when nobody can change it any more: of a memcg that dies at css_free,
// when every reference and every reader is gone, and of the others at rest.
//
// Legal on every lru: offline reads the child's value and does not take it, so
// both keep it; a shrinker that still holds a reference may change the child's
// after that, and what it adds is lost, what it takes is there twice. So what
// the parent inherited is compared only when nothing has been added to or
// taken from the child since its offline began.
#include "harness/flight_recorder.h"
#include "lru/shrinker.h"
#include "workloads/registry.h"
#include "workloads/zeroed.h"

namespace workloads::deferred_oracle {
namespace {

using lru::fault_point;
using lru::fault_site;

// A number of one memcg's: it changes as a whole, and a younger memcg that
// comes to share the word takes it over; the older one is judged no more.
// Arithmetic is modulo 2^32, as is the comparison.
class Number {
 public:
  void Add(uint32_t memcg, uint32_t delta) {
    uint64_t old = word_.load(std::memory_order_relaxed);
    uint64_t next;
    do {
      if (old >> 32 > memcg) return;
      uint32_t value = old >> 32 == memcg ? static_cast<uint32_t>(old) : 0;
      next = uint64_t{memcg} << 32 | static_cast<uint32_t>(value + delta);
    } while (
        !word_.compare_exchange_weak(old, next, std::memory_order_relaxed));
  }
  // False: a younger one has it. One that was never written is 0.
  bool Get(uint32_t memcg, uint32_t* value) const {
    uint64_t word = word_.load(std::memory_order_relaxed);
    *value = word >> 32 == memcg ? static_cast<uint32_t>(word) : 0;
    return word >> 32 <= memcg;
  }

 private:
  std::atomic<uint64_t> word_;
};

struct Slot {
  Number value;       // added less taken, inherited included
  Number inherited;   // what the parent got at offline
  Number changes;     // additions and takings, counted after the fact
  Number at_offline;  // `changes` when offline began, and 1
};

constexpr uint32_t kMemcgs = 1024;
constexpr int kShrinkers = 64;  // ids above are not judged
// [memcg][nid][id], the root's first.
Zeroed<Slot, size_t{kMemcgs + 1} * lru::kNodesMax * kShrinkers> slots;
int nr_nids = 0;
uint32_t root_serial = 0;
std::atomic<int> nr_ids = 0;  // ids seen, and 1

Slot& SlotOf(uint32_t memcg, int nid, int id) {
  uint32_t row = memcg == root_serial ? 0 : 1 + memcg % kMemcgs;
  return slots[(static_cast<size_t>(row) * nr_nids + nid) * kShrinkers + id];
}

template <class F>
void ForEachSlot(uint32_t memcg, F visit) {
  int ids = nr_ids.load(std::memory_order_relaxed);
  for (int nid = 0; nid < nr_nids; nid++) {
    for (int id = 0; id < ids; id++) visit(SlotOf(memcg, nid, id), nid, id);
  }
}

void OnChanged(fault_point, const fault_site& site) {
  int id = site.shrinker_id;
  // Without a memcg it is the shrinker's own number.
  if (!site.memcg.serial || id < 0 || id >= kShrinkers) return;
  int seen = nr_ids.load(std::memory_order_relaxed);
  while (id >= seen && !nr_ids.compare_exchange_weak(
                           seen, id + 1, std::memory_order_relaxed)) {
  }
  auto delta = static_cast<uint32_t>(site.nr);
  Slot& slot = SlotOf(site.memcg.serial, site.nid, id);
  if (site.parent.serial) {
    slot.inherited.Add(site.memcg.serial, delta);
    SlotOf(site.parent.serial, site.nid, id)
        .value.Add(site.parent.serial, delta);
    return;
  }
  slot.value.Add(site.memcg.serial, delta);
  slot.changes.Add(site.memcg.serial, 1);
}

void OnOfflineBegin(fault_point, const fault_site& site) {
  uint32_t memcg = site.memcg.serial;
  ForEachSlot(memcg, [memcg](Slot& slot, int, int) {
    uint32_t changes;
    if (!slot.changes.Get(memcg, &changes)) return;
    slot.at_offline.Add(memcg, changes + 1);
  });
}

void CheckValue(const lru::mem_cgroup* memcg, const Slot& slot, int nid, int id,
                const char* when) {
  uint32_t serial = lru::serial_of(memcg);
  uint32_t expected;
  if (!slot.value.Get(serial, &expected)) return;
  long actual = lru::nr_deferred_of(memcg, nid, id);
  if (static_cast<uint32_t>(actual) == expected) return;
  harness::ReportViolation(
      {.invariant = "deferred_conserved", .memcg = serial, .what = "ledger"},
      "%s memcg %u has %ld objects deferred for shrinker %d on node %d, but %d "
      "were added and not taken",
      when, serial, actual, id, nid, static_cast<int>(expected));
}

void CheckInherited(const lru::mem_cgroup* memcg, const Slot& slot, int nid,
                    int id) {
  uint32_t serial = lru::serial_of(memcg);
  uint32_t value, inherited, changes, at_offline;
  if (!slot.value.Get(serial, &value) || !slot.changes.Get(serial, &changes) ||
      !slot.inherited.Get(serial, &inherited) ||
      !slot.at_offline.Get(serial, &at_offline)) {
    return;
  }
  // Never went offline, or changed meanwhile: some of it may be lost.
  if (at_offline != changes + 1 || inherited == value) return;
  harness::ReportViolation(
      {.invariant = "deferred_conserved",
       .memcg = serial,
       .what = "inheritance"},
      "memcg %u had %d objects deferred for shrinker %d on node %d when it "
      "went offline, but its parent %u inherited %d",
      serial, static_cast<int>(value), id, nid,
      lru::serial_of(lru::parent_mem_cgroup(memcg)),
      static_cast<int>(inherited));
}

void OnFree(fault_point, const fault_site& site) {
  const auto* memcg = static_cast<const lru::mem_cgroup*>(site.memcg.ptr);
  if (!memcg) return;
  ForEachSlot(site.memcg.serial, [memcg](const Slot& slot, int nid, int id) {
    CheckValue(memcg, slot, nid, id, "when it was freed");
    CheckInherited(memcg, slot, nid, id);
  });
}

void Start(World& world) {
  nr_nids = static_cast<int>(world.nids());
  nr_ids = 0;
  root_serial = lru::serial_of(lru::root_mem_cgroup);
  slots.Clear();
  harness::Observe(lru::FP_nr_deferred_changed, OnChanged);
  harness::Observe(lru::FP_offline_begin, OnOfflineBegin);
  harness::Observe(lru::FP_css_free, OnFree);
}

void CheckTotals(World& world) {
  auto check = [](const lru::mem_cgroup* memcg) {
    ForEachSlot(lru::serial_of(memcg),
                [memcg](const Slot& slot, int nid, int id) {
                  CheckValue(memcg, slot, nid, id, "at rest");
                });
  };
  check(lru::root_mem_cgroup);
  for (uint32_t i = 0; i < world.nr_memcgs(); i++) {
    if (const lru::mem_cgroup* memcg =
            world.memcg(i).load(std::memory_order_relaxed)) {
      check(memcg);
    }
  }
}

LRUTORTURE_REGISTER(RegisterOracle(
    {{"deferred_conserved", "35",
      "A shrinker's deferred work on a memcg is what was added less what was "
      "taken; at offline the parent inherits it once."}},
    {.start = Start, .check_totals = CheckTotals, .after_teardown = nullptr}));

}  // namespace
}  // namespace workloads::deferred_oracle
