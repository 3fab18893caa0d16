// Compiled without sanitizers and builtins: see the header.
#include "harness/finding_raw.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <ctime>

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
  slot->points = r->explore.counts.steps;
  slot->trace_hash = explore::CourseHash(r->explore.counts);
  lru::task* task = lru::current_task();
  slot->task = task ? task->id : ~0u;
  return slot;
}

void RawPublishFinding(FindingSlot* slot, const char* message) {
  if (message) RawText(slot->message, sizeof(slot->message)).Str(message);
  __atomic_store_n(Plain(slot->ready), 1, __ATOMIC_RELEASE);
}

void RawAwaitFindings() {
  constexpr int kWaitMs = 500;
  constexpr timespec kMs = {0, 1'000'000};
  Recorder* r = RawRecorder();
  if (!r) return;
  lru::task* task = lru::current_task();
  uint32_t self = task ? task->id : ~0u;
  for (int ms = 0; ms < kWaitMs; ++ms) {
    uint32_t count = RawLoad(r->nr_findings);
    if (count > kFindingsMax) count = kFindingsMax;
    uint32_t limit = RawLoad(r->findings_stop);
    if (count > (limit ? limit : 1)) count = limit ? limit : 1;
    bool waits = false;
    for (uint32_t i = 0; i < count; ++i) {
      const FindingSlot& slot = r->findings[i];
      waits |= !RawLoad(slot.ready) && slot.task != self;
    }
    if (!waits) return;
    syscall(SYS_nanosleep, &kMs, nullptr);
  }
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
