// Claiming and filling a FindingSlot where no instrumented code may run: inside
// TSan's report hook (which holds the runtime's locks, so that one more event
// of the same thread can deadlock), in ASan's callback, in signal handlers.
//
// finding_raw.cc is compiled without sanitizers and without builtins: nothing
// in it or in this header calls malloc, the STL, memcpy or an interceptor. The
// helpers are always inlined: an out-of-line copy could be the instrumented
// one of another file. Atomics use the compiler's builtins for that reason;
// their release and acquire order the hardware but are invisible to TSan.
#ifndef LRUTORTURE_HARNESS_FINDING_RAW_H_
#define LRUTORTURE_HARNESS_FINDING_RAW_H_

#include <cstdint>

#include "harness/flight_recorder.h"

namespace harness {

// The block that raw findings go to; null (the start) drops them. Set by
// InstallSanitizerHooks(), to be set again when the recorder is mapped anew.
void SetRawRecorder(Recorder* recorder);
Recorder* RawRecorder();

// As ClaimFinding and PublishFinding, word for word but for the calls they may
// not make here. A slot never published stays invisible. A null message leaves
// the one already written.
FindingSlot* RawClaimFinding(Kind kind);
void RawPublishFinding(FindingSlot* slot, const char* message);

// Before a process dies: the others that have claimed a finding get the time to
// publish it, half a second at most. A task that dies while it fills in its own
// does not wait.
void RawAwaitFindings();

// The name of the task with this kernel thread id, or null.
const char* RawTaskName(int32_t os_tid);

#define LRUTORTURE_INLINE [[gnu::always_inline]] inline

template <class T>
LRUTORTURE_INLINE T RawLoad(const std::atomic<T>& value) {
  T result;
  __atomic_load(reinterpret_cast<const T*>(&value), &result, __ATOMIC_RELAXED);
  return result;
}

// A text that stops at its end instead of growing.
class RawText {
 public:
  LRUTORTURE_INLINE RawText(char* buffer, uint32_t size)
      : at_(buffer), end_(buffer + size - 1) {
    *at_ = 0;
  }
  LRUTORTURE_INLINE RawText& Str(const char* text) {
    while (text && *text && at_ < end_) *at_++ = *text++;
    *at_ = 0;
    return *this;
  }
  // Up to the first of `stop` or the text's end.
  LRUTORTURE_INLINE RawText& Until(const char* text, char stop) {
    while (*text && *text != stop && at_ < end_) *at_++ = *text++;
    *at_ = 0;
    return *this;
  }
  LRUTORTURE_INLINE RawText& Dec(uint64_t value) {
    char digits[20];
    int n = 0;
    do {
      digits[n++] = static_cast<char>('0' + value % 10);
      value /= 10;
    } while (value);
    while (n > 0 && at_ < end_) *at_++ = digits[--n];
    *at_ = 0;
    return *this;
  }

 private:
  char* at_;
  char* end_;
};

LRUTORTURE_INLINE bool RawEquals(const char* a, const char* b) {
  while (*a && *a == *b) ++a, ++b;
  return *a == *b;
}

LRUTORTURE_INLINE bool RawStartsWith(const char* text, const char* prefix) {
  while (*prefix && *text == *prefix) ++text, ++prefix;
  return *prefix == 0;
}

// The first place of `what` in `text`, or null.
LRUTORTURE_INLINE const char* RawFind(const char* text, const char* what) {
  for (; *text; ++text) {
    if (RawStartsWith(text, what)) return text;
  }
  return nullptr;
}

// Copies program counters up to the first null. One per inlined frame arrives,
// so repeated ones are dropped. As everywhere in the recorder, a frame is the
// address of the call, not of the instruction after it.
LRUTORTURE_INLINE uint32_t RawCopyFrames(void* const* trace, uint32_t size,
                                         uint64_t* frames) {
  uint32_t n = 0;
  for (uint32_t i = 0; i < size && trace[i] && n < kFramesMax; ++i) {
    uint64_t pc = reinterpret_cast<uint64_t>(trace[i]);
    if (n == 0 || frames[n - 1] != pc) frames[n++] = pc;
  }
  return n;
}

// The next free stack of a claimed slot, or null when all are taken.
LRUTORTURE_INLINE SanitizerStack* RawAddStack(FindingSlot* slot) {
  constexpr uint32_t kStacks =
      sizeof(FindingSlot::stacks) / sizeof(SanitizerStack);
  if (slot->nr_stacks >= kStacks) return nullptr;
  return &slot->stacks[slot->nr_stacks++];
}

}  // namespace harness

#endif  // LRUTORTURE_HARNESS_FINDING_RAW_H_
