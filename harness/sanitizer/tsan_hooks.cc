// ThreadSanitizer's reports as data. The runtime calls __tsan_on_report() with
// its locks held, so this file is compiled without sanitizers and builtins and
// calls nothing but the debugging interface of the runtime: instrumented code
// in here would deadlock.
#include "harness/sanitizer/hooks.h"

#if defined(LRU_TSAN)

#include "harness/finding_raw.h"

// compiler-rt, tsan_debugging.cpp: declared in no installed header.
extern "C" {
using tsan_uptr = unsigned long;
int __tsan_get_report_data(void* report, const char** description, int* count,
                           int* stack_count, int* mop_count, int* loc_count,
                           int* mutex_count, int* thread_count,
                           int* unique_tid_count, void** sleep_trace,
                           tsan_uptr trace_size);
int __tsan_get_report_stack(void* report, tsan_uptr idx, void** trace,
                            tsan_uptr trace_size);
int __tsan_get_report_mop(void* report, tsan_uptr idx, int* tid, void** addr,
                          int* size, int* write, int* atomic, void** trace,
                          tsan_uptr trace_size);
int __tsan_get_report_loc(void* report, tsan_uptr idx, const char** type,
                          void** addr, tsan_uptr* start, tsan_uptr* size,
                          int* tid, int* fd, int* suppressable, void** trace,
                          tsan_uptr trace_size);
int __tsan_get_report_thread(void* report, tsan_uptr idx, int* tid,
                             tsan_uptr* os_id, int* running, const char** name,
                             int* parent_tid, void** trace,
                             tsan_uptr trace_size);
}

