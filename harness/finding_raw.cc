// Compiled without sanitizers and builtins: see the header.
#include "harness/finding_raw.h"

namespace harness {
namespace {

Recorder* raw_recorder = nullptr;

template <class T>
LRUTORTURE_INLINE T* Plain(std::atomic<T>& value) {
  return reinterpret_cast<T*>(&value);
}

}  // namespace

void SetRawRecorder(Recorder* recorder) {
  __atomic_store_n(&raw_recorder, recorder, __ATOMIC_RELEASE);
}

Recorder* RawRecorder() {
  return __atomic_load_n(&raw_recorder, __ATOMIC_ACQUIRE);
}

FindingSlot* RawClaimFinding(Kind kind) {
  Recorder* r = RawRecorder();
  if (!r) return nullptr;
  uint32_t limit = RawLoad(r->findings_stop);
  if (limit == 0) limit = 1;
  if (limit > kFindingsMax) limit = kFindingsMax;
  uint32_t index =
      __atomic_fetch_add(Plain(r->nr_findings), 1, __ATOMIC_RELAXED);
  if (index >= limit) return nullptr;
  if (index + 1 == limit) {
    // From here on nothing may overwrite how it came about.
    __atomic_store_n(Plain(r->freeze), 1, __ATOMIC_RELAXED);
    __atomic_store_n(Plain(r->stop), 1, __ATOMIC_RELAXED);
  }
  FindingSlot* slot = &r->findings[index];
  slot->kind = kind;
  slot->ticks = lru::now_ticks();
  lru::task* task = lru::current_task();
  slot->task = task ? task->id : ~0u;
  return slot;
}

void RawPublishFinding(FindingSlot* slot, const char* message) {
  if (message) RawText(slot->message, sizeof(slot->message)).Str(message);
  __atomic_store_n(Plain(slot->ready), 1, __ATOMIC_RELEASE);
}

const char* RawTaskName(int32_t os_tid) {
  Recorder* r = RawRecorder();
  if (!r || os_tid == 0) return nullptr;
  for (TaskSlot& slot : r->tasks) {
    if (slot.task.in_use && RawLoad(slot.task.tid) == os_tid) {
      return slot.task.name;
    }
  }
  return nullptr;
}

}  // namespace harness
