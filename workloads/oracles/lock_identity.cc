// lock_identity: whoever changes a list holds the lock of the list that the
// item is physically on, whatever memcg and node it was told.
//
// An object remembers the list it was linked to; a splice is remembered once
// per list, not per item; an unlink follows both and must hold the lock found
// there. Which lock guards a list is asked of the lru.
// node-lock: all lists of a node have one lock, so it is locks that are
// compared. The list that an unlink counts on must be that of the item, except
// while a memcg is being reparented: from the moment its objcgs name the parent
// until the splice, either memcg can be found, so a del may count on one's list
// while the item is on the other's, under the same lock (N3).
// memcg-lock: every list has its own lock, and no such exception.
// A splice names the lock that guards its list, and holds it: from before it
// looks at the list, so that nobody runs into what comes of it and is first.
#include "harness/flight_recorder.h"
#include "lru/list_lru.h"
#include "workloads/oracles/list_shadows.h"
#include "workloads/oracles/peek.h"
#include "workloads/registry.h"
#include "workloads/zeroed.h"

namespace workloads::lock_identity_oracle {
namespace {

using lru::fault_point;
using lru::fault_site;

// Memcg serial -> its parent's, once its objcgs are no longer its own.
constexpr uint32_t kMemcgs = 1 << 14;
Zeroed<std::atomic<uint64_t>, kMemcgs> passed_over;

void OnObjcgUnpublished(fault_point, const fault_site& site) {
  uint32_t memcg = site.memcg.serial;
  passed_over[memcg % kMemcgs].store(uint64_t{memcg} << 32 | site.parent.serial,
                                     std::memory_order_relaxed);
}

bool IsPassedOverTo(uint32_t memcg, uint32_t parent) {
  return passed_over[memcg % kMemcgs].load(std::memory_order_relaxed) ==
         (uint64_t{memcg} << 32 | parent);
}

uint32_t OwnerSerial(const lru::mem_cgroup* owner) {
  return lru::serial_of(OwnerOrRoot(owner));
}

const lru::lock_base* Learn(const fault_site& site,
                            const lru::serial_ref& ref) {
  const auto* lru = static_cast<const lru::list_lru*>(site.lru.ptr);
  const auto* list = static_cast<const lru::list_lru_one*>(ref.ptr);
  if (!lru || !list) return nullptr;
  const lru::spinlock_t* lock =
      lru::current_lru_ops().lock_of(lru, site.nid, list);
  list_shadows.Learn(list->serial, lock, OwnerSerial(list->owner));
  return lock;
}

const lru::lock_base* LockOf(const fault_site& site,
                             const lru::serial_ref& list) {
  const lru::lock_base* lock = list_shadows.LockOf(list.serial);
  return lock ? lock : Learn(site, list);
}

std::atomic<uint32_t>& OnListWord(const fault_site& site) {
  const auto* item = static_cast<const lru::list_head*>(site.item.ptr);
  return const_cast<Object*>(ObjectOf(item))->on_list;
}

[[gnu::noinline]] void ReportLinked(const fault_site& site) {
  harness::ReportInvariant(
      "lock_identity", site.memcg.serial,
      "object %u was linked to list %u of memcg %u (lru %u, nid %d) by a task "
      "that does not hold that list's lock",
      site.item.serial, site.list.serial, site.owner.serial, site.lru.serial,
      site.nid);
}

[[gnu::noinline]] void LearnAndCheckLinked(const fault_site& site) {
  const lru::lock_base* lock = Learn(site, site.list);
  if (lock && !lru::lock_is_held(lock)) ReportLinked(site);
}

void OnLinked(fault_point, const fault_site& site) {
  OnListWord(site).store(site.list.serial, std::memory_order_relaxed);
  const lru::lock_base* lock = list_shadows.LockOf(site.list.serial);
  if (!lock) return LearnAndCheckLinked(site);
  if (!lru::lock_is_held(lock)) ReportLinked(site);
}

// Why a lookup of the site's memcg does not lead to `list`, which is that one's
// or an ancestor's.
const char* HowMissed(const fault_site& site, uint32_t list) {
  const auto* lru = static_cast<const lru::list_lru*>(site.lru.ptr);
  const auto* memcg = static_cast<const lru::mem_cgroup*>(site.memcg.ptr);
  uint32_t owner = list_shadows.OwnerOf(list);
  for (const auto* at = memcg; at; at = lru::parent_mem_cgroup(at)) {
    if (lru::serial_of(at) == owner && IsEmptied(lru, at, site.nid)) {
      return kEmptiedUndrained;
    }
  }
  return OfAnothersId(lru, memcg, site.nid);
}

[[gnu::noinline]] void ReportLocked(const fault_site& site, uint32_t list) {
  const char* api = lru::current_task()->api.load(std::memory_order_relaxed);
  harness::ReportViolation(
      {.invariant = "lock_identity",
       .memcg = site.memcg.serial,
       .what = HowMissed(site, list)},
      "%s took another lock (lru %u, nid %d) than the one that guards list %u, "
      "which object %u is on",
      api ? api : "a task", site.lru.serial, site.nid, list, site.item.serial);
}

// Before anything has been changed: an item that is on a list is looked at, to
// be taken off or to be left alone, under that list's lock.
void OnLocked(fault_point, const fault_site& site) {
  uint32_t linked = OnListWord(site).load(std::memory_order_relaxed);
  if (!linked) return;
  ListShadows::Place on = list_shadows.Find(linked);
  if (on.lock && !lru::lock_is_held(on.lock)) ReportLocked(site, on.list);
}

// The list whose count goes down is the one that the item is on; node-lock: up
// to N3, which ends where the list that is counted on has been drained.
[[gnu::noinline]] void CheckClaim(const fault_site& site, uint32_t list) {
  uint32_t claimed = site.list.serial;
  uint32_t owner = list_shadows.OwnerOf(list);
  uint32_t claimed_owner =
      site.owner.serial ? site.owner.serial : OwnerSerial(nullptr);
  if (!owner) return;
  const uint32_t items_now_on = list_shadows.Resolve(claimed);
  if (!lru::current_lru_ops().climbs &&
      (items_now_on == claimed || !items_now_on) &&
      (IsPassedOverTo(owner, claimed_owner) ||
       IsPassedOverTo(claimed_owner, owner))) {
    return;
  }
  const char* released =
      ForTheReleased(static_cast<const lru::mem_cgroup*>(site.memcg.ptr));
  harness::ReportViolation(
      {.invariant = "lock_identity",
       .memcg = site.memcg.serial,
       .what = *released ? released : "count"},
      "object %u was taken off as one of list %u of memcg %u, but it is on "
      "list %u of memcg %u (lru %u, nid %d)",
      site.item.serial, claimed, claimed_owner, list, owner, site.lru.serial,
      site.nid);
}

[[gnu::noinline]] void ReportUnlinked(const fault_site& site, uint32_t list) {
  harness::ReportInvariant(
      "lock_identity", site.memcg.serial,
      "object %u was taken off list %u (lru %u, nid %d) by a task that does "
      "not hold that list's lock",
      site.item.serial, list, site.lru.serial, site.nid);
}

void OnUnlinked(fault_point, const fault_site& site) {
  std::atomic<uint32_t>& on_list = OnListWord(site);
  ListShadows::Place on =
      list_shadows.Find(on_list.load(std::memory_order_relaxed));
  on_list.store(0, std::memory_order_relaxed);
  if (!on.lock) return;  // on none is item_state's; or not known
  if (!lru::lock_is_held(on.lock)) return ReportUnlinked(site, on.list);
  if (site.list.serial != on.list) CheckClaim(site, on.list);
}

void CheckSplicer(const fault_site& site, const char* is_or_was) {
  const lru::lock_base* lock = LockOf(site, site.list);
  if (!lock || (site.lock == lock && lru::lock_is_held(lock))) return;
  harness::ReportViolation(
      {.invariant = "lock_identity",
       .memcg = site.memcg.serial,
       .what = "splice"},
      "list %u of memcg %u (lru %u, nid %d) %s spliced by a task that does not "
      "hold its lock",
      site.list.serial, site.memcg.serial, site.lru.serial, site.nid,
      is_or_was);
}

void OnSrcLocked(fault_point, const fault_site& site) {
  CheckSplicer(site, "is to be");
}

void OnSpliced(fault_point, const fault_site& site) {
  CheckSplicer(site, "was");
  LockOf(site, site.dst);
  list_shadows.Splice(site.list.serial, site.dst.serial);
}

void Start(World&) {
  passed_over.Clear();
  list_shadows.Clear();
  harness::Observe(lru::FP_objcg_unpublished, OnObjcgUnpublished);
  harness::Observe(lru::FP_list_locked, OnLocked);
  harness::Observe(lru::FP_item_linked, OnLinked);
  harness::Observe(lru::FP_item_unlinked, OnUnlinked);
  harness::Observe(lru::FP_src_locked, OnSrcLocked);
  harness::Observe(lru::FP_node_spliced, OnSpliced);
}

LRUTORTURE_REGISTER(RegisterOracle(
    {{"lock_identity", "4, 5",
      "Whoever links or unlinks an item holds the lock of the list that the "
      "item is physically on, and counts on that list."}},
    {.start = Start, .check_totals = nullptr, .after_teardown = nullptr}));

}  // namespace
}  // namespace workloads::lock_identity_oracle
