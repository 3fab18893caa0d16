#include "harness/event.h"

#include <algorithm>
#include <bit>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"

namespace harness {

const char* VerbName(Verb verb) {
  static constexpr const char* kNames[] = {
#define X(name) #name,
      LRUTORTURE_VERBS(X)
#undef X
  };
  return verb < Verb::kCount ? kNames[static_cast<int>(verb)] : "?";
}

const char* CellOrderName(CellOrder order) {
  return order == CellOrder::kOpFirst ? "op_first" : "stage_first";
}

std::span<const NearMissInfo> NearMissInfos() {
  static constexpr NearMissInfo kInfos[] = {
#define X(name, doc, saved_by) {#name, doc, saved_by},
      LRUTORTURE_NEAR_MISSES(X)
#undef X
  };
  return kInfos;
}

std::string ToText(const Operation& op) {
  std::string text = VerbName(op.verb);
  if (op.object) absl::StrAppend(&text, " o", op.object);
  if (op.memcg) absl::StrAppend(&text, " m", op.memcg);
  if (op.lru) absl::StrAppend(&text, " l", op.lru);
  if (op.nid >= 0) absl::StrAppend(&text, " n", op.nid);
  return text;
}

void StoreOperation(OperationWords& words, const Operation& op) {
  words[0].store(op.object, kRelaxed);
  words[1].store(op.memcg, kRelaxed);
  words[2].store(op.lru, kRelaxed);
  // The node id is stored plus one, so that a zeroed event names none.
  words[3].store(
      static_cast<uint32_t>(op.nid + 1) << 8 | static_cast<uint32_t>(op.verb),
      kRelaxed);
}

Operation LoadOperation(const OperationWords& words) {
  uint32_t last = words[3].load(kRelaxed);
  return {.verb = static_cast<Verb>(last & 0xff),
          .object = words[0].load(kRelaxed),
          .memcg = words[1].load(kRelaxed),
          .lru = words[2].load(kRelaxed),
          .nid = static_cast<int32_t>(last >> 8) - 1};
}

void WriteEvent(TaskSlot& slot, uint64_t ticks, const Operation& op,
                int32_t what, uint32_t duration_ticks) {
  uint64_t head = slot.head.load(std::memory_order_relaxed);
  Event& event = slot.events[head % kEventsPerTask];
  event.ticks.store(ticks, kRelaxed);
  StoreOperation(event.op, op);
  event.what.store(what, kRelaxed);
  event.duration_ticks.store(duration_ticks, kRelaxed);
  slot.head.store(head + 1, std::memory_order_relaxed);
}

std::vector<EventView> LastEvents(const TaskSlot& slot, int n) {
  uint64_t head = slot.head.load(std::memory_order_relaxed);
  uint64_t count = std::min<uint64_t>(std::clamp(n, 0, kEventsPerTask), head);
  std::vector<EventView> views;
  views.reserve(count);
  for (uint64_t i = head - count; i < head; i++) {
    const Event& event = slot.events[i % kEventsPerTask];
    views.push_back({.ticks = event.ticks.load(kRelaxed),
                     .op = LoadOperation(event.op),
                     .what = event.what.load(kRelaxed),
                     .duration_ticks = event.duration_ticks.load(kRelaxed)});
  }
  return views;
}

int Histogram::BucketOf(uint64_t ticks) {
  if (ticks < 8) return static_cast<int>(ticks);
  int exponent = std::bit_width(ticks) - 1;  // >= 3
  int bucket =
      (exponent - 2) * 8 + static_cast<int>(ticks >> (exponent - 3) & 7);
  return std::min(bucket, kBuckets - 1);
}

uint64_t Histogram::Upper(int bucket) {
  if (bucket < 8) return static_cast<uint64_t>(bucket);
  int exponent = bucket / 8 + 2;
  return ((uint64_t{9} + bucket % 8) << (exponent - 3)) - 1;
}

void Histogram::Add(uint64_t ticks) {
  count[BucketOf(ticks)].fetch_add(1, std::memory_order_relaxed);
}

void Histogram::AddOwn(uint64_t ticks) {
  std::atomic<uint32_t>& bucket = count[BucketOf(ticks)];
  bucket.store(bucket.load(std::memory_order_relaxed) + 1,
               std::memory_order_relaxed);
}

}  // namespace harness
