// The flight recorder's view of memcgs: which stage of its teardown each one
// has reached, and whether that teardown was contended.
#include "harness/event.h"
#include "harness/flight_recorder.h"
#include "harness/window.h"

namespace harness {
namespace {

// They come out of order, or again and again: no stage to be "at".
constexpr uint64_t kNoStage = Bit(lru::FP_ref_put) |
                              Bit(lru::FP_objcg_released) |
                              Bit(lru::FP_id_removed);

MemcgSlot& SlotFor(uint32_t serial) {
  return recorder()->memcgs[serial % kMemcgSlots];
}

// A teardown begins: the slot is this memcg's from here on.
MemcgSlot& ClaimSlot(const lru::fault_site& site) {
  MemcgSlot& slot = SlotFor(site.memcg.serial);
  slot.serial.store(0, kRelaxed);
  slot.reached.store(0, kRelaxed);
  slot.parent.store(site.parent.serial, kRelaxed);
  slot.depth.store(site.depth, kRelaxed);
  slot.stage_ticks.store(0, kRelaxed);
  slot.items_moved.store(0, kRelaxed);
  slot.operated.store(0, kRelaxed);
  slot.last_use_ticks.store(0, kRelaxed);
  slot.newest_list.store(0, kRelaxed);
  for (auto& stage : slot.lists) {
    for (auto& node : stage) node.store(0, kRelaxed);
  }
  slot.serial.store(site.memcg.serial, kRelaxed);
  return slot;
}

void EnterStage(MemcgSlot& slot, lru::fault_point fp, uint64_t now) {
  slot.reached.fetch_or(Bit(fp), kRelaxed);
  if (Bit(fp) & kNoStage) return;
  uint64_t before = slot.stage_ticks.load(kRelaxed);
  slot.stage_ticks.store(now, kRelaxed);
  slot.stage.store(fp, kRelaxed);
  if (before && now > before) recorder()->stage_latency[fp].Add(now - before);
}

// Which of its lists a stage of path LIST is about; all nodes where it names
// none.
void NoteList(MemcgSlot& slot, lru::fault_point fp,
              const lru::fault_site& site) {
  auto& lists = slot.lists[fp - lru::FP_src_locked];
  for (int node = 0; node < kListNodes; node++) {
    if (site.nid >= 0 && node != site.nid % kListNodes) continue;
    lists[node].fetch_or(uint64_t{1} << site.lru.serial % 64, kRelaxed);
  }
  slot.newest_list.store(ListKey(fp, site), kRelaxed);
}

void CountTeardown(const MemcgSlot& slot) {
  if (!(slot.reached.load(kRelaxed) & Bit(lru::FP_css_dying_set))) return;
  Recorder& r = *recorder();
  r.teardowns.fetch_add(1, kRelaxed);
  if (slot.items_moved.load(kRelaxed) && slot.operated.load(kRelaxed)) {
    r.teardowns_contended.fetch_add(1, kRelaxed);
  }
}

void NoteStage(lru::fault_point fp, const lru::fault_site& site, uint64_t now) {
  uint32_t serial = site.memcg.serial;
  if (!serial) return;
  bool first = fp == lru::FP_css_dying_set || fp == lru::FP_css_online_failed;
  MemcgSlot& slot = first ? ClaimSlot(site) : SlotFor(serial);
  if (slot.serial.load(kRelaxed) != serial) return;  // lives, or long gone
  if (fp == lru::FP_node_spliced && site.nr > 0) {
    slot.items_moved.fetch_add(static_cast<uint64_t>(site.nr), kRelaxed);
  }
  if (fp >= lru::FP_src_locked && fp <= lru::FP_mlru_free_queued) {
    NoteList(slot, fp, site);
  }
  EnterStage(slot, fp, now);
  if (fp != lru::FP_css_free) return;
  CountTeardown(slot);
  NoteFree(slot, now);
}

void NoteUseOf(uint32_t serial) {
  if (!serial || !IsDying(serial)) return;
  MemcgSlot& slot = SlotFor(serial);
  if (!slot.operated.load(kRelaxed)) slot.operated.store(1, kRelaxed);
}

}  // namespace

MemcgSlot* FindMemcg(uint32_t serial) {
  if (!serial || !recorder()) return nullptr;
  MemcgSlot& slot = SlotFor(serial);
  return slot.serial.load(kRelaxed) == serial ? &slot : nullptr;
}

bool IsDying(uint32_t serial) {
  const MemcgSlot* slot = FindMemcg(serial);
  if (!slot) return false;
  uint64_t reached = slot->reached.load(kRelaxed);
  // nr_deferred_reparented follows the last lists_drained.
  return (reached & Bit(lru::FP_css_dying_set)) &&
         !(reached & Bit(lru::FP_nr_deferred_reparented));
}

void NoteUse(const lru::fault_site& site) {
  NoteUseOf(site.memcg.serial);
  if (site.owner.serial != site.memcg.serial) NoteUseOf(site.owner.serial);
}

void RecordPoint(lru::fault_point fp, const lru::fault_site& site) {
  Recorder* r = recorder();
  TaskSlot* task = CurrentSlot();
  if (!r || !task || r->freeze.load(kRelaxed)) return;
  uint64_t now = lru::now_ticks();
  NoteStage(fp, site, now);
  Operation op;
  op.object = site.item.serial;
  op.memcg = site.memcg.serial;
  op.lru = site.lru.serial;
  op.nid = site.nid;
  WriteEvent(*task, now, op, fp, 0);
}

}  // namespace harness
