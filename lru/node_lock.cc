#include "lru/node_lock.h"

#include "lru/implicit_points.h"

namespace lru {

std::span<const stage_info> node_lock_stages() {
  constexpr fault_point kNone = NR_FAULT_POINTS;
  static constexpr stage_info kStages[] = {
      {FP_css_dying_set, false, false, kNone},
      {FP_ref_killed, false, false, kNone},
      {FP_ref_switch_confirmed, false, true, FP_ref_killed},
      {FP_kill_confirmed, false, true, FP_css_dying_set, way::TRYGET_ONLINE},
      {FP_online_cnt_zero, false, false, kNone},
      {FP_offline_begin, false, true, FP_css_dying_set},
      {FP_objcg_unpublished, false, false, kNone},
      {FP_objcgs_reparented, false, false, kNone, way::OBJECT},
      {FP_kmemcg_ids_changed, false, false, kNone},
      {FP_src_locked, true, false, kNone},
      {FP_node_spliced, true, false, kNone},
      {FP_lists_drained, true, false, kNone},
      {FP_xa_erased, true, false, kNone, way::SLOT},
      {FP_mlru_free_queued, true, false, kNone},
      {FP_nr_deferred_reparented, false, false, kNone},
      {FP_id_put, false, false, kNone},
      {FP_offline_end, false, false, kNone},
      {FP_base_ref_put, false, false, kNone},
      {FP_css_ref_zero, false, true, FP_id_put, way::REFERENCE},
      {FP_css_released, false, false, kNone},
      {FP_sibling_unlinked, false, true, FP_css_ref_zero},
      {FP_css_free, false, true, FP_sibling_unlinked},
      {FP_parent_ref_put, false, false, kNone},
  };
  return kStages;
}

std::span<const operation_info> node_lock_operations() {
  // list_looked_up: the caller brought the memcg along.
  static constexpr fault_point kLookup[] = {FP_memcg_looked_up};
  static constexpr fault_point kChange[] = {FP_memcg_looked_up,
                                            FP_list_looked_up};
  static constexpr fault_point kLinked[] = {FP_item_linked};
  static constexpr fault_point kUnlinked[] = {FP_item_unlinked};
  static constexpr fault_point kWalk[] = {FP_walk_list_locked};
  static constexpr fault_point kWalking[] = {FP_isolate_called,
                                             FP_walk_restarted};
  static constexpr fault_point kCount[] = {FP_count_loaded};
  static constexpr fault_point kShrink[] = {FP_shrinker_looked_up};
  static constexpr fault_point kShrinking[] = {
      FP_shrink_counted_empty, FP_shrinker_bit_cleared, FP_shrink_rescanned};
  static constexpr fault_point kAlloc[] = {FP_mlru_allocated};
  static constexpr fault_point kAllocating[] = {FP_xa_stored};
  constexpr fault_point kNone = NR_FAULT_POINTS;
  static constexpr operation_info kOperations[] = {
      {"lookup",
       "finds the memcg of an object, by its objcg or an id, to add or delete "
       "it",
       kLookup,
       {},
       way::ID,
       false,
       false,
       kNone},
      {"add", "links an item: from the lookup of its memcg to item_linked",
       kChange, kLinked, way::ID, false, false, kNone},
      {"del", "unlinks an item: from the lookup of its memcg to item_unlinked",
       kChange, kUnlinked, way::ID, false, false, kNone},
      {"walk", "walks the list of a memcg, by reference or by slot", kWalk,
       kWalking, way::SLOT, true, true, FP_isolate_unlocked},
      {"count",
       "reads how many items a memcg has on one list",
       kCount,
       {},
       way::TRYGET_ONLINE,
       true,
       false,
       FP_shrinker_bit_cleared},
      {"shrink", "runs one shrinker for a memcg whose bit is set", kShrink,
       kShrinking, way::TRYGET_ONLINE, true, false, kNone},
      {"alloc", "makes the lists of a memcg: memcg_list_lru_alloc()", kAlloc,
       kAllocating, way::NONE, true, false, kNone, true},
  };
  return kOperations;
}

std::span<const fault_point> node_lock_absent() {
  static constexpr fault_point kAbsent[] = {
      FP_list_marked_dead,
      FP_dead_list_seen,
      FP_climbed_to_parent,
      FP_walk_memcg_from_id,
  };
  return kAbsent;
}

const list_lru_ops& node_lock_ops() {
  static const list_lru_ops kOps = [] {
    list_lru_ops ops = make_node_lock_ops<node_lock_steps>(
        "node-lock",
        "one lock per (lru, node), ids rewritten, objcgs first: Linux <= 6.12");
    ops.stages = node_lock_stages();
    ops.operations = node_lock_operations();
    ops.absent = node_lock_absent();
    ops.implicit = implicit_points_node_lock();
    return ops;
  }();
  return kOps;
}

}  // namespace lru
