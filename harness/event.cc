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

PackedOperation Pack(const Operation& op) {
  // The node id is stored plus one, so that a zeroed event names none.
  uint64_t nid = static_cast<uint16_t>(op.nid + 1);
  return {{op.object | static_cast<uint64_t>(op.memcg) << 32,
           op.lru | static_cast<uint64_t>(op.verb) << 32 | nid << 40}};
}

Operation Unpack(const PackedOperation& packed) {
  Operation op;
  op.object = static_cast<uint32_t>(packed.words[0]);
  op.memcg = static_cast<uint32_t>(packed.words[0] >> 32);
  op.lru = static_cast<uint32_t>(packed.words[1]);
  op.verb = static_cast<Verb>(packed.words[1] >> 32 & 0xff);
  op.nid = static_cast<int32_t>(packed.words[1] >> 40 & 0xffff) - 1;
  return op;
}

void WriteEvent(TaskSlot& slot, uint64_t ticks, const PackedOperation& op,
                int32_t what, uint32_t duration_ticks) {
  uint64_t head = slot.head.load(std::memory_order_relaxed);
  Event& event = slot.events[head % kEventsPerTask];
  event.ticks.store(ticks, std::memory_order_relaxed);
  event.words[0].store(op.words[0], std::memory_order_relaxed);
  event.words[1].store(op.words[1], std::memory_order_relaxed);
  event.words[2].store(
      static_cast<uint32_t>(what) | static_cast<uint64_t>(duration_ticks) << 32,
      std::memory_order_relaxed);
  slot.head.store(head + 1, std::memory_order_relaxed);
}

std::vector<EventView> LastEvents(const TaskSlot& slot, int n) {
  uint64_t head = slot.head.load(std::memory_order_relaxed);
  uint64_t count = std::min<uint64_t>(std::clamp(n, 0, kEventsPerTask), head);
  std::vector<EventView> views;
  views.reserve(count);
  for (uint64_t i = head - count; i < head; i++) {
    const Event& event = slot.events[i % kEventsPerTask];
    uint64_t last = event.words[2].load(std::memory_order_relaxed);
    EventView view;
    view.ticks = event.ticks.load(std::memory_order_relaxed);
    view.op = Unpack({{event.words[0].load(std::memory_order_relaxed),
                       event.words[1].load(std::memory_order_relaxed)}});
    view.what = static_cast<int32_t>(static_cast<uint32_t>(last));
    view.duration_ticks = static_cast<uint32_t>(last >> 32);
    views.push_back(view);
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
