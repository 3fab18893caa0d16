// empty_after_reparent and reparent_target: a drained list stays empty for
// ever, and items go where the contract says.
//
// Identity is the list's serial, that is its incarnation: the slot in the
// xarray may be filled again for a new memcg with the same id.
// node-lock: between the rewrite of the ids and the splice, an add finds the
// parent's list although the child's is not drained yet. Legal there; so
// "passed over" is judged by objcgs_reparented, the last stage that surely
// comes before the rewrite.
// An object is found by the memcg it was charged to or, since that one's
// objcgs were reparented, by an ancestor of it: on every lru, whoever looks it
// up, and never where it was charged to nobody. A memcg that a caller keeps by
// a reference is not looked up; what list it leads to is judged as any other.
// memcg-lock: a lookup passes over a memcg that is dying, and has no list there
// or a dead one. Whoever holds the list's lock that the climb has led to keeps
// those below it from changing.
#include <algorithm>
#include <utility>

#include "harness/flight_recorder.h"
#include "lru/memcg_lock.h"
#include "lru/slab.h"
#include "lru/sync/alloc.h"
#include "workloads/oracles/drain_words.h"
#include "workloads/oracles/lineage.h"
#include "workloads/oracles/peek.h"
#include "workloads/oracles/per_task.h"
#include "workloads/registry.h"
#include "workloads/zeroed.h"

