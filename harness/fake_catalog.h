// A small catalog for tests of the harness, which know no workload.
#ifndef LRUTORTURE_HARNESS_FAKE_CATALOG_H_
#define LRUTORTURE_HARNESS_FAKE_CATALOG_H_

#include "harness/catalog.h"

namespace harness {

inline constexpr lru::stage_info kFakeStages[] = {
    {lru::FP_css_dying_set, false, false, lru::NR_FAULT_POINTS},
    {lru::FP_ref_killed, false, false, lru::NR_FAULT_POINTS},
    {lru::FP_kill_confirmed, false, true, lru::FP_ref_killed},
    {lru::FP_objcgs_reparented, false, false, lru::NR_FAULT_POINTS,
     lru::way::OBJECT},
    {lru::FP_node_spliced, true, false, lru::NR_FAULT_POINTS},
    {lru::FP_id_put, false, false, lru::NR_FAULT_POINTS},
    {lru::FP_css_released, false, true, lru::FP_id_put},
    {lru::FP_css_free, false, true, lru::FP_css_released},
};
inline constexpr lru::fault_point kFakeAbsent[] = {lru::FP_list_marked_dead,
                                                   lru::FP_dead_list_seen};

inline constexpr lru::fault_point kFakeBegins[] = {lru::FP_memcg_looked_up};
inline constexpr lru::fault_point kFakeLinked[] = {lru::FP_item_linked};
inline constexpr lru::operation_info kFakeOperations[] = {
    {"fake_add", "Adds.", kFakeBegins, kFakeLinked, lru::way::OBJECT, false,
     false, lru::NR_FAULT_POINTS, false},
};

inline constexpr std::string_view kFakeImplicit[] = {
    "-/css_put>rmw",
    "list_lru_add/f>rcu_read_lock",
    "list_lru_add/lock_list_lru>spin_lock",
};

// Any number of times; what is there already stays as it is.
inline void RegisterFakes() {
  Catalog& catalog = Catalog::Get();
  if (catalog.FindLru("node-lock") == nullptr) {
    catalog.Add(LruInfo{"node-lock",
                        "One lock per node.",
                        kFakeStages,
                        kFakeAbsent,
                        {},
                        kFakeOperations});
  }
  if (catalog.FindLru("other-lock") == nullptr) {
    catalog.Add(LruInfo{"other-lock", "Another lock.", {}, {}, kFakeImplicit});
  }
  for (const char* actor : {"shrinker", "destroyer", "deleter", "adder"}) {
    if (!catalog.HasActor(actor)) catalog.Add(ActorInfo{actor, "Does things."});
  }
  if (catalog.FindBusted("fake_bug") == nullptr) {
    catalog.Add(BustedInfo{"fake_bug",
                           "lru",
                           {},
                           "A step is left out.",
                           "busted/fake_bug.json",
                           {{"release", "invariant", "no_leak"}},
                           "  one task    another\n"
                           "  looks       leaps\n"});
    catalog.Add(BustedInfo{"other_only",
                           "lru",
                           {"other-lock"},
                           "A step of the other lock is left out.",
                           "",
                           {}});
    catalog.Add(InvariantInfo{"no_leak", "34", "Nothing stays behind."});
  }
}

}  // namespace harness

#endif  // LRUTORTURE_HARNESS_FAKE_CATALOG_H_
