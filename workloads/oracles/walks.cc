// callback_lock_state, single_isolation and walk_contract: what walk_one,
// walk_node and all that is built on them promise whoever calls them.
//
// The oracle stands between caller and lru, on both sides: it is called in the
// place of the lru's walks, and in the place of the caller's callback. So it
// knows what the caller knows (nr_to_walk, the result) and what each callback
// saw and said, and it can judge the lock before the lru does.
//
// Legal on every lru: items of a stranger (d6), a list walked twice by
// walk_node (d1), nothing at all for a memcg that is dying (d2). A walk begins
// a list at its head, and again after the lock was dropped; between two
// callbacks that kept the lock it goes from item to item. What it must not
// touch while the lock is dropped (17) is freed then, so the sanitizers see it.
// callback_lock_state: node-lock wants every callback to return with the lock
// held; memcg-lock wants it dropped with RETRY, REMOVED_RETRY and STOP.
#include <algorithm>

#include "harness/flight_recorder.h"
#include "lru/list_lru.h"
#include "lru/sync/alloc.h"
#include "workloads/oracles/list_shadows.h"
#include "workloads/oracles/peek.h"
#include "workloads/registry.h"

namespace workloads {

// A walk in progress, on its task's stack. Plain: nobody else sees it.
struct Walk {
  const char* name;
  lru::list_lru_walk_cb isolate;  // the caller's
  void* cb_arg;
  const unsigned long* nr_to_walk;
  unsigned long budget;  // *nr_to_walk at the call
  unsigned long callbacks = 0;
  unsigned long removed = 0;        // said the callbacks
  unsigned long count_changes = 0;  // of the node, by this task