namespace workloads::reparent_oracle {
namespace {

using lru::fault_point;
using lru::fault_site;

// Lists that were drained, by serial: written under the list's lock.
constexpr uint32_t kLists = 1 << 16;
Zeroed<std::atomic<uint32_t>, kLists> drained;

bool IsDrained(uint32_t serial) {
  return serial &&
         drained[serial % kLists].load(std::memory_order_relaxed) == serial;
}

// Memcgs whose ids are being rewritten, or have been: the youngest of those
// that share a place. An older one, which somebody may hold a reference on for
// long, is believed.
constexpr uint32_t kMemcgs = 1 << 14;
Zeroed<std::atomic<uint32_t>, kMemcgs> passed_over;

bool IsPassedOver(uint32_t serial) {
  return passed_over[serial % kMemcgs].load(std::memory_order_relaxed) >=
         serial;
}

// Memcgs whose reparenting is over.
Zeroed<std::atomic<uint32_t>, kMemcgs> finished;

bool IsFinished(uint32_t serial) {
  return serial &&
         finished[serial % kMemcgs].load(std::memory_order_relaxed) == serial;
}

DrainWords words;
Lineage lineage;
PerTask<uint64_t> restarted;  // which walk has dropped the lock: WalkOf()
std::atomic<bool> aware[kLruIndexes];  // the lru knows memcgs

int LruOf(const fault_site& site) {
  return TheWorld().LruIndex(site.lru.serial);
}

const lru::list_lru* LruAt(const fault_site& site) {
  return static_cast<const lru::list_lru*>(site.lru.ptr);
}

const lru::mem_cgroup* MemcgOf(const lru::serial_ref& ref) {
  return static_cast<const lru::mem_cgroup*>(ref.ptr);
}

void OnObjcgsReparented(fault_point, const fault_site& site) {
  if (IsPassedOver(site.memcg.serial)) return;
  passed_over[site.memcg.serial % kMemcgs].store(site.memcg.serial,
                                                 std::memory_order_relaxed);
}

// What a list that is about to be spliced begins with. One at a time: reparents
// are serialised by list_lrus_mutex.
std::atomic<uint32_t> splicing = 0;
std::atomic<const lru::list_head*> first_of_src = nullptr;

// Without the lock, which is lock_identity's, it may not even look.
void OnSrcLocked(fault_point, const fault_site& site) {
  const auto* lock = static_cast<const lru::lock_base*>(site.lock);
  if (!lock || !lru::lock_is_held(lock)) return;
  const auto* src = static_cast<const lru::list_lru_one*>(site.list.ptr);
  splicing.store(src->serial, std::memory_order_relaxed);
  first_of_src.store(IsEmpty(src) ? nullptr : ItemsOf(src)->next,
                     std::memory_order_relaxed);
}

// (L5) In order, at the head of the parent's.
void CheckSplicedAtHead(const fault_site& site, const lru::list_lru_one* src,
                        const lru::list_lru_one* dst) {
  if (splicing.load(std::memory_order_relaxed) != src->serial) return;
  const lru::list_head* first = first_of_src.load(std::memory_order_relaxed);
  if (!first || ItemsOf(dst)->next == first) return;
  harness::ReportInvariant(
      "empty_after_reparent", site.memcg.serial,
      "the items of list %u of memcg %u did not come, in order, to the head of "
      "list %u (lru %u, nid %d)",
      src->serial, site.memcg.serial, dst->serial, site.lru.serial, site.nid);
}

void OnSpliced(fault_point, const fault_site& site) {
  const auto* src = static_cast<const lru::list_lru_one*>(site.list.ptr);
  const auto* dst = static_cast<const lru::list_lru_one*>(site.dst.ptr);
  drained[src->serial % kLists].store(src->serial, std::memory_order_relaxed);
  long nr_items = NrItemsOf(src);
  // A plug-in's is marked dead by now.
  bool counts_none = nr_items == 0 || nr_items == lru::kDeadList;
  if (!IsEmpty(src) || !counts_none) {
    harness::ReportInvariant(
        "empty_after_reparent", site.memcg.serial,
        "list %u of memcg %u is not empty after its splice (lru %u, nid %d, "
        "nr_items %ld)",
        src->serial, site.memcg.serial, site.lru.serial, site.nid, nr_items);
  }
  int lru = LruOf(site);
  CheckSplicedAtHead(site, src, dst);
  words.Spliced(site.memcg.serial, lru, site.nid);
  if (dst->owner && !IsEmpty(dst)) {
    words.Used(lru::serial_of(dst->owner), lru, site.nid);
  }
  const lru::mem_cgroup* owner = OwnerOrRoot(dst->owner);
  // Not what the site says of its parent: that may be the mistake.
  const lru::mem_cgroup* parent = lru::parent_mem_cgroup(MemcgOf(site.memcg));
  if (owner == parent && !IsDrained(dst->serial)) return;
  harness::ReportInvariant(
      "reparent_target", site.memcg.serial,
      "memcg %u was reparented to list %u of memcg %u, which is not its "
      "parent %u's live list",
      site.memcg.serial, dst->serial, lru::serial_of(owner),
      lru::serial_of(parent));
}

// memcg-lock: before either lock is let go.
void OnMarkedDead(fault_point, const fault_site& site) {
  const auto* src = static_cast<const lru::list_lru_one*>(site.list.ptr);
  if (IsEmpty(src) && NrItemsOf(src) == lru::kDeadList) {
    return;
  }
  harness::ReportInvariant(
      "empty_after_reparent", site.memcg.serial,
      "list %u of memcg %u (lru %u, nid %d) is not marked dead after its "
      "splice: whoever comes to it will use it",
      src->serial, site.memcg.serial, site.lru.serial, site.nid);
}

void CheckAllSpliced(const fault_site& site, int lru, uint32_t serial) {
  int nid = words.NotSpliced(site.memcg.serial, lru);
  if (nid < 0) return;
  harness::ReportInvariant(
      "empty_after_reparent", site.memcg.serial,
      "memcg %u has been reparented, but its list of lru %u on node %d, which "
      "has had items, was left out",
      site.memcg.serial, serial, nid);
}

// Drained on all nodes, then out of the xarray, then freed (24).
void OnListsDrained(fault_point, const fault_site& site) {
  int lru = LruOf(site);
  CheckAllSpliced(site, lru, site.lru.serial);
  words.Reach(site.memcg.serial, lru, DrainWords::kDrained);
}

void CheckReached(const fault_site& site, DrainWords::Flag flag,
                  const char* what, const char* before) {
  if (words.MayHaveReached(site.memcg.serial, LruOf(site), flag)) return;
  harness::ReportInvariant(
      "empty_after_reparent", site.memcg.serial,
      "the lists of memcg %u on lru %u were %s before they were %s",
      site.memcg.serial, site.lru.serial, what, before);
}

void OnErased(fault_point, const fault_site& site) {
  CheckReached(site, DrainWords::kDrained, "taken out of the xarray",
               "drained");
  words.Reach(site.memcg.serial, LruOf(site), DrainWords::kErased);
}

void OnFreeQueued(fault_point, const fault_site& site) {
  CheckReached(site, DrainWords::kErased, "freed", "out of the xarray");
}

void OnReparented(fault_point, const fault_site& site) {
  // An lru that lives now was there while the lists were gone through, or has
  // come since and knows nothing of this memcg.
  for (int lru = 0; lru < TheWorld().nr_lru_indexes(); lru++) {
    if (uint32_t serial = TheWorld().LruSerial(lru)) {
      CheckAllSpliced(site, lru, serial);
    }
  }
  finished[site.memcg.serial % kMemcgs].store(site.memcg.serial,
                                              std::memory_order_relaxed);
}

// Memcgs for which nobody may store lists any more. memcg-lock: a grace period
// has passed since CSS_DYING, which is asked for under xa_lock (G5). node-lock:
// whoever has found the id unchanged, under xa_lock, stores before the slot is
// erased under it; one that was reparented stores for whose id it has by then.
Zeroed<std::atomic<uint32_t>, kMemcgs> closed;

void OnOfflineBegin(fault_point, const fault_site& site) {
  if (!lru::current_lru_ops().climbs) return;
  closed[site.memcg.serial % kMemcgs].store(site.memcg.serial,
                                            std::memory_order_relaxed);
}

// Not yet to be found by anybody else.
void OnStored(fault_point, const fault_site& site) {
  if (!site.memcg.serial) {
    harness::ReportViolation(
        {.invariant = "empty_after_reparent", .what = "nobody's id"},
        "lists were stored on lru %u at %ld, which is no memcg's id: nobody "
        "will drain them",
        site.lru.serial, site.nr);
    return;
  }
  uint32_t there =
      closed[site.memcg.serial % kMemcgs].load(std::memory_order_relaxed);
  if (there != site.memcg.serial && !IsFinished(site.memcg.serial)) return;
  harness::ReportInvariant("empty_after_reparent", site.memcg.serial,
                           "lists of memcg %u were stored on lru %u, at id "
                           "%ld, while that memcg was "
                           "reparented or later: nobody will drain them",
                           site.memcg.serial, site.lru.serial, site.nr);
}

// May a lookup go on above it?
bool MayPassOver(const lru::mem_cgroup* memcg, const fault_site& site) {
  uint32_t serial = lru::serial_of(memcg);
  if (!lru::current_lru_ops().climbs) return IsPassedOver(serial);
  uint32_t flags = memcg->css.flags.load(std::memory_order_relaxed);
  if (!(flags & lru::CSS_DYING)) return false;
  if (words.MayHoldItems(serial, LruOf(site), site.nid)) return false;
  const lru::list_lru_one* list = PeekList(
      static_cast<const lru::list_lru*>(site.lru.ptr), memcg, site.nid);
  return !list || list->owner != memcg || NrItemsOf(list) == lru::kDeadList;
}

// Is `owner` the nearest ancestor of memcg, itself included, whose list may
// still be used? All in between must have been passed over.
bool IsRightOwner(const lru::mem_cgroup* memcg, const lru::mem_cgroup* owner,
                  const fault_site& site) {
  for (; memcg != owner; memcg = lru::parent_mem_cgroup(memcg)) {
    if (!memcg || !memcg->css.parent) return false;
    if (!MayPassOver(memcg, site)) return false;
  }
  return true;
}

[[gnu::noinline]] void ReportDrained(const fault_site& site) {
  harness::ReportViolation(
      {.invariant = "empty_after_reparent",
       .memcg = site.owner.serial,
       .what = ForTheReleased(MemcgOf(site.memcg))},
      "object %u was linked to list %u of memcg %u after that list had been "
      "drained for ever (lru %u, nid %d)",
      site.item.serial, site.list.serial, site.owner.serial, site.lru.serial,
      site.nid);
}

const char* HowMisled(const fault_site& site, const lru::mem_cgroup* memcg) {
  if (const char* of = ForTheReleased(memcg); *of) return of;
  for (const auto* at = memcg; at; at = lru::parent_mem_cgroup(at)) {
    if (words.MayHoldItems(lru::serial_of(at), LruOf(site), site.nid) &&
        IsEmptied(LruAt(site), at, site.nid)) {
      return kEmptiedUndrained;
    }
  }
  return OfAnothersId(LruAt(site), memcg, site.nid);
}

[[gnu::noinline]] void CheckAncestor(const fault_site& site,
                                     const lru::mem_cgroup* owner) {
  const lru::mem_cgroup* memcg = MemcgOf(site.memcg);
  if (IsRightOwner(memcg, owner, site)) return;
  harness::ReportViolation(
      {.invariant = "reparent_target",
       .memcg = site.memcg.serial,
       .what = HowMisled(site, memcg)},
      "object %u of memcg %u was linked to list %u of memcg %u, which is not "
      "its nearest ancestor that still has a list (lru %u, nid %d)",
      site.item.serial, site.memcg.serial, site.list.serial,
      lru::serial_of(owner), site.lru.serial, site.nid);
}

void CheckList(const fault_site& site) {
  if (IsDrained(site.list.serial) || IsFinished(site.owner.serial)) {
    return ReportDrained(site);
  }
  const lru::mem_cgroup* memcg = MemcgOf(site.memcg);
  if (!memcg) return;  // charged to nobody
  const auto* list = static_cast<const lru::list_lru_one*>(site.list.ptr);
  const lru::mem_cgroup* owner = OwnerOrRoot(list->owner);
  if (owner != memcg) CheckAncestor(site, owner);
}

void OnLinked(fault_point, const fault_site& site) {
  int lru = LruOf(site);
  if (lru < 0 || !aware[lru].load(std::memory_order_relaxed)) return;
  words.Used(site.owner.serial, lru, site.nid);
  CheckList(site);
}

[[gnu::noinline]] void CheckHeir(const fault_site& site, const Object* object) {
  uint32_t charged = object->charged.serial;
  uint32_t found = site.memcg.serial;
  if (lineage.MayBeHeir(found, charged)) return;
  if (charged == 0) {
    harness::ReportViolation(
        {.invariant = "reparent_target", .memcg = found, .what = "lookup"},
        "object %u was found by memcg %u, but it was "
        "charged to nobody",
        object->serial, found);
    return;
  }
  harness::ReportViolation(
      {.invariant = "reparent_target", .memcg = found, .what = "lookup"},
      "object %u was found by memcg %u, but it was charged to memcg %u, whose "
      "objcgs were not reparented to that one",
      object->serial, found, charged);
}

// Null is nobody's: what list that leads to is lock_identity's.
void OnLookedUp(fault_point, const fault_site& site) {
  if (!site.item.ptr) return;
  const Object* object =
      ObjectOf(static_cast<const lru::list_head*>(site.item.ptr));
  uint32_t found = site.memcg.serial;
  if (found != object->charged.serial && found != 0) CheckHeir(site, object);
}

void OnObjcgUnpublished(fault_point, const fault_site& site) {
  lineage.Note(site.memcg.serial, site.parent.serial);
}

// A walk of a memcg's list is of its own, or of the one that its id leads to
// since it was passed over. node-lock: a walk that was overtaken by an offline
// may begin again on a stranger's, who has got the id (d6).
uint64_t WalkOf(const fault_site& site) {
  return uint64_t{site.memcg.serial} << 32 | site.lru.serial;
}

void OnWalkRestarted(fault_point, const fault_site& site) {
  restarted.Mine() = WalkOf(site);
}

void OnWalkLocked(fault_point, const fault_site& site) {
  bool again = std::exchange(restarted.Mine(), 0) == WalkOf(site);
  const lru::mem_cgroup* memcg = MemcgOf(site.memcg);
  int lru = LruOf(site);
  if (!memcg || lru < 0 || !aware[lru].load(std::memory_order_relaxed)) return;
  if (again && !lru::current_lru_ops().climbs) return;
  const auto* list = static_cast<const lru::list_lru_one*>(site.list.ptr);
  if (lru::current_lru_ops().climbs && IsDrained(list->serial)) {
    harness::ReportInvariant(
        "empty_after_reparent", site.memcg.serial,
        "a walk of memcg %u took list %u (lru %u, nid %d) for alive after it "
        "had been drained for ever",
        site.memcg.serial, list->serial, site.lru.serial, site.nid);
    return;
  }
  const lru::mem_cgroup* owner = OwnerOrRoot(list->owner);
  if (owner == memcg ||
      (!lru::current_lru_ops().climbs && IsRightOwner(memcg, owner, site))) {
    return;
  }
  harness::ReportViolation(
      {.invariant = "reparent_target",
       .memcg = site.memcg.serial,
       .what = OfAnothersId(LruAt(site), memcg, site.nid)},
      "a walk of memcg %u's list (lru %u, nid %d) was led to list %u of memcg "
      "%u",
      site.memcg.serial, site.lru.serial, site.nid, list->serial,
      lru::serial_of(owner));
}

// A node that reparent leaves out although its list is empty loses nothing.
// (node-lock: a del between the rewrite of the ids and the splice names the
// parent's list; the child's then counts as used although it is empty.)
void OnUnlinked(fault_point, const fault_site& site) {
  const auto* list = static_cast<const lru::list_lru_one*>(site.list.ptr);
  if (!list || !IsEmpty(list)) return;
  words.Emptied(site.owner.serial, LruOf(site), site.nid);
}

void OnLruCreated(uint32_t lru, bool memcg_aware) {
  words.Forget(static_cast<int>(lru));
  aware[lru].store(memcg_aware, std::memory_order_relaxed);
}

void Start(World& world) {
  drained.Clear();
  passed_over.Clear();
  finished.Clear();
  closed.Clear();
  words.Clear();
  restarted.Clear();
  lineage.Clear();
  for (uint32_t i = 0; i < world.nr_lrus(); i++) {
    aware[i].store(world.lru(i)->memcg_aware, std::memory_order_relaxed);
  }
  harness::Observe(lru::FP_objcgs_reparented, OnObjcgsReparented);
  harness::Observe(lru::FP_src_locked, OnSrcLocked);
  harness::Observe(lru::FP_node_spliced, OnSpliced);
  harness::Observe(lru::FP_list_marked_dead, OnMarkedDead);
  harness::Observe(lru::FP_lists_drained, OnListsDrained);
  harness::Observe(lru::FP_xa_erased, OnErased);
  harness::Observe(lru::FP_mlru_free_queued, OnFreeQueued);
  harness::Observe(lru::FP_nr_deferred_reparented, OnReparented);
  harness::Observe(lru::FP_offline_begin, OnOfflineBegin);
  harness::Observe(lru::FP_mlru_stored, OnStored);
  harness::Observe(lru::FP_objcg_unpublished, OnObjcgUnpublished);
  harness::Observe(lru::FP_memcg_looked_up, OnLookedUp);
  harness::Observe(lru::FP_item_linked, OnLinked);
  harness::Observe(lru::FP_item_unlinked, OnUnlinked);
  harness::Observe(lru::FP_walk_restarted, OnWalkRestarted);
  harness::Observe(lru::FP_walk_list_locked, OnWalkLocked);
}

// --- at rest: every teardown has ended; the memcgs alive are the world's
// -----------------------------------------------------------------------

struct Rest {
  const World& world;
  uint64_t limit;  // more items than objects: the list is a loop
  uint32_t lru_serial;
};

void CheckItems(int nid, const lru::list_lru_one* list,
                const lru::mem_cgroup* owner, const Rest& rest) {
  lru::rcu_guard guard;
  uint64_t length = 0;
  const lru::list_head* head = ItemsOf(list);
  for (const lru::list_head* at = head->next;
       at != head && ++length <= rest.limit; at = at->next) {
    const lru::mem_cgroup* memcg = lru::mem_cgroup_from_slab_obj(at);
    if (!memcg || memcg == owner) continue;
    harness::ReportInvariant(
        "reparent_target", lru::serial_of(owner),
        "at rest object %u is on list %u of memcg %u (lru %u, nid %d), but "
        "belongs to memcg %u",
        lru::serial_of(at), list->serial, lru::serial_of(owner),
        rest.lru_serial, nid, lru::serial_of(memcg));
    return;
  }
}

void VisitList(int nid, lru::list_lru_one* list, void* arg) {
  const Rest& rest = *static_cast<const Rest*>(arg);
  const lru::mem_cgroup* owner = list->owner;
  bool alive = rest.world.IsAlive(owner);
  if (alive && !IsDrained(list->serial)) {
    CheckItems(nid, list, OwnerOrRoot(owner), rest);
    return;
  }
  harness::ReportInvariant(
      "empty_after_reparent", 0,
      "at rest list %u (lru %u, nid %d), whose memcg has been %s, is still to "
      "be found",
      list->serial, rest.lru_serial, nid, alive ? "reparented" : "torn down");
}

void CheckTotals(World& world) {
  Rest rest{.world = world,
            .limit = static_cast<uint64_t>(
                std::max<int64_t>(lru::live_allocs(lru::ALLOC_SLAB_OBJ), 0)),
            .lru_serial = 0};
  for (uint32_t i = 0; i < world.nr_lrus(); i++) {
    if (!world.lru(i)->memcg_aware) continue;
    rest.lru_serial = world.lru(i)->serial;
    world.lru_ops().for_each_list(world.lru(i), VisitList, &rest);
  }
}

LRUTORTURE_REGISTER(RegisterOracle(
    {{"empty_after_reparent", "23, 24",
      "After a memcg's reparenting each of its sublists is empty and stays "
      "empty for ever; it is never found again."},
     {"reparent_target", "26",
      "Items of a dying memcg land on the list of the nearest ancestor that "
      "is not drained yet, and nowhere else; an object is found by the memcg "
      "it was charged to, or by an ancestor."}},
    {.start = Start,
     .check_totals = CheckTotals,
     .after_teardown = nullptr,
     .lru_created = OnLruCreated}));

}  // namespace
}  // namespace workloads::reparent_oracle
