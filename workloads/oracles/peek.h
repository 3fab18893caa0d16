// What an oracle looks up in an lru for itself, without passing a point of it.
#ifndef LRUTORTURE_WORKLOADS_ORACLES_PEEK_H_
#define LRUTORTURE_WORKLOADS_ORACLES_PEEK_H_

#include "lru/list_lru.h"

namespace workloads {

// The head that a list's items hang on, and what it says they are: under its
// lock, or at rest.
inline const lru::list_head* ItemsOf(const lru::list_lru_one* list) {
  auto* elsewhere = lru::current_lru_ops().items_of;
  return elsewhere ? elsewhere(list) : &list->list;
}
inline bool IsEmpty(const lru::list_lru_one* list) {
  return lru::list_empty(ItemsOf(list));
}
inline long NrItemsOf(const lru::list_lru_one* list) {
  auto* elsewhere = lru::current_lru_ops().nr_items_of;
  return elsewhere ? elsewhere(list)
                   : list->nr_items.load(std::memory_order_relaxed);
}

// The list of that node which an id finds there now, whosever it is; null:
// none. In a read section, or with the lock of one of that lru's lists held.
inline const lru::list_lru_one* PeekListAt(const lru::list_lru* lru, int id,
                                           int nid) {
  return lru::current_lru_ops().list_at(lru, id, nid);
}
inline const lru::list_lru_one* PeekList(const lru::list_lru* lru,
                                         const lru::mem_cgroup* memcg,
                                         int nid) {
  return PeekListAt(lru, memcg->kmemcg_id.load(std::memory_order_relaxed), nid);
}

// All references gone, and found under RCU alone (d5).
inline bool IsReleased(const lru::mem_cgroup* memcg) {
  return memcg &&
         (memcg->css.flags.load(std::memory_order_relaxed) & lru::CSS_RELEASED);
}

// Where ids are rewritten, that of one which was released before is not (d5):
// it leads to its parent's list, drained or not, or to whose the id is by now.
// Tells a violation that comes of that; "" else.
inline const char* ForTheReleased(const lru::mem_cgroup* memcg) {
  return !lru::current_lru_ops().climbs && IsReleased(memcg)
             ? "list of another for the released"
             : "";
}

// What tells a violation that comes of an id which is another memcg's by now,
// memcg's or that of one which a lookup of it passes over, and was given back
// before (d7). "" else.
inline const char* OfAnothersId(const lru::list_lru* lru,
                                const lru::mem_cgroup* memcg, int nid) {
  if (!lru || !lru::current_lru_ops().lost_ids_mislead) return "";
  for (; memcg && memcg->css.parent; memcg = lru::parent_mem_cgroup(memcg)) {
    if (memcg->id.ref.load(std::memory_order_relaxed) > 0) continue;
    const lru::list_lru_one* list = PeekList(lru, memcg, nid);
    if (list && list->owner != memcg) return "id of another";
  }
  return "";
}

// Is the slot of a dying memcg, not the root, empty in this lru already? Where
// its list is not drained yet, lookups then pass over what they must not
// (CVE-2026-53153).
inline bool IsEmptied(const lru::list_lru* lru, const lru::mem_cgroup* memcg,
                      int nid) {
  if (!lru || !lru::current_lru_ops().climbs || !memcg->css.parent)
    return false;
  uint32_t flags = memcg->css.flags.load(std::memory_order_relaxed);
  return (flags & lru::CSS_DYING) && !PeekList(lru, memcg, nid);
}
inline constexpr const char* kEmptiedUndrained =
    "slot emptied before the drain";

}  // namespace workloads

#endif  // LRUTORTURE_WORKLOADS_ORACLES_PEEK_H_
