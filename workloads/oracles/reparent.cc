// empty_after_reparent and reparent_target: a drained list stays empty for
// ever, and items go where the contract says.
//
// Identity is the list's serial, that is its incarnation: the slot in the
// xarray may be filled again for a new memcg with the same id.
// node-lock: between the rewrite of the ids and the splice, an add finds the
// parent's list although the child's is not drained yet. Legal there; so
// "passed over" is judged by objcgs_reparented, the last stage that surely
// comes before the rewrite.
#include "harness/flight_recorder.h"
#include "workloads/registry.h"

namespace workloads {
namespace {

using lru::fault_point;
using lru::fault_site;

// Lists that were drained, by serial: written under the list's lock.
constexpr uint32_t kLists = 1 << 16;
std::atomic<uint32_t> drained[kLists];

bool IsDrained(uint32_t serial) {
  return serial &&
         drained[serial % kLists].load(std::memory_order_relaxed) == serial;
}

// Memcgs whose ids are being rewritten, or have been.
constexpr uint32_t kMemcgs = 1 << 14;
std::atomic<uint32_t> passed_over[kMemcgs];

bool IsPassedOver(uint32_t serial) {
  return passed_over[serial % kMemcgs].load(std::memory_order_relaxed) ==
         serial;
}

const lru::mem_cgroup* MemcgOf(const lru::serial_ref& ref) {
  return static_cast<const lru::mem_cgroup*>(ref.ptr);
}

void OnObjcgsReparented(fault_point, const fault_site& site) {
  passed_over[site.memcg.serial % kMemcgs].store(site.memcg.serial,
                                                 std::memory_order_relaxed);
}

void OnSpliced(fault_point, const fault_site& site) {
  const auto* src = static_cast<const lru::list_lru_one*>(site.list.ptr);
  const auto* dst = static_cast<const lru::list_lru_one*>(site.dst.ptr);
  drained[src->serial % kLists].store(src->serial, std::memory_order_relaxed);
  long nr_items = src->nr_items.load(std::memory_order_relaxed);
  if (!lru::list_empty(&src->list) || nr_items != 0) {
    harness::ReportInvariant(
        "empty_after_reparent", site.memcg.serial,
        "list %u of memcg %u is not empty after its splice (lru %u, nid %d, "
        "nr_items %ld)",
        src->serial, site.memcg.serial, site.lru.serial, site.nid, nr_items);
  }
  uint32_t owner = dst->owner ? lru::serial_of(dst->owner)
                              : lru::serial_of(lru::root_mem_cgroup);
  if (owner == site.parent.serial && !IsDrained(dst->serial)) return;
  harness::ReportInvariant(
      "reparent_target", site.memcg.serial,
      "memcg %u was reparented to list %u of memcg %u, which is not its "
      "parent %u's live list",
      site.memcg.serial, dst->serial, owner, site.parent.serial);
}

// Is `owner` the nearest ancestor of memcg, itself included, whose list may
// still be used? All in between must have been passed over.
bool IsRightOwner(const lru::mem_cgroup* memcg, const lru::mem_cgroup* owner) {
  for (; memcg != owner; memcg = lru::parent_mem_cgroup(memcg)) {
    if (!memcg || !memcg->css.parent) return false;
    if (!IsPassedOver(lru::serial_of(memcg))) return false;
  }
  return true;
}

void CheckList(const fault_site& site) {
  if (IsDrained(site.list.serial)) {
    harness::ReportInvariant(
        "empty_after_reparent", site.owner.serial,
        "object %u was linked to list %u of memcg %u after that list had been "
        "drained for ever (lru %u, nid %d)",
        site.item.serial, site.list.serial, site.owner.serial, site.lru.serial,
        site.nid);
    return;
  }
  const lru::mem_cgroup* memcg = MemcgOf(site.memcg);
  const auto* list = static_cast<const lru::list_lru_one*>(site.list.ptr);
  if (!memcg) return;  // charged to nobody
  const lru::mem_cgroup* owner =
      list->owner ? list->owner : lru::root_mem_cgroup;
  if (IsRightOwner(memcg, owner)) return;
  harness::ReportInvariant(
      "reparent_target", site.memcg.serial,
      "object %u of memcg %u was linked to list %u of memcg %u, which is not "
      "its nearest ancestor that still has a list (lru %u, nid %d)",
      site.item.serial, site.memcg.serial, site.list.serial,
      lru::serial_of(owner), site.lru.serial, site.nid);
}

// Bit i: lru i + 1 knows memcgs.
uint64_t aware_lrus = 0;

void OnLinked(fault_point, const fault_site& site) {
  uint32_t lru = site.lru.serial;
  if (lru == 0 || lru > 64 || !(aware_lrus >> (lru - 1) & 1)) return;
  CheckList(site);
}

void Start(World& world) {
  for (auto& word : drained) word.store(0, std::memory_order_relaxed);
  for (auto& word : passed_over) word.store(0, std::memory_order_relaxed);
  aware_lrus = 0;
  for (uint32_t i = 0; i < world.nr_lrus(); i++) {
    if (world.lru(i)->memcg_aware) aware_lrus |= uint64_t{1} << i;
  }
  harness::Observe(lru::FP_objcgs_reparented, OnObjcgsReparented);
  harness::Observe(lru::FP_node_spliced, OnSpliced);
  harness::Observe(lru::FP_item_linked, OnLinked);
}

void VisitList(const lru::list_lru_view& view, void*) {
  if (!IsDrained(view.list->serial)) return;
  harness::ReportInvariant(
      "empty_after_reparent", 0,
      "at rest list %u, drained for ever, is still to be found (nid %d)",
      view.list->serial, view.nid);
}

void CheckTotals(World& world) {
  for (uint32_t i = 0; i < world.nr_lrus(); i++) {
    world.lru_ops().for_each_list(world.lru(i), VisitList, nullptr);
  }
}

LRUTORTURE_REGISTER(RegisterOracle(
    {{"empty_after_reparent", "23, 24",
      "After a memcg's reparenting each of its sublists is empty and stays "
      "empty for ever; it is never found again."},
     {"reparent_target", "26",
      "Items of a dying memcg land on the list of the nearest ancestor that "
      "is not drained yet, and nowhere else."}},
    {.start = Start, .check_totals = CheckTotals, .after_teardown = nullptr}));

}  // namespace
}  // namespace workloads
