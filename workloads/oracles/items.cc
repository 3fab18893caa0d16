// items_conserved and item_state: every item is on exactly one list or on
// none, add and del say truly what they did, and at rest nothing is lost.
//
// Legal on every lru. An item's state changes under the list's lock only, so
// the oracle looks at item_linked and item_unlinked, where it is held: a
// counter updated after the call has returned would go wrong on correct code.
// A second isolation of an item is single_isolation's (walks.cc), said here.
// A retired object may still be on a list until its grace period has passed;
// at rest none is left.
#include <algorithm>

#include "harness/flight_recorder.h"
#include "lru/sync/alloc.h"
#include "workloads/oracles/peek.h"
#include "workloads/registry.h"

namespace workloads::items_oracle {
namespace {

using lru::fault_point;
using lru::fault_site;

const lru::list_head* ItemOf(const fault_site& site) {
  return static_cast<const lru::list_head*>(site.item.ptr);
}

// For the oracle's words in it: lru/ never looks at them.
Object* ObjectAt(const fault_site& site) {
  return const_cast<Object*>(ObjectOf(ItemOf(site)));
}

// Under the lock: what add and del must find, and so return.
void OnLocked(fault_point, const fault_site& site) {
  TaskNotes* notes = CurrentNotes();
  if (!notes) return;
  notes->was_linked = ObjectAt(site)->linked.load(std::memory_order_relaxed)
                          ? kLinked
                          : kNotLinked;
}

void ReportOn(const fault_site& site) {
  harness::ReportViolation(
      {.invariant = "item_state",
       .memcg = site.memcg.serial,
       .what = "added while on a list"},
      "object %u was added to list %u of memcg %u while it was still on a "
      "list",
      site.item.serial, site.list.serial, site.owner.serial);
}

void ReportNeighbours(const fault_site& site) {
  harness::ReportViolation(
      {.invariant = "item_state",
       .memcg = site.memcg.serial,
       .what = "neighbours"},
      "the neighbours of object %u on list %u do not point back at it: two "
      "tasks changed the list at once",
      site.item.serial, site.list.serial);
}

void ReportNotLast(const fault_site& site) {
  harness::ReportViolation(
      {.invariant = "item_state",
       .memcg = site.memcg.serial,
       .what = "not at the tail"},
      "object %u was added to list %u of memcg %u, but not at its tail",
      site.item.serial, site.list.serial, site.owner.serial);
}

// Apart and last, so that on correct code nothing is kept for it.
[[gnu::noinline]] void ReportLinked(const fault_site& site, bool was_on,
                                    bool apart, bool last) {
  if (was_on) ReportOn(site);
  if (apart) ReportNeighbours(site);
  if (!apart && !last) ReportNotLast(site);
}

void OnLinked(fault_point, const fault_site& site) {
  if (TaskNotes* notes = CurrentNotes()) {
    notes->linked++;
    notes->memcg = site.memcg.serial;
  }
  Object* object = ObjectAt(site);
  bool was_on = object->linked.load(std::memory_order_relaxed) != 0;
  object->linked.store(1, std::memory_order_relaxed);
  object->isolated.store(0, std::memory_order_relaxed);
  const lru::list_head* item = ItemOf(site);
  bool apart = item->next->prev != item || item->prev->next != item;
  auto* list = static_cast<const lru::list_lru_one*>(site.list.ptr);
  bool last = item->next == ItemsOf(list);
  if (was_on || apart || !last) ReportLinked(site, was_on, apart, last);
}

[[gnu::noinline]] void ReportNotOn(const fault_site& site,
                                   bool isolated_twice) {
  if (isolated_twice) {
    harness::ReportInvariant(
        "single_isolation", site.memcg.serial,
        "object %u was isolated from list %u of memcg %u, but had been "
        "isolated before and not been added since",
        site.item.serial, site.list.serial, site.owner.serial);
    return;
  }
  harness::ReportViolation(
      {.invariant = "item_state",
       .memcg = site.memcg.serial,
       .what = "taken off while on none"},
      "object %u was taken off list %u of memcg %u, but it was on none",
      site.item.serial, site.list.serial, site.owner.serial);
}

void OnUnlinked(fault_point, const fault_site& site) {
  TaskNotes* notes = CurrentNotes();
  if (notes) notes->unlinked++;
  bool by_walk = notes && notes->walk;
  Object* object = ObjectAt(site);
  uint32_t linked = object->linked.load(std::memory_order_relaxed);
  uint32_t before = object->isolated.load(std::memory_order_relaxed);
  object->linked.store(0, std::memory_order_relaxed);
  if (by_walk) object->isolated.store(1, std::memory_order_relaxed);
  if (linked != 1) ReportNotOn(site, by_walk && before);
}

void Start(World&) {
  harness::Observe(lru::FP_list_locked, OnLocked);
  harness::Observe(lru::FP_item_linked, OnLinked);
  harness::Observe(lru::FP_item_unlinked, OnUnlinked);
}

// --- at rest
// -------------------------------------------------------------------

struct Sums {
  uint32_t lru_serial;
  uint64_t limit;  // more items than objects: the list is a loop
  uint64_t on_lists = 0;
  long nr_items[lru::kNodesMax] = {};
};

// Length of a list, or limit + 1 when it does not come back to its head.
uint64_t Length(const lru::list_lru_one* list, const Sums& sums) {
  uint64_t length = 0;
  const lru::list_head* head = ItemsOf(list);
  for (const lru::list_head* at = head->next; at != head; at = at->next) {
    if (++length > sums.limit) break;
    const Object* object = ObjectOf(at);
    if (object->linked.load(std::memory_order_relaxed) == 1) continue;
    harness::ReportInvariant(
        "items_conserved", 0,
        "at rest object %u is on list %u of lru %u, but was last seen leaving",
        object->serial, list->serial, sums.lru_serial);
  }
  return length;
}

void VisitList(int nid, lru::list_lru_one* list, void* arg) {
  Sums& sums = *static_cast<Sums*>(arg);
  uint64_t length = Length(list, sums);
  long nr_items = NrItemsOf(list);
  sums.on_lists += length;
  sums.nr_items[nid] += nr_items;
  if (static_cast<long>(length) != nr_items) {
    harness::ReportInvariant(
        "items_conserved", lru::serial_of(OwnerOrRoot(list->owner)),
        "at rest list %u (lru %u, nid %d) has %llu items, but nr_items says "
        "%ld",
        list->serial, sums.lru_serial, nid,
        static_cast<unsigned long long>(length), nr_items);
  }
}

uint64_t CheckLru(World& world, uint32_t index, uint64_t limit) {
  lru::list_lru* lru = world.lru(index);
  Sums sums{.lru_serial = lru->serial, .limit = limit};
  world.lru_ops().for_each_list(lru, VisitList, &sums);
  for (uint32_t nid = 0; nid < world.nids(); nid++) {
    long nr_node = world.lru_ops().nr_node(lru, static_cast<int>(nid));
    if (sums.nr_items[nid] == nr_node) continue;
    harness::ReportInvariant(
        "items_conserved", 0,
        "at rest the lists of lru %u on node %u have %ld items together, but "
        "the node's nr_items says %ld",
        lru->serial, nid, sums.nr_items[nid], nr_node);
  }
  return sums.on_lists;
}

void CheckTotals(World& world) {
  auto limit = static_cast<uint64_t>(
      std::max<int64_t>(lru::live_allocs(lru::ALLOC_SLAB_OBJ), 0));
  uint64_t on_lists = 0;
  for (uint32_t i = 0; i < world.nr_lrus(); i++) {
    on_lists += CheckLru(world, i, limit);
  }
  uint64_t linked = 0;
  world.ForEachObject([&](const Object* object) {
    linked += object->linked.load(std::memory_order_relaxed);
  });
  if (linked != on_lists) {
    harness::ReportInvariant(
        "items_conserved", 0,
        "at rest %llu objects were added and not taken off again, but %llu "
        "are to be found on the lists",
        static_cast<unsigned long long>(linked),
        static_cast<unsigned long long>(on_lists));
  }
}

LRUTORTURE_REGISTER(RegisterOracle(
    {{"items_conserved", "10",
      "At rest the lists hold exactly the items that were added and not taken "
      "off; their lengths, nr_items and the node's nr_items agree."},
     {"item_state", "1-3",
      "An item is on exactly one list or on none, its neighbours point back "
      "at it, an add puts it at the tail, and add and del return whether they "
      "changed that."}},
    {.start = Start, .check_totals = CheckTotals, .after_teardown = nullptr}));

}  // namespace
}  // namespace workloads::items_oracle
