// counts_sane: what the counters say while everything moves.
//
// node-lock: the node's nr_items changes under nlru->lock together with the
// lists, except that a walk takes an isolated item off its count only when the
// callback has returned; so node - list sum is between 0 and the number of
// walks under way. A sublist's own nr_items may be negative between the
// rewrite of the ids and the splice (N3): only the value that count_one
// returns is judged.
// memcg-lock: the node's nr_items is changed under the locks of many lists, so
// it is compared with the lists at rest alone; meanwhile it is never negative
// (where it lags, by more than the operations in flight), and nor is the count
// of a live list whose lock is held.
// Both: what count_node returns was true at some moment of the call, whatever
// moves between lists meanwhile. So it is at least what was on the lists at the
// call without all that has gone since, and at most that with all that has
// come, give or take one operation in flight per task: those have moved an item
// and not yet counted it.
#include "harness/flight_recorder.h"
#include "lru/list_lru.h"
#include "lru/sync/alloc.h"
#include "workloads/oracles/peek.h"
#include "workloads/registry.h"

namespace workloads::counts_oracle {
namespace {

using lru::fault_point;
using lru::fault_site;

using harness::kRelaxed;

// Items that have come to lists of (lru, node), and gone. node-lock: kept under
// the same lock.
struct alignas(64) Ledger {
  std::atomic<long> linked = 0;
  std::atomic<long> unlinked = 0;
  long OnLists() const {
    return linked.load(kRelaxed) - unlinked.load(kRelaxed);
  }
};
Ledger ledgers[kLruIndexes][lru::kNodesMax];
long walks_max = 0;        // tasks that may be inside a callback
long in_flight_max = 0;    // that may be inside any operation
uint64_t objects_max = 0;  // more cannot be on lists

Ledger* LedgerOf(const fault_site& site) {
  int lru = TheWorld().LruIndex(site.lru.serial);
  if (lru < 0 || site.nid < 0) return nullptr;
  return &ledgers[lru][site.nid];
}

void CountUp(std::atomic<long>& counter) {
  if (lru::current_lru_ops().climbs) {
    counter.fetch_add(1, kRelaxed);
    return;
  }
  counter.store(counter.load(kRelaxed) + 1, kRelaxed);
}

void OnLinked(fault_point, const fault_site& site) {
  if (Ledger* ledger = LedgerOf(site)) CountUp(ledger->linked);
}

void OnUnlinked(fault_point, const fault_site& site) {
  if (Ledger* ledger = LedgerOf(site)) CountUp(ledger->unlinked);
}

[[gnu::noinline]] void ReportNegative(const fault_site& site, long nr_items) {
  harness::ReportViolation(
      {.invariant = "counts_sane",
       .memcg = site.memcg.serial,
       .what = "nr_items"},
      "under its lock list %u (lru %u, nid %d) has nr_items %ld, and its node "
      "%ld",
      site.list.serial, site.lru.serial, site.nid, nr_items, site.nr);
}

[[gnu::noinline]] void CheckNotNegative(const fault_site& site) {
  const auto* list = static_cast<const lru::list_lru_one*>(site.list.ptr);
  long nr_items = list ? NrItemsOf(list) : 0;
  long lag = lru::current_lru_ops().node_count_lags ? in_flight_max : 0;
  if (site.nr < -lag || nr_items < 0) ReportNegative(site, nr_items);
}

[[gnu::noinline]] void ReportNode(const fault_site& site, long on_lists) {
  harness::ReportViolation(
      {.invariant = "counts_sane",
       .memcg = site.memcg.serial,
       .what = "nr_items"},
      "node %d of lru %u says nr_items %ld under its lock, but %ld items are "
      "on its lists",
      site.nid, site.lru.serial, site.nr, on_lists);
}

void OnCountChanged(fault_point, const fault_site& site) {
  if (lru::current_lru_ops().climbs) return CheckNotNegative(site);
  Ledger* ledger = LedgerOf(site);
  if (!ledger) return;
  long on_lists = ledger->OnLists();
  if (site.nr < on_lists || site.nr > on_lists + walks_max) {
    ReportNode(site, on_lists);
  }
}

void OnCountLoaded(fault_point, const fault_site& site) {
  if (TaskNotes* notes = CurrentNotes()) notes->count_read = site.nr;
  if (site.nr <= static_cast<long>(objects_max)) return;
  harness::ReportViolation(
      {.invariant = "counts_sane",
       .memcg = site.memcg.serial,
       .what = "count_one"},
      "count_one of lru %u, node %d read %ld items; there never were so many",
      site.lru.serial, site.nid, site.nr);
}

// What the caller sees, not what was read: a negative count is a huge one. None
// is told as 0, as is that of a list which is not there.
unsigned long CountOne(lru::list_lru* lru, int nid, lru::mem_cgroup* memcg) {
  TaskNotes* notes = CurrentNotes();
  if (notes) notes->count_read.reset();
  unsigned long count = UnwatchedOps().list_lru_count_one(lru, nid, memcg);
  if (notes && notes->count_read &&
      static_cast<long>(count) != std::max(*notes->count_read, 0l) &&
      count <= objects_max) {
    harness::ReportViolation(
        {.invariant = "counts_sane",
         .memcg = memcg ? lru::serial_of(memcg) : 0,
         .what = "count_one"},
        "count_one of lru %u, node %d returned %lu items, but had read %ld",
        lru->serial, nid, count, *notes->count_read);
  }
  if (count > objects_max) {
    harness::ReportViolation(
        {.invariant = "counts_sane",
         .memcg = memcg ? lru::serial_of(memcg) : 0,
         .what = "count_one"},
        "count_one of lru %u, node %d returned %lu items; there never were so "
        "many",
        lru->serial, nid, count);
  }
  return count;
}

// The compiler keeps loads before loads; x86 does by itself.
void KeepOrder() { std::atomic_signal_fence(std::memory_order_seq_cst); }

unsigned long CountNode(lru::list_lru* lru, int nid) {
  int index = TheWorld().LruIndex(lru->serial);
  const Ledger* ledger = index < 0 ? nullptr : &ledgers[index][nid];
  long linked = ledger ? ledger->linked.load(kRelaxed) : 0;
  long unlinked = ledger ? ledger->unlinked.load(kRelaxed) : 0;
  KeepOrder();
  unsigned long count = UnwatchedOps().list_lru_count_node(lru, nid);
  KeepOrder();
  if (count > objects_max) {
    bool lags = lru::current_lru_ops().node_count_lags &&
                static_cast<long>(count) < 0 &&
                static_cast<long>(count) >= -in_flight_max;
    harness::ReportViolation(
        {.invariant = "counts_sane",
         .what = lags ? "count_node, negative for a while" : "count_node"},
        "count_node of lru %u, node %d returned %lu items; there never were so "
        "many",
        lru->serial, nid, count);
    return count;
  }
  if (!ledger) return count;
  long least = linked - ledger->unlinked.load(kRelaxed) - in_flight_max;
  long most = ledger->linked.load(kRelaxed) - unlinked + in_flight_max;
  auto items = static_cast<long>(count);
  if (items >= least && items <= most) return count;
  // Once the recorder is frozen nobody keeps the ledger.
  if (!lru::armed(lru::ARMED_HOOK) || harness::Latched()) return count;
  harness::ReportViolation(
      {.invariant = "counts_sane", .what = "count_node"},
      "count_node of lru %u, node %d returned %ld items, but at no moment of "
      "the call were fewer than %ld or more than %ld on its lists",
      lru->serial, nid, items, least, most);
  return count;
}

void Watch(lru::list_lru_ops& ops) {
  ops.list_lru_count_one = CountOne;
  ops.list_lru_count_node = CountNode;
}

void Forget(uint32_t lru, bool) {
  for (Ledger& ledger : ledgers[lru]) {
    ledger.linked.store(0, kRelaxed);
    ledger.unlinked.store(0, kRelaxed);
  }
}

void Start(World& world) {
  for (uint32_t lru = 0; lru < kLruIndexes; lru++) Forget(lru, false);
  walks_max = 0;
  for (const harness::ActorSpec& spec : world.config().actors) {
    walks_max += spec.count;
  }
  in_flight_max = walks_max + 2;  // main, and callbacks that free objects
  objects_max = world.ObjectsMax();
  harness::Observe(lru::FP_item_linked, OnLinked);
  harness::Observe(lru::FP_item_unlinked, OnUnlinked);
  harness::Observe(lru::FP_count_changed, OnCountChanged);
  harness::Observe(lru::FP_count_loaded, OnCountLoaded);
}

struct Context {
  World* world;
  uint32_t lru_serial;
};

void VisitList(int nid, lru::list_lru_one* list, void* arg) {
  const auto& context = *static_cast<const Context*>(arg);
  long nr_items = NrItemsOf(list);
  if (nr_items >= 0) return;
  harness::ReportInvariant("counts_sane", 0,
                           "at rest list %u (lru %u, nid %d) has nr_items %ld",
                           list->serial, context.lru_serial, nid, nr_items);
}

void CheckTotals(World& world) {
  for (uint32_t i = 0; i < world.nr_lrus(); i++) {
    lru::list_lru* lru = world.lru(i);
    Context context{&world, lru->serial};
    world.lru_ops().for_each_list(lru, VisitList, &context);
    for (uint32_t nid = 0; nid < world.nids(); nid++) {
      unsigned long count =
          world.lru_ops().list_lru_count_node(lru, static_cast<int>(nid));
      long on_lists = ledgers[i][nid].OnLists();
      if (static_cast<long>(count) == on_lists) continue;
      harness::ReportInvariant(
          "counts_sane", 0,
          "at rest count_node of lru %u, node %u says %ld, but %ld items are "
          "on its lists",
          lru->serial, nid, static_cast<long>(count), on_lists);
    }
  }
}

LRUTORTURE_REGISTER(RegisterOracle(
    {{"counts_sane", "11, 12, 14",
      "No count is negative or huge; the node's nr_items follows its lists, "
      "up to operations in flight; at rest every count is exact."}},
    {.start = Start,
     .check_totals = CheckTotals,
     .after_teardown = nullptr,
     .watch = Watch,
     .lru_created = Forget}));

}  // namespace
}  // namespace workloads::counts_oracle