namespace harness {
namespace {

constexpr uint32_t kTraceMax = 2 * kFramesMax;  // inlined frames repeat

struct Counts {
  const char* type;
  int count, stacks, mops, locs, mutexes, threads, tids;
};

Kind KindOf(const char* type) {
  if (RawStartsWith(type, "heap-use-after-free")) return Kind::kMemoryError;
  if (RawEquals(type, "lock-order-inversion")) return Kind::kLockInversion;
  if (RawEquals(type, "mutex-double-lock")) return Kind::kDeadlock;
  if (RawStartsWith(type, "mutex-") || RawStartsWith(type, "signal-")) {
    return Kind::kUndefinedBehavior;
  }
  return Kind::kDataRace;
}

void AppendThread(void* report, const Counts& counts, int tid, RawText& text) {
  for (int i = 0; i < counts.threads; ++i) {
    int this_tid = -1, running = 0, parent = 0;
    tsan_uptr os_id = 0;
    const char* name = nullptr;
    void* trace[1] = {};
    __tsan_get_report_thread(report, i, &this_tid, &os_id, &running, &name,
                             &parent, trace, 1);
    if (this_tid != tid) continue;
    const char* task = RawTaskName(static_cast<int32_t>(os_id));
    if (task) {
      text.Str(task);
    } else if (name && *name) {
      text.Str(name);
    } else {
      break;
    }
    return;
  }
  if (tid == 0) {
    text.Str("the main thread");
  } else {
    text.Str("thread ").Dec(static_cast<uint64_t>(tid));
  }
}

// Only the reporting task stands still at its access, so only of it is known
// what it holds there. The signature and readers use this to tell who forgot.
void AppendHeld(RawText& text) {
  lru::task* task = lru::current_task();
  if (!task) return;
  uint32_t held = RawLoad(task->nr_held);
  if (held == 0) {
    text.Str(", holding no lock");
  } else if (held <= lru::kTaskLocksMax) {
    const char* name = RawLoad(task->held[held - 1].name);
    text.Str(", holding ").Str(name ? name : "a lock");
  }
}

void CopyAccesses(void* report, const Counts& counts, FindingSlot* slot) {
  for (int i = 0; i < counts.mops; ++i) {
    SanitizerStack* stack = RawAddStack(slot);
    if (!stack) return;
    int tid = 0, size = 0, write = 0, atomic = 0;
    void* addr = nullptr;
    void* trace[kTraceMax] = {};
    __tsan_get_report_mop(report, i, &tid, &addr, &size, &write, &atomic, trace,
                          kTraceMax);
    stack->nr_frames = RawCopyFrames(trace, kTraceMax, stack->frames);
    RawText title(stack->title, sizeof(stack->title));
    if (i > 0) title.Str("earlier ");
    if (atomic) title.Str("atomic ");
    title.Str(write ? "write of size " : "read of size ");
    title.Dec(static_cast<uint64_t>(size)).Str(" by ");
    AppendThread(report, counts, tid, title);
    if (i > 0) continue;
    AppendHeld(title);
    slot->address = reinterpret_cast<uint64_t>(addr);
    slot->nr_frames = stack->nr_frames;
    for (uint32_t f = 0; f < stack->nr_frames; ++f) {
      slot->frames[f] = stack->frames[f];
    }
  }
}

void CopyLocations(void* report, const Counts& counts, FindingSlot* slot) {
  for (int i = 0; i < counts.locs; ++i) {
    const char* type = nullptr;
    void* addr = nullptr;
    tsan_uptr start = 0, size = 0;
    int tid = 0, fd = 0, suppressable = 0;
    void* trace[kTraceMax] = {};
    __tsan_get_report_loc(report, i, &type, &addr, &start, &size, &tid, &fd,
                          &suppressable, trace, kTraceMax);
    if (!type || !RawEquals(type, "heap")) continue;
    SanitizerStack* stack = RawAddStack(slot);
    if (!stack) return;
    stack->nr_frames = RawCopyFrames(trace, kTraceMax, stack->frames);
    RawText title(stack->title, sizeof(stack->title));
    title.Str("heap block of ").Dec(size).Str(" bytes allocated by ");
    AppendThread(report, counts, tid, title);
  }
}

// Of a lock inversion: where each lock was taken with the other one held.
void CopyStacks(void* report, const Counts& counts, FindingSlot* slot) {
  for (int i = 0; i < counts.stacks; ++i) {
    SanitizerStack* stack = RawAddStack(slot);
    if (!stack) return;
    void* trace[kTraceMax] = {};
    __tsan_get_report_stack(report, i, trace, kTraceMax);
    stack->nr_frames = RawCopyFrames(trace, kTraceMax, stack->frames);
    RawText title(stack->title, sizeof(stack->title));
    title.Str("place ").Dec(static_cast<uint64_t>(i + 1));
    title.Str(counts.mutexes > 0 ? " where a lock is taken" : "");
  }
}

void WriteMessage(const Counts& counts, FindingSlot* slot) {
  RawText text(slot->message, sizeof(slot->message));
  if (counts.mops >= 2 && slot->kind == Kind::kDataRace) {
    text.Str("Nothing orders two accesses to the same memory: ");
    text.Until(slot->stacks[0].title, ',').Str(" and ");
    text.Str(slot->stacks[1].title).Str(".");
  } else if (slot->kind == Kind::kMemoryError && counts.mops >= 1) {
    text.Str("Freed memory is used: ").Until(slot->stacks[0].title, ',');
    text.Str(".");
  } else if (slot->kind == Kind::kLockInversion) {
    text.Str(
        "Locks are taken in opposite orders, so two tasks can block each "
        "other for ever.");
  } else {
    text.Str("ThreadSanitizer reports ").Str(slot->type).Str(".");
  }
}

}  // namespace

void LinkSanitizerHooks() {}

}  // namespace harness

extern "C" __attribute__((visibility("default"), used)) void __tsan_on_report(
    void* report) {
  using harness::FindingSlot;
  harness::Counts counts = {};
  void* sleep_trace[1] = {};
  __tsan_get_report_data(report, &counts.type, &counts.count, &counts.stacks,
                         &counts.mops, &counts.locs, &counts.mutexes,
                         &counts.threads, &counts.tids, sleep_trace, 1);
  if (!counts.type) counts.type = "unknown";
  FindingSlot* slot = harness::RawClaimFinding(harness::KindOf(counts.type));
  if (!slot) return;
  harness::RawText(slot->type, sizeof(slot->type)).Str(counts.type);
  harness::CopyAccesses(report, counts, slot);
  harness::CopyLocations(report, counts, slot);
  harness::CopyStacks(report, counts, slot);
  harness::WriteMessage(counts, slot);
  harness::RawPublishFinding(slot, nullptr);
}

#endif  // LRU_TSAN