  // The callback before, and what must hold at the next one if the lock has
  // not been dropped in between.
  bool taken_anew = true;  // a list's lock was taken since
  uint32_t list = 0;
  lru::lru_status status = lru::LRU_SKIP;
  const lru::list_head* item = nullptr;
  const lru::list_head* next = nullptr;
  const lru::list_head* head = nullptr;  // of that list; never dereferenced
};

namespace walks_oracle {
namespace {

using lru::fault_point;
using lru::fault_site;
using lru::lru_status;

const char* StatusName(lru_status status) {
  switch (status) {
    case lru::LRU_REMOVED:
      return "LRU_REMOVED";
    case lru::LRU_REMOVED_RETRY:
      return "LRU_REMOVED_RETRY";
    case lru::LRU_ROTATE:
      return "LRU_ROTATE";
    case lru::LRU_SKIP:
      return "LRU_SKIP";
    case lru::LRU_RETRY:
      return "LRU_RETRY";
    case lru::LRU_STOP:
      return "LRU_STOP";
  }
  return "?";
}

bool IsRemoved(lru_status status) {
  return status == lru::LRU_REMOVED || status == lru::LRU_REMOVED_RETRY;
}
bool DropsLock(lru_status status) {
  return status == lru::LRU_RETRY || status == lru::LRU_REMOVED_RETRY;
}
uint32_t OwnerOf(const lru::list_lru_one* list) {
  return lru::serial_of(OwnerOrRoot(list->owner));
}

// Once the recorder is frozen no point is seen, and there is nothing to compare
// with.
bool Listening() {
  return lru::armed(lru::ARMED_HOOK) &&
         !harness::recorder()->freeze.load(std::memory_order_relaxed);
}

// --- before a callback

// Once before each callback, whatever the one before has said. (13)
void CheckBudget(const Walk& walk, const lru::list_lru_one* list) {
  if (walk.callbacks <= walk.budget &&
      *walk.nr_to_walk == walk.budget - walk.callbacks) {
    return;
  }
  harness::ReportViolation(
      {.invariant = "walk_contract",
       .memcg = OwnerOf(list),
       .what = "nr_to_walk"},
      "at callback %lu of %s, which was to make at most %lu, nr_to_walk is %lu "
      "(the callback before returned %s)",
      walk.callbacks, walk.name, walk.budget, *walk.nr_to_walk,
      walk.callbacks > 1 ? StatusName(walk.status)
                         : "nothing: it is the first");
}

// A list just begun, or begun again. (16) Touches the list's head alone.
bool CheckBegin(const Walk& walk, const lru::list_head* item,
                const lru::list_lru_one* list) {
  if (item == ItemsOf(list)->next) return true;
  if (walk.callbacks > 1 && DropsLock(walk.status)) {
    harness::ReportInvariant(
        "single_isolation", OwnerOf(list),
        "%s went on in the middle of list %u of memcg %u after %s: whatever it "
        "had found before the lock was dropped may be gone",
        walk.name, list->serial, OwnerOf(list), StatusName(walk.status));
  } else {
    harness::ReportInvariant("walk_contract", OwnerOf(list),
                             "%s did not begin list %u of memcg %u at its head",
                             walk.name, list->serial, OwnerOf(list));
  }
  return false;
}

// The lock has been held since the callback before.
bool CheckStep(const Walk& walk, const lru::list_head* item,
               const lru::list_lru_one* list) {
  const char* what = nullptr;
  if (walk.status == lru::LRU_STOP) {
    what = "went on";
  } else if (item != walk.next) {
    what = "did not go on with the next item";
  } else if (walk.status == lru::LRU_ROTATE &&
             ItemsOf(list)->prev != walk.item) {
    what = "did not move the item to the tail";
  } else if (walk.status == lru::LRU_SKIP && item->prev != walk.item) {
    what = "did not leave the item where it was";
  }
  if (!what) return true;
  harness::ReportInvariant(
      "walk_contract", OwnerOf(list), "after %s on list %u of memcg %u, %s %s",
      StatusName(walk.status), list->serial, OwnerOf(list), walk.name, what);
  return false;
}

// The walk goes on elsewhere, or ends. With the lock held all the time, it has
// come to the end of the list, or was told to stop, or may go no further. Of
// each list once: behind its lock taken anew nothing has been called back yet.
void CheckFinished(const Walk& walk) {
  if (walk.taken_anew || *walk.nr_to_walk == 0 || DropsLock(walk.status) ||
      walk.status == lru::LRU_STOP || walk.next == walk.head) {
    return;
  }
  harness::ReportViolation(
      {.invariant = "walk_contract", .what = "left"},
      "%s left list %u before its end, after %s, although it might have called "
      "back %lu times more",
      walk.name, walk.list, StatusName(walk.status), *walk.nr_to_walk);
}

bool CheckPlace(const Walk& walk, const lru::list_head* item,
                const lru::list_lru_one* list) {
  bool begins =
      walk.taken_anew || walk.list != list->serial || DropsLock(walk.status);
  return begins ? CheckBegin(walk, item, list) : CheckStep(walk, item, list);
}

// (18)
void CheckOnList(const Walk& walk, const Object* object,
                 const lru::list_lru_one* list) {
  uint32_t linked = object->on_list.load(std::memory_order_relaxed);
  uint32_t on = list_shadows.Resolve(linked);
  if (on == list->serial || (linked && !on)) return;
  harness::ReportInvariant(
      "single_isolation", OwnerOf(list),
      "%s of list %u of memcg %u came to object %u, which %s", walk.name,
      list->serial, OwnerOf(list), object->serial,
      object->isolated.load(std::memory_order_relaxed)
          ? "has been isolated before and not been added since"
      : linked ? "is on another list"
               : "is on no list");
}

void CheckCall(const Walk& walk, const lru::list_head* item,
               const lru::list_lru_one* list, const lru::spinlock_t* lock) {
  if (!lru::lock_is_held(lock)) {
    harness::ReportInvariant("callback_lock_state", OwnerOf(list),
                             "%s called back for list %u of memcg %u without "
                             "holding the list's lock",
                             walk.name, list->serial, OwnerOf(list));
  }
  CheckBudget(walk, list);
  // A pointer out of place may point to freed memory.
  if (CheckPlace(walk, item, list)) CheckOnList(walk, ObjectOf(item), list);
}

// --- after a callback: with the lock dropped, item and list may be gone

void CheckLock(lru_status status, const lru::spinlock_t* lock, uint32_t owner) {
  bool held = lru::lock_is_held(lock);
  const lru::list_lru_ops& ops = lru::current_lru_ops();
  bool dropped =
      ops.returns_unlocked && (DropsLock(status) || status == lru::LRU_STOP);
  if (held != dropped) return;
  harness::ReportInvariant(
      "callback_lock_state", owner,
      "an isolate callback returned %s with the list's lock %s; on %s it must "
      "%s",
      StatusName(status), held ? "held" : "dropped", ops.name,
      held ? "have dropped it" : "hold it");
}

void CheckUnlinks(lru_status status, uint64_t unlinks, uint32_t owner) {
  if (unlinks == (IsRemoved(status) ? 1 : 0)) return;
  harness::ReportViolation(
      {.invariant = "walk_contract", .memcg = owner, .what = "callback"},
      "an isolate callback returned %s, but took %llu items off the list",
      StatusName(status), static_cast<unsigned long long>(unlinks));
}

// The lock is held, and was all the time: the walk goes on from the item, and
// what is on a list is counted there. Whoever wants it elsewhere takes it off
// first. (L1)
void CheckLeftThere(const Walk& walk, const lru::list_head* prev,
                    uint32_t owner) {
  if (walk.status != lru::LRU_SKIP && walk.status != lru::LRU_ROTATE) return;
  const lru::list_head* item = walk.item;
  if (item->prev == prev && item->next == walk.next) return;
  harness::ReportViolation(
      {.invariant = "walk_contract", .memcg = owner, .what = "callback"},
      "an isolate callback of %s returned %s for object %u, but has moved it, "
      "and nobody has taken it off the count of list %u",
      walk.name, StatusName(walk.status), ObjectOf(item)->serial, walk.list);
}

lru_status Isolate(lru::list_head* item, lru::list_lru_one* list,
                   lru::spinlock_t* lock, void* cb_arg) {
  Walk& walk = *static_cast<Walk*>(cb_arg);
  if (!Listening()) return walk.isolate(item, list, lock, walk.cb_arg);
  const TaskNotes* notes = CurrentNotes();
  walk.callbacks++;
  CheckCall(walk, item, list, lock);
  uint32_t owner = OwnerOf(list);
  uint64_t unlinked = notes->unlinked;
  walk.taken_anew = false;
  walk.list = list->serial;
  walk.item = item;
  walk.next = item->next;
  walk.head = ItemsOf(list);
  const lru::list_head* prev = item->prev;
  walk.status = walk.isolate(item, list, lock, walk.cb_arg);
  if (IsRemoved(walk.status)) walk.removed++;
  if (!Listening()) return walk.status;
  CheckLock(walk.status, lock, owner);
  CheckUnlinks(walk.status, notes->unlinked - unlinked, owner);
  if (lru::lock_is_held(lock)) CheckLeftThere(walk, prev, owner);
  return walk.status;
}

// --- around a walk

void OnListLocked(fault_point, const fault_site&) {
  TaskNotes* notes = CurrentNotes();
  if (!notes || !notes->walk) return;
  CheckFinished(*notes->walk);
  notes->walk->taken_anew = true;
}

void OnCountChanged(fault_point, const fault_site&) {
  TaskNotes* notes = CurrentNotes();
  if (notes && notes->walk) notes->walk->count_changes++;
}

void CheckResult(const Walk& walk, unsigned long result, uint32_t memcg) {
  CheckFinished(walk);
  if (walk.callbacks > walk.budget ||
      *walk.nr_to_walk != walk.budget - walk.callbacks) {
    harness::ReportInvariant(
        "walk_contract", memcg,
        "%s was to call back at most %lu times and did %lu times, but left "
        "nr_to_walk at %lu",
        walk.name, walk.budget, walk.callbacks, *walk.nr_to_walk);
  }
  if (result != walk.removed) {
    harness::ReportInvariant(
        "walk_contract", memcg,
        "%s returned %lu, but %lu callbacks returned LRU_REMOVED or "
        "LRU_REMOVED_RETRY",
        walk.name, result, walk.removed);
  }
  if (walk.count_changes != walk.removed) {
    harness::ReportInvariant(
        "walk_contract", memcg,
        "%s removed %lu items, but changed the node's count %lu times",
        walk.name, walk.removed, walk.count_changes);
  }
}

template <class Call>
unsigned long Watched(const char* name, uint32_t memcg,
                      lru::list_lru_walk_cb isolate, void* cb_arg,
                      const unsigned long* nr_to_walk, Call call) {
  TaskNotes* notes = CurrentNotes();
  if (!notes || !Listening()) return call(isolate, cb_arg);
  lru::task* task = lru::current_task();
  uint32_t held = task->nr_held.load(std::memory_order_relaxed);
  bool irqs_off = task->irqs_off;
  Walk walk{.name = name,
            .isolate = isolate,
            .cb_arg = cb_arg,
            .nr_to_walk = nr_to_walk,
            .budget = *nr_to_walk};
  Walk* outer = notes->walk;
  notes->walk = &walk;
  unsigned long result = call(Isolate, &walk);
  notes->walk = outer;
  if (!Listening()) return result;
  CheckResult(walk, result, memcg);
  uint32_t held_now = task->nr_held.load(std::memory_order_relaxed);
  if (held_now != held) {
    harness::ReportInvariant(
        "callback_lock_state", memcg,
        "%s was called with %u locks held and returned with %u", name, held,
        held_now);
  }
  if (task->irqs_off != irqs_off) {
    harness::ReportInvariant(
        "callback_lock_state", memcg,
        "%s was called with interrupts %s and returned with them %s", name,
        irqs_off ? "off" : "on", irqs_off ? "on" : "off");
  }
  return result;
}

unsigned long WalkOneIrq(lru::list_lru* lru, int nid, lru::mem_cgroup* memcg,
                         lru::list_lru_walk_cb isolate, void* cb_arg,
                         unsigned long* nr_to_walk) {
  return Watched("list_lru_walk_one_irq", memcg ? lru::serial_of(memcg) : 0,
                 isolate, cb_arg, nr_to_walk,
                 [&](lru::list_lru_walk_cb callback, void* arg) {
                   return UnwatchedOps().list_lru_walk_one_irq(
                       lru, nid, memcg, callback, arg, nr_to_walk);
                 });
}

unsigned long WalkOne(lru::list_lru* lru, int nid, lru::mem_cgroup* memcg,
                      lru::list_lru_walk_cb isolate, void* cb_arg,
                      unsigned long* nr_to_walk) {
  return Watched("list_lru_walk_one", memcg ? lru::serial_of(memcg) : 0,
                 isolate, cb_arg, nr_to_walk,
                 [&](lru::list_lru_walk_cb callback, void* arg) {
                   return UnwatchedOps().list_lru_walk_one(
                       lru, nid, memcg, callback, arg, nr_to_walk);
                 });
}

unsigned long WalkNode(lru::list_lru* lru, int nid,
                       lru::list_lru_walk_cb isolate, void* cb_arg,
                       unsigned long* nr_to_walk) {
  return Watched("list_lru_walk_node", 0, isolate, cb_arg, nr_to_walk,
                 [&](lru::list_lru_walk_cb callback, void* arg) {
                   return UnwatchedOps().list_lru_walk_node(lru, nid, callback,
                                                            arg, nr_to_walk);
                 });
}

void Watch(lru::list_lru_ops& ops) {
  ops.list_lru_walk_one = WalkOne;
  ops.list_lru_walk_one_irq = WalkOneIrq;
  ops.list_lru_walk_node = WalkNode;
}

// --- at rest
// -------------------------------------------------------------------

lru_status CountOnly(lru::list_head*, lru::list_lru_one*, lru::spinlock_t*,
                     void* visited) {
  ++*static_cast<unsigned long*>(visited);
  return lru::LRU_SKIP;
}

// Nobody adds or deletes now, so what is there is what a walk must see. At
// least: a list may be walked twice (d1). A count below zero is another's to
// judge.
void CheckVisits(const lru::list_lru* lru, const char* walk,
                 unsigned long visited, unsigned long items) {
  if (visited >= items || static_cast<long>(items) < 0) return;
  harness::ReportInvariant(
      "walk_contract", 0,
      "at rest %s called back %lu times for the %lu items there are (lru %u)",
      walk, visited, items, lru->serial);
}

// walk_node comes to every list of the node, whosever it is.
unsigned long CheckWalkNode(const World& world, lru::list_lru* lru, int nid) {
  unsigned long visited = 0, nr_to_walk = world.ObjectsMax();
  UnwatchedOps().list_lru_walk_node(lru, nid, CountOnly, &visited, &nr_to_walk);
  unsigned long items = UnwatchedOps().list_lru_count_node(lru, nid);
  CheckVisits(lru, "list_lru_walk_node", visited, items);
  return items;
}

// What has no entry of its own goes by the lru in use, and `call` is to ask for
// that one: UnwatchedOps() is of a watched one.
template <class Call>
void Unwatched(Call call) {
  const lru::list_lru_ops& watched = lru::current_lru_ops();
  lru::set_lru_ops(&UnwatchedOps());
  call();
  lru::set_lru_ops(&watched);
}

// A shrinker's calls are those of its node and memcg, for as many as it wants.
// Interrupts are off where they have to be; of the irq form see VisitListIrq().
void CheckShrink(lru::list_lru* lru, const lru::list_lru_one* list,
                 unsigned long items, unsigned long nr_items,
                 lru::shrink_control sc) {
  unsigned long count = 0, visited = 0;
  sc.nr_to_scan = items;
  Unwatched([&] {
    count = lru::list_lru_shrink_count(lru, &sc);
    lru::list_lru_shrink_walk(lru, &sc, CountOnly, &visited);
  });
  if (count == nr_items && visited == items) return;
  harness::ReportViolation(
      {.invariant = "walk_contract", .memcg = OwnerOf(list), .what = "shrink"},
      "at rest list %u of memcg %u (lru %u, nid %d) has %lu items and counts "
      "%lu, but list_lru_shrink_count says %lu, and list_lru_shrink_walk for "
      "%lu called back %lu times",
      list->serial, OwnerOf(list), lru->serial, sc.nid, items, nr_items, count,
      items, visited);
}

struct Rest {
  const World& world;
  lru::list_lru* lru;
  unsigned long limit;  // more items than objects: the list is a loop
};

unsigned long LengthOf(const lru::list_lru_one* list, unsigned long limit) {
  unsigned long items = 0;
  const lru::list_head* head = ItemsOf(list);
  for (const lru::list_head* at = head->next; at != head && items <= limit;
       at = at->next) {
    items++;
  }
  return items;
}

// walk_one comes to the items of the list that belongs to the memcg, and to no
// others, and count_one says what that list does: whether its nr_items is right
// is items_conserved's.
void VisitList(int nid, lru::list_lru_one* list, void* arg) {
  const auto& [world, lru, limit] = *static_cast<const Rest*>(arg);
  lru::mem_cgroup* memcg = list->owner;
  if (!world.IsAlive(memcg)) return;
  const unsigned long items = LengthOf(list, limit);
  unsigned long visited = 0, nr_to_walk = limit;
  UnwatchedOps().list_lru_walk_one(lru, nid, memcg, CountOnly, &visited,
                                   &nr_to_walk);
  unsigned long count = UnwatchedOps().list_lru_count_one(lru, nid, memcg);
  long nr_items = NrItemsOf(list);
  bool counted = nr_items < 0 || count == static_cast<unsigned long>(nr_items);
  if (visited == items && counted) {
    CheckShrink(lru, list, items, count, {.nid = nid, .memcg = memcg});
    return;
  }
  harness::ReportInvariant(
      "walk_contract", OwnerOf(list),
      "at rest list %u of memcg %u (lru %u, nid %d) has %lu items, but "
      "list_lru_walk_one called back %lu times and list_lru_count_one says %lu",
      list->serial, OwnerOf(list), lru->serial, nid, items, visited, count);
}

// Interrupts are on.
void VisitListIrq(int nid, lru::list_lru_one* list, void* arg) {
  const auto& [world, lru, limit] = *static_cast<const Rest*>(arg);
  lru::mem_cgroup* memcg = list->owner;
  if (!world.IsAlive(memcg)) return;
  const unsigned long items = LengthOf(list, limit);
  unsigned long visited = 0;
  const lru::shrink_control sc{.nid = nid, .memcg = memcg, .nr_to_scan = items};
  Unwatched(
      [&] { lru::list_lru_shrink_walk_irq(lru, &sc, CountOnly, &visited); });
  if (visited == items) return;
  harness::ReportViolation(
      {.invariant = "walk_contract", .memcg = OwnerOf(list), .what = "shrink"},
      "at rest list %u of memcg %u (lru %u, nid %d) has %lu items, but "
      "list_lru_shrink_walk_irq for as many called back %lu times",
      list->serial, OwnerOf(list), lru->serial, nid, items, visited);
}

using Items = std::vector<lru::list_head*>;

lru_status TakeOff(lru::list_head* item, lru::list_lru_one* list,
                   lru::spinlock_t*, void* items) {
  lru::current_lru_ops().list_lru_isolate(list, item);
  static_cast<Items*>(items)->push_back(item);
  return lru::LRU_REMOVED;
}

// Of a walk of all lists that takes everything off, for it must go on where it
// has isolated something as where it has not. Then all is put back.
unsigned long VisitsOfWalk(lru::list_lru* lru, unsigned long limit) {
  Items items;
  Unwatched([&] {
    lru::list_lru_walk(lru, TakeOff, &items, limit);
    for (lru::list_head* item : items) {
      lru::current_lru_ops().list_lru_add_obj(lru, item);
    }
  });
  return items.size();
}

// One walk of the tree comes to each memcg once: those that are no more in the
// world may still be passed, on their way down.
void CheckIteration(World& world, lru::mem_cgroup_reclaim_cookie* reclaim,
                    const char* how) {
  std::vector<uint32_t> visits(world.nr_memcgs());
  int64_t left = lru::live_allocs(lru::ALLOC_MEMCG);
  lru::mem_cgroup* memcg = nullptr;
  while ((memcg = lru::mem_cgroup_iter(lru::root_mem_cgroup, memcg, reclaim))) {
    for (uint32_t i = 0; i < world.nr_memcgs(); i++) {
      if (world.SerialAt(i) == lru::serial_of(memcg)) visits[i]++;
    }
    if (left-- > 0) continue;
    lru::mem_cgroup_put(memcg);
    break;
  }
  for (uint32_t i = 0; i < world.nr_memcgs(); i++) {
    uint32_t serial = world.SerialAt(i);
    if (!serial || visits[i] == 1) continue;
    harness::ReportViolation(
        {.invariant = "walk_contract", .memcg = serial, .what = "tree"},
        "at rest mem_cgroup_iter() came %u times to memcg %u in one walk of "
        "the tree%s",
        visits[i], serial, how);
  }
}

// A round may have been begun already: what is left of it, then one from its
// beginning.
void CheckRound(World& world, int nid) {
  lru::mem_cgroup_reclaim_cookie rest{.nid = nid}, whole{.nid = nid};
  lru::mem_cgroup* memcg = nullptr;
  for (int64_t left = lru::live_allocs(lru::ALLOC_MEMCG); left >= 0; left--) {
    memcg = lru::mem_cgroup_iter(lru::root_mem_cgroup, memcg, &rest);
    if (!memcg) break;
  }
  lru::mem_cgroup_put(memcg);
  CheckIteration(world, &whole, ", in the round that reclaimers share");
}

void CheckTotals(World& world) {
  CheckIteration(world, nullptr, "");
  CheckRound(world, /*nid=*/0);
  auto limit = static_cast<unsigned long>(
      std::max<int64_t>(lru::live_allocs(lru::ALLOC_SLAB_OBJ), 0));
  for (uint32_t i = 0; i < world.nr_lrus(); i++) {
    lru::list_lru* lru = world.lru(i);
    Rest rest{world, lru, limit};
    if (lru->irq_safe) {
      UnwatchedOps().for_each_list(lru, VisitListIrq, &rest);
    }
    lru::irqs_off_guard irqs(lru->irq_safe);
    unsigned long items = 0;
    for (uint32_t nid = 0; nid < world.nids(); nid++) {
      items += CheckWalkNode(world, lru, static_cast<int>(nid));
    }
    unsigned long count = lru::list_lru_count(lru);
    if (count != items) {
      harness::ReportInvariant(
          "walk_contract", 0,
          "at rest list_lru_count says %lu for the %lu items there are (lru "
          "%u)",
          count, items, lru->serial);
    }
    UnwatchedOps().for_each_list(lru, VisitList, &rest);
  }
}

void CheckLast(World& world) {
  for (uint32_t i = 0; i < world.nr_lrus(); i++) {
    lru::list_lru* lru = world.lru(i);
    lru::irqs_off_guard irqs(lru->irq_safe);
    unsigned long items = lru::list_lru_count(lru);
    CheckVisits(lru, "list_lru_walk", VisitsOfWalk(lru, world.ObjectsMax()),
                items);
  }
}

void Start(World&) {
  harness::Observe(lru::FP_walk_list_locked, OnListLocked);
  harness::Observe(lru::FP_count_changed, OnCountChanged);
}

LRUTORTURE_REGISTER(RegisterOracle(
    {{"callback_lock_state", "15",
      "A walk calls back with the list's lock held, the callback returns with "
      "it held or dropped as this lru wants it, and the walk gives it back."},
     {"single_isolation", "16, 18",
      "A walk begins again at the head when the lock was dropped, and between "
      "two adds an item is isolated at most once."},
     {"walk_contract", "13, 14, 17",
      "A walk calls back at most nr_to_walk times, goes from item to item as "
      "the callbacks say, and returns how many they have removed; at rest it "
      "comes to everything."}},
    {.start = Start,
     .check_totals = CheckTotals,
     .after_teardown = nullptr,
     .watch = Watch,
     .check_last = CheckLast}));

}  // namespace
}  // namespace walks_oracle
}  // namespace workloads
