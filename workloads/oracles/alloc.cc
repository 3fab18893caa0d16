// alloc_before_add: nobody adds for a memcg whose lists were never allocated,
// and whoever has lists has ancestors that have them too, for items can be
// reparented to any of those.
//
// node-lock: the lookup of a memcg's list finds one, always: its own, or after
// its reparenting the parent's. A lookup that finds none is judged here, before
// the lru touches what is not there.
// memcg-lock: to find none, or a dead one, is how an add learns that it must
// climb. That is allowed only from a memcg that is dying (9).
#include "harness/flight_recorder.h"
#include "lru/list_lru.h"
#include "workloads/oracles/peek.h"
#include "workloads/registry.h"
#include "workloads/zeroed.h"

namespace workloads::alloc_oracle {
namespace {

using lru::fault_point;
using lru::fault_site;

// The memcg whose lists on an lru were spliced last, of those that share the
// place: what it looks for there from then on is an ancestor's.
constexpr uint32_t kMemcgs = 1 << 11;
Zeroed<std::atomic<uint32_t>[kLruIndexes], kMemcgs> reparented;

std::atomic<uint32_t>* PlaceOf(const fault_site& site) {
  int lru = TheWorld().LruIndex(site.lru.serial);
  if (lru < 0) return nullptr;
  return &reparented[site.memcg.serial % kMemcgs][lru];
}

void OnSpliced(fault_point, const fault_site& site) {
  if (std::atomic<uint32_t>* place = PlaceOf(site)) {
    place->store(site.memcg.serial, std::memory_order_relaxed);
  }
}

bool IsReparented(const fault_site& site) {
  const std::atomic<uint32_t>* place = PlaceOf(site);
  return place && place->load(std::memory_order_relaxed) == site.memcg.serial;
}

// Lists whose ancestors have been looked at, by serial.
constexpr uint32_t kLists = 1 << 16;
Zeroed<std::atomic<uint32_t>, kLists> judged;

const lru::mem_cgroup* MemcgOf(const lru::serial_ref& ref) {
  return static_cast<const lru::mem_cgroup*>(ref.ptr);
}

// The memcg, of those that share the place, whose slot on an lru may have been
// left empty because a fault let there be no memory for it.
Zeroed<std::atomic<uint32_t>[kLruIndexes], kMemcgs> without_memory;

// An allocation is for the memcg and those above it that have no lists yet.
void OnError(fault_point fp, const fault_site& site) {
  int lru = TheWorld().LruIndex(site.lru.serial);
  if (fp != lru::FP_xa_stored || lru < 0) return;
  for (const auto* at = MemcgOf(site.memcg); at;
       at = lru::parent_mem_cgroup(at)) {
    uint32_t serial = lru::serial_of(at);
    without_memory[serial % kMemcgs][lru].store(serial,
                                                std::memory_order_relaxed);
  }
}

// What tells lists without those of that ancestor.
const char* WithoutAncestor(const fault_site& site, uint32_t ancestor) {
  int lru = TheWorld().LruIndex(site.lru.serial);
  if (lru < 0) return "ancestor";
  uint32_t serial =
      without_memory[ancestor % kMemcgs][lru].load(std::memory_order_relaxed);
  return serial == ancestor ? "ancestor after an error" : "ancestor";
}

// Else its objects have been reparented to that memcg, whose lists do not come
// of the object's own allocation.
bool IsChargedTo(const fault_site& site) {
  const auto* item = static_cast<const lru::list_head*>(site.item.ptr);
  return !item || ObjectOf(item)->charged.serial == site.memcg.serial;
}

// node-lock: no lookup may come here.
void OnNoList(const fault_site& site) {
  if (!site.memcg.serial) {
    harness::ReportInvariant(
        "reparent_target", 0,
        "object %u was to be found on lru %u, nid %d, by a memcg that has been "
        "freed",
        site.item.serial, site.lru.serial, site.nid);
    return;
  }
  if (IsReparented(site)) {
    harness::ReportViolation(
        {.invariant = "reparent_target",
         .memcg = site.memcg.serial,
         .what = IsReleased(MemcgOf(site.memcg)) ? "no list of the released"
                                                 : "no list"},
        "object %u of memcg %u found no list on lru %u, nid %d, although its "
        "memcg has been reparented: it must find an ancestor's",
        site.item.serial, site.memcg.serial, site.lru.serial, site.nid);
    return;
  }
  harness::ReportViolation(
      {.invariant = "alloc_before_add",
       .memcg = site.memcg.serial,
       .what =
           IsChargedTo(site) ? "" : WithoutAncestor(site, site.memcg.serial)},
      "object %u needs the list of memcg %u on lru %u, nid %d, but that "
      "memcg's lists were never allocated",
      site.item.serial, site.memcg.serial, site.lru.serial, site.nid);
}

// The list's lock is held, so its memcg is not reparented yet, nor is any
// ancestor: what they have, they keep. Theirs were stored before this one.
[[gnu::noinline]] void JudgeAncestors(const fault_site& site) {
  const auto* lru = static_cast<const lru::list_lru*>(site.lru.ptr);
  const auto* list = static_cast<const lru::list_lru_one*>(site.list.ptr);
  if (!lru || !list || !list->owner) return;
  const lru::mem_cgroup* owner = list->owner;
  for (const lru::css* c = owner->css.parent; c && c->parent; c = c->parent) {
    const auto* ancestor = reinterpret_cast<const lru::mem_cgroup*>(c);
    if (PeekList(lru, ancestor, site.nid)) continue;
    harness::ReportViolation(
        {.invariant = "alloc_before_add",
         .memcg = site.owner.serial,
         .what = WithoutAncestor(site, lru::serial_of(ancestor))},
        "memcg %u has lists on lru %u, but its ancestor %u has none that their "
        "items could be reparented to",
        site.owner.serial, site.lru.serial, lru::serial_of(ancestor));
    return;
  }
}

void OnLinked(fault_point, const fault_site& site) {
  std::atomic<uint32_t>& seen = judged[site.list.serial % kLists];
  if (seen.load(std::memory_order_relaxed) == site.list.serial) return;
  seen.store(site.list.serial, std::memory_order_relaxed);
  JudgeAncestors(site);
}

// About to splice.
void OnSrcLocked(fault_point, const fault_site& site) {
  if (site.dst.serial) return;
  harness::ReportViolation(
      {.invariant = "alloc_before_add",
       .memcg = site.memcg.serial,
       .what = WithoutAncestor(site, site.parent.serial)},
      "memcg %u is to be reparented to memcg %u, which has no lists on lru %u",
      site.memcg.serial, site.parent.serial, site.lru.serial);
}

void OnDeadListSeen(fault_point, const fault_site& site) {
  if (!lru::current_lru_ops().climbs) return OnNoList(site);
  const lru::mem_cgroup* memcg = MemcgOf(site.memcg);
  if (!memcg) return;
  uint32_t flags = memcg->css.flags.load(std::memory_order_relaxed);
  if (flags & lru::CSS_DYING) return;
  harness::ReportInvariant(
      "alloc_before_add", site.memcg.serial,
      "object %u found no list of memcg %u on lru %u, nid %d, although that "
      "memcg is not dying: its lists were never allocated",
      site.item.serial, site.memcg.serial, site.lru.serial, site.nid);
}

void Start(World&) {
  reparented.Clear();
  judged.Clear();
  without_memory.Clear();
  harness::ObserveErrors(OnError);
  harness::Observe(lru::FP_item_linked, OnLinked);
  harness::Observe(lru::FP_src_locked, OnSrcLocked);
  harness::Observe(lru::FP_node_spliced, OnSpliced);
  harness::Observe(lru::FP_dead_list_seen, OnDeadListSeen);
}

LRUTORTURE_REGISTER(RegisterOracle(
    {{"alloc_before_add", "8, 9",
      "Before the first add for a memcg its lists have been allocated, and "
      "those of all its ancestors; only a dying memcg may be climbed from."}},
    {.start = Start, .check_totals = nullptr, .after_teardown = nullptr}));

}  // namespace
}  // namespace workloads::alloc_oracle
