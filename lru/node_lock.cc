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
      {FP_id_put, false, false, kNone, way::ID},
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
  static const auto kOperations = list_lru_operations(
      "walks the list of a memcg, by reference or by slot", FP_isolate_unlocked,
      /*walk_own_list=*/false);
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
