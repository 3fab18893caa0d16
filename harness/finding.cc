// The latch: whoever notices first claims a slot, and everybody stops. Used
// inside hooks, sanitizer callbacks and signal handlers.
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cstdarg>
#include <cstdio>
#include <cstring>

#include "harness/flight_recorder.h"

namespace harness {
namespace {

struct StackFrame {
  uint64_t next;
  uint64_t return_address;
};

// Reads through the kernel, which says no instead of a segmentation fault: a
// frame pointer met in a signal handler may be any number.
bool ReadFrame(uint64_t address, StackFrame* frame) {
  iovec local = {frame, sizeof(*frame)};
  iovec remote = {reinterpret_cast<void*>(address), sizeof(*frame)};
  // Full words: an int on the stack leaves half of the argument undefined.
  constexpr long kOne = 1, kNoFlags = 0;
  return syscall(SYS_process_vm_readv, static_cast<long>(getpid()), &local,
                 kOne, &remote, kOne,
                 kNoFlags) == static_cast<long>(sizeof(*frame));
}

void Report(const Violation& violation, void* frame_address, const char* format,
            va_list args) {
  int known = FindKnown(violation.invariant, violation.what);
  if (known >= 0 && recorder()) {
    recorder()->nr_known[known].fetch_add(1, kRelaxed);
    if (!KnownFindings()[known].ends_run) return;
  }
  FindingSlot* slot = ClaimFinding(Kind::kInvariant);
  if (!slot) return;
  slot->known = known >= 0;
  snprintf(slot->invariant, sizeof(slot->invariant), "%s", violation.invariant);
  snprintf(slot->type, sizeof(slot->type), "%s%s%s", violation.what,
           *violation.other ? "," : "", violation.other);
  slot->memcg = violation.memcg;
  slot->nr_frames = CaptureStack(slot->frames, kFramesMax, frame_address);
  char message[sizeof(slot->message)];
  vsnprintf(message, sizeof(message), format, args);
  PublishFinding(slot, message);
}

}  // namespace

const char* KindName(Kind kind) {
  switch (kind) {
    case Kind::kInvariant:
      return "invariant";
    case Kind::kDataRace:
      return "data_race";
    case Kind::kMemoryError:
      return "memory_error";
    case Kind::kLeak:
      return "leak";
    case Kind::kUndefinedBehavior:
      return "undefined_behavior";
    case Kind::kLockInversion:
      return "lock_inversion";
    case Kind::kDeadlock:
      return "deadlock";
    case Kind::kStall:
      return "stall";
    case Kind::kCrash:
      return "crash";
    case Kind::kKilled:
      return "killed";
  }
  return "?";
}

FindingSlot* ClaimFinding(Kind kind) {
  Recorder* r = recorder();
  if (!r) return nullptr;
  uint32_t limit = r->findings_stop.load(kRelaxed);
  if (limit == 0) limit = 1;
  if (limit > kFindingsMax) limit = kFindingsMax;
  uint32_t index = r->nr_findings.fetch_add(1, kRelaxed);
  if (index >= limit) return nullptr;
  if (index + 1 == limit) {
    r->freeze.store(1, kRelaxed);
    r->stop.store(1, kRelaxed);
  }
  FindingSlot* slot = &r->findings[index];
  slot->kind = kind;
  slot->ticks = lru::now_ticks();
  slot->points = r->explore.counts.steps;
  slot->trace_hash = explore::CourseHash(r->explore.counts);
  slot->task = lru::current_task() ? lru::current_task()->id : ~0u;
  return slot;
}

void PublishFinding(FindingSlot* slot, const char* message) {
  snprintf(slot->message, sizeof(slot->message), "%s", message);
  // Nobody in this process reads it before the actors have stopped, and the
  // supervisor looks again: keeping the compiler from reordering is enough.
  std::atomic_signal_fence(std::memory_order_release);
  slot->ready.store(1, kRelaxed);
}

void ReportViolation(const Violation& violation, const char* format, ...) {
  va_list args;
  va_start(args, format);
  Report(violation, __builtin_frame_address(0), format, args);
  va_end(args);
}

void ReportInvariant(const char* invariant, uint32_t memcg, const char* format,
                     ...) {
  va_list args;
  va_start(args, format);
  Report({.invariant = invariant, .memcg = memcg}, __builtin_frame_address(0),
         format, args);
  va_end(args);
}

uint32_t CaptureStack(uint64_t* frames, uint32_t max, void* frame_address) {
  uint64_t address = reinterpret_cast<uint64_t>(frame_address);
  uint32_t count = 0;
  StackFrame frame;
  while (count < max && address % sizeof(void*) == 0 &&
         ReadFrame(address, &frame) && frame.return_address > 4096) {
    frames[count++] = frame.return_address;
    if (frame.next <= address) break;  // stacks grow down, walks go up
    address = frame.next;
  }
  return count;
}

}  // namespace harness
