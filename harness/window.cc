#include "harness/window.h"

#include <algorithm>
#include <bit>

namespace harness {
namespace {

constexpr uint64_t kListBits =
    (Bit(lru::FP_mlru_free_queued) << 1) - Bit(lru::FP_src_locked);

// What a point means. Operations that share their first point share a track:
// which of them it is shows later.
struct Step {
  int8_t track = -1;
  int8_t begun = -1;       // operation that is known to begin here
  int8_t going = -1;       // operation that goes on here
  bool shared = false;     // others begin here that are known only later
  bool stands_in = false;  // begins only what has not begun before
  bool ends = false;
  bool own_list = false;  // begins on a list of the memcg's own, or not at all
  // Stages of lists that cannot have come when it begins: where they seem to,
  // they are another lru's with the same bit.
  uint64_t not_yet = 0;
};

// Written before any task exists.
Step steps[lru::NR_FAULT_POINTS];
lru::fault_point order[lru::NR_FAULT_POINTS];  // stages
int nr_stages = 0;
uint64_t stage_bits = 0;
uint64_t dead_bits = 0;  // of lists that are not found any more

// At its first point an operation is known when no other that goes on shares
// it, or when it is over at once.
bool IsKnownAtOnce(const lru::operation_info& op,
                   std::span<const lru::operation_info> operations) {
  if (op.under_way.empty()) return true;
  return std::none_of(operations.begin(), operations.end(),
                      [&](const lru::operation_info& other) {
                        return &other != &op && !other.under_way.empty() &&
                               other.begins[0] == op.begins[0];
                      });
}

void CompileOperation(int8_t index, int8_t track,
                      std::span<const lru::operation_info> operations) {
  const lru::operation_info& op = operations[index];
  for (lru::fault_point fp : op.begins) {
    steps[fp].track = track;
    steps[fp].stands_in = fp != op.begins[0];
    if (op.makes_lists) steps[fp].not_yet |= kListBits;
    if (op.own_list) steps[fp].not_yet |= dead_bits;
    steps[fp].own_list |= op.own_list;
    if (IsKnownAtOnce(op, operations)) {
      steps[fp].begun = index;
    } else {
      steps[fp].shared = true;
    }
  }
  for (lru::fault_point fp : op.under_way) {
    steps[fp].track = track;
    steps[fp].going = index;
    steps[fp].ends = fp == op.under_way.back();
  }
}

bool HasAny(const std::atomic<uint64_t> (&lists)[kListNodes], uint64_t lru) {
  return std::any_of(std::begin(lists), std::end(lists),
                     [&](const std::atomic<uint64_t>& word) {
                       return word.load(kRelaxed) & lru;
                     });
}

// Of the stages of a list, those that the site's own list has reached.
uint64_t ListBitsOf(const MemcgSlot& memcg, const lru::fault_site& site) {
  uint64_t lru = uint64_t{1} << site.lru.serial % 64;
  uint64_t bits = 0;
  for (int stage = 0; stage < kListStages; stage++) {
    const auto& lists = memcg.lists[stage];
    bool reached = site.nid < 0
                       ? HasAny(lists, lru)
                       : lists[site.nid % kListNodes].load(kRelaxed) & lru;
    if (reached) bits |= Bit(lru::FP_src_locked) << stage;
  }
  return bits;
}

// The stages that a memcg has reached as seen from the site's list; 0 while it
// lives.
uint64_t ViewOf(uint32_t serial, const lru::fault_site& site) {
  const MemcgSlot& memcg = recorder()->memcgs[serial % kMemcgSlots];
  if (memcg.serial.load(kRelaxed) != serial) return 0;
  uint64_t reached = memcg.reached.load(kRelaxed) & stage_bits;
  if (!nr_stages || !(reached & Bit(order[0]))) return 0;  // was never online
  if (!site.lru.serial || !(reached & kListBits)) return reached;
  return (reached & ~kListBits) | (ListBitsOf(memcg, site) & stage_bits);
}

lru::fault_point NewestIn(uint64_t view) {
  int i = nr_stages - 1;
  while (i > 0 && !(view & Bit(order[i]))) i--;
  return order[i];
}

void Bump(std::atomic<uint32_t>& own) {
  own.store(own.load(kRelaxed) + 1, kRelaxed);
}

void Count(TaskSlot& task, lru::fault_point stage, int operation,
           CellOrder cell_order) {
  Bump(task.cells[stage][operation][static_cast<int>(cell_order)]);
}

void CountNear(TaskSlot& task, NearMiss kind) {
  Bump(task.near_misses[static_cast<int>(kind)]);
}

// Many lists share a bit of `lists`. While a lock is held at a stage, only the
// very list of that lock is at it.
bool IsAtThatList(uint32_t serial, const lru::fault_site& site,
                  lru::fault_point stage) {
  if (!site.lru.serial || site.nid < 0 ||
      lru::fault_point_at(stage).holds != lru::held::SPIN) {
    return true;
  }
  return recorder()->memcgs[serial % kMemcgSlots].newest_list.load(kRelaxed) ==
         ListKey(stage, site);
}

// The stage that was the newest when the operation began, once.
void CountStageFirst(TaskSlot& task, UnderWay& at, int operation) {
  if (at.newest == lru::NR_FAULT_POINTS) return;
  Count(task, static_cast<lru::fault_point>(at.newest), operation,
        CellOrder::kStageFirst);
}

void NoteLastUse(uint32_t serial) {
  recorder()->memcgs[serial % kMemcgSlots].last_use_ticks.store(
      lru::now_ticks(), kRelaxed);
}

bool IsUnderWay(const TaskSlot& task, const Step& step, uint32_t serial) {
  return (task.tracks >> step.track & 1) &&
         task.under_way[step.track].memcg == serial;
}

[[gnu::noinline]] void BeginOnDying(const Step& step, uint32_t serial,
                                    const lru::fault_site& site,
                                    TaskSlot& task) {
  UnderWay& at = task.under_way[step.track];
  at.view = ViewOf(serial, site);
  if (!at.view) return;
  lru::fault_point newest = NewestIn(at.view & ~step.not_yet);
  if (IsAtThatList(serial, site, newest)) at.newest = newest;
  if (step.begun >= 0) CountStageFirst(task, at, step.begun);
  if (!step.shared) at.newest = lru::NR_FAULT_POINTS;
  NoteLastUse(serial);
}

void BeginAt(const Step& step, uint32_t serial, const lru::fault_site& site,
             TaskSlot& task, bool may_be_dying) {
  UnderWay& at = task.under_way[step.track];
  if (step.stands_in && IsUnderWay(task, step, serial)) return;
  if (step.own_list && site.owner.serial != serial) return;  // the root's
  task.tracks |= 1u << step.track;
  at = {.memcg = serial, .newest = lru::NR_FAULT_POINTS, .view = 0};
  if (may_be_dying) BeginOnDying(step, serial, site, task);
}

void CountNearMisses(lru::fault_point fp, const lru::fault_site& site,
                     uint64_t view, uint64_t came, TaskSlot& task) {
  const bool linked = fp == lru::FP_item_linked;
  if (linked || fp == lru::FP_item_unlinked) {
    bool between = (view & Bit(lru::FP_kmemcg_ids_changed)) &&
                   !(view & Bit(lru::FP_node_spliced));
    if (between) CountNear(task, NearMiss::k_changed_between_ids_and_splice);
    if (came & Bit(lru::FP_node_spliced)) {
      CountNear(task, NearMiss::k_locked_after_splice);
    }
    if (view & Bit(lru::FP_base_ref_put)) {
      CountNear(task, NearMiss::k_outlived_base_ref);
    }
    if (linked) {
      CountNear(task, site.owner.serial == site.memcg.serial
                          ? NearMiss::k_add_found_list_dying
                          : NearMiss::k_add_linked_in_ancestor);
    }
  } else if (fp == lru::FP_walk_restarted) {
    if (came & Bit(lru::FP_node_spliced)) {
      CountNear(task, NearMiss::k_walk_overtaken_by_splice);
    }
  } else if (fp == lru::FP_xa_stored) {
    if (came & Bit(lru::FP_kmemcg_ids_changed)) {
      CountNear(task, NearMiss::k_alloc_overtaken_by_reparent);
    }
  }
}

[[gnu::noinline]] void GoOnWithDying(lru::fault_point fp, uint32_t serial,
                                     const lru::fault_site& site,
                                     TaskSlot& task) {
  const Step& step = steps[fp];
  UnderWay& at = task.under_way[step.track];
  uint64_t view = ViewOf(serial, site);
  if (!view) return;
  CountStageFirst(task, at, step.going);
  at.newest = lru::NR_FAULT_POINTS;
  uint64_t came = view & ~at.view;
  at.view = view;
  for (uint64_t rest = came; rest; rest &= rest - 1) {
    Count(task, static_cast<lru::fault_point>(std::countr_zero(rest)),
          step.going, CellOrder::kOpFirst);
  }
  CountNearMisses(fp, site, view, came, task);
  NoteLastUse(serial);
}

void GoOnAt(lru::fault_point fp, uint32_t serial, const lru::fault_site& site,
            TaskSlot& task, bool may_be_dying) {
  const Step& step = steps[fp];
  // Else it is a step that another operation has in common with this one.
  if (!serial || !IsUnderWay(task, step, serial)) return;
  if (step.ends) task.tracks &= ~(1u << step.track);
  if (may_be_dying) GoOnWithDying(fp, serial, site, task);
}

}  // namespace

void CompileWindows(const LruInfo* lru) {
  std::fill(std::begin(steps), std::end(steps), Step{});
  nr_stages = 0;
  stage_bits = dead_bits = 0;
  if (!lru || lru->stages.empty()) return;
  bool dead = false;
  for (const lru::stage_info& stage : lru->stages) {
    order[nr_stages++] = stage.fp;
    stage_bits |= Bit(stage.fp);
    dead |= stage.closes == lru::way::SLOT;
    if (dead && stage.per_list) dead_bits |= Bit(stage.fp);
  }
  size_t count = std::min<size_t>(lru->operations.size(), kOperationsMax);
  std::span<const lru::operation_info> operations =
      lru->operations.first(count);
  for (size_t i = 0; i < count; i++) {
    int8_t track = steps[operations[i].begins[0]].track;
    if (track < 0) track = static_cast<int8_t>(i);
    CompileOperation(static_cast<int8_t>(i), track, operations);
  }
}

bool IsStep(lru::fault_point fp) { return steps[fp].track >= 0; }

void NoteStep(lru::fault_point fp, const lru::fault_site& site, TaskSlot& task,
              bool may_be_dying) {
  // A walk by slot names nobody, but the list it is on has an owner.
  uint32_t serial = site.memcg.serial ? site.memcg.serial : site.owner.serial;
  if (steps[fp].going >= 0) {
    GoOnAt(fp, serial, site, task, may_be_dying);
  } else {
    BeginAt(steps[fp], serial, site, task, may_be_dying);
  }
}

void NoteFree(const MemcgSlot& memcg, uint64_t now_ticks) {
  uint64_t used = memcg.last_use_ticks.load(kRelaxed);
  double soon = kSoonUs * 1000 * recorder()->ticks_per_ns;
  if (used && static_cast<double>(now_ticks - used) < soon) {
    CountNear(*CurrentSlot(), NearMiss::k_freed_soon_after_use);
  }
}

}  // namespace harness
