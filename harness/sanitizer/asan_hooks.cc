// AddressSanitizer's and UBSan's reports as data. Both runtimes call in with
// locks held or from wherever the fault is, so this file is compiled without
// sanitizers and builtins, and allocates nothing.
#include "harness/sanitizer/hooks.h"

#if defined(LRU_ASAN)

#include <unwind.h>

#include "harness/crash_handler.h"
#include "harness/finding_raw.h"

extern "C" {
// sanitizer/asan_interface.h
void __asan_set_error_report_callback(void (*callback)(const char*));
void* __asan_get_report_pc();
void* __asan_get_report_bp();
void* __asan_get_report_address();
int __asan_get_report_access_type();
size_t __asan_get_report_access_size();
const char* __asan_get_report_description();
size_t __asan_get_alloc_stack(void* addr, void** trace, size_t size,
                              int* thread_id);
size_t __asan_get_free_stack(void* addr, void** trace, size_t size,
                             int* thread_id);
// compiler-rt, ubsan_monitor.h: declared in no installed header.
void __ubsan_get_current_report_data(const char** kind, const char** message,
                                     const char** file, unsigned* line,
                                     unsigned* column, char** address);
}

namespace harness {
namespace {

struct Signal {
  const char* word;  // ASan's
  const char* name;
};
constexpr Signal kSignals[] = {
    {"SEGV", "SIGSEGV"},
    {"BUS", "SIGBUS"},
    {"FPE", "SIGFPE"},
    {"ILL", "SIGILL"},
    {"ABRT", "SIGABRT"},
    {"TRAP", "SIGTRAP"},
    // How it names a SIGSEGV when it can tell more.
    {"null-deref", "SIGSEGV"},
    {"wild-addr", "SIGSEGV"},
    {"wild-addr-read", "SIGSEGV"},
    {"wild-addr-write", "SIGSEGV"},
    {"wild-jump", "SIGSEGV"},
};

const char* SignalOf(const char* description) {
  for (const Signal& signal : kSignals) {
    if (RawEquals(description, signal.word)) return signal.name;
  }
  return RawEquals(description, "stack-overflow") ? description : nullptr;
}

const char* TaskOrThread() {
  lru::task* task = lru::current_task();
  return task ? task->name : "the main thread";
}

void CopyAccess(FindingSlot* slot) {
  SanitizerStack* stack = RawAddStack(slot);
  stack->frames[0] = reinterpret_cast<uint64_t>(__asan_get_report_pc());
  stack->nr_frames = 1 + CaptureStack(stack->frames + 1, kFramesMax - 1,
                                      __asan_get_report_bp());
  slot->nr_frames = stack->nr_frames;
  for (uint32_t f = 0; f < stack->nr_frames; ++f) {
    slot->frames[f] = stack->frames[f];
  }
  RawText title(stack->title, sizeof(stack->title));
  if (size_t size = __asan_get_report_access_size()) {
    title.Str(__asan_get_report_access_type() ? "write" : "read");
    title.Str(" of size ").Dec(size).Str(" by ").Str(TaskOrThread());
  } else {
    title.Str("by ").Str(TaskOrThread());
  }
}

// The runtime tells thread numbers, not names; names are in its text:
// "freed by thread T2 (rcu-callbacks) here:".
void AppendThread(const char* text, const char* intro, int tid, RawText& out) {
  const char* at = RawFind(text, intro);
  const char* open = at;
  while (open && *open && *open != '(' && *open != '\n') ++open;
  if (open && *open == '(') {
    out.Until(open + 1, ')');
  } else if (tid == 0) {
    out.Str("the main thread");
  } else {
    out.Str("thread ").Dec(static_cast<uint64_t>(tid));
  }
}

using GetStack = size_t (*)(void*, void**, size_t, int*);
void CopyHeap(GetStack get, const char* word, const char* intro,
              const char* text, FindingSlot* slot) {
  void* trace[kFramesMax] = {};
  int tid = -1;
  void* address = reinterpret_cast<void*>(slot->address);
  size_t n = address ? get(address, trace, kFramesMax, &tid) : 0;
  SanitizerStack* stack = n > 0 ? RawAddStack(slot) : nullptr;
  if (!stack) return;
  stack->nr_frames =
      RawCopyFrames(trace, static_cast<uint32_t>(n), stack->frames);
  RawText title(stack->title, sizeof(stack->title));
  title.Str(word);
  AppendThread(text, intro, tid, title);
}

void OnAsanReport(const char* text) {
  const char* description = __asan_get_report_description();
  if (!description || !*description) description = "unknown";
  const char* signal = SignalOf(description);
  FindingSlot* slot =
      RawClaimFinding(signal ? Kind::kCrash : Kind::kMemoryError);
  if (!slot) return RawAwaitFindings();  // ASan ends the process
  RawText(slot->type, sizeof(slot->type)).Str(signal ? signal : description);
  slot->address = reinterpret_cast<uint64_t>(__asan_get_report_address());
  CopyAccess(slot);
  RawText message(slot->message, sizeof(slot->message));
  if (signal) {
    message.Str("The torture process got ").Str(signal).Str(" in ");
    message.Str(TaskOrThread()).Str(".");
    KeepOtherStacksOfCrash();
  } else {
    CopyHeap(__asan_get_free_stack, "freed by ", "freed by thread T", text,
             slot);
    CopyHeap(__asan_get_alloc_stack, "allocated by ", "allocated by thread T",
             text, slot);
    message.Str("AddressSanitizer reports ").Str(description).Str(": ");
    message.Str(slot->stacks[0].title).Str(".");
  }
  RawPublishFinding(slot, nullptr);
}

_Unwind_Reason_Code OnFrame(_Unwind_Context* context, void* arg) {
  SanitizerStack* stack = static_cast<SanitizerStack*>(arg);
  if (stack->nr_frames >= kFramesMax) return _URC_END_OF_STACK;
  if (uint64_t pc = _Unwind_GetIP(context)) {
    stack->frames[stack->nr_frames++] = pc - 1;
  }
  return _URC_NO_REASON;
}

}  // namespace

void LinkSanitizerHooks() { __asan_set_error_report_callback(OnAsanReport); }

}  // namespace harness

// The runtime keeps no frame pointers in its handlers: unwound by tables. Its
// own frames stay on top; the report leaves them out by name.
extern "C" __attribute__((visibility("default"), used)) void
__ubsan_on_report() {
  using harness::FindingSlot;
  using harness::RawText;
  const char *kind = nullptr, *message = nullptr, *file = nullptr;
  unsigned line = 0, column = 0;
  char* address = nullptr;
  __ubsan_get_current_report_data(&kind, &message, &file, &line, &column,
                                  &address);
  FindingSlot* slot =
      harness::RawClaimFinding(harness::Kind::kUndefinedBehavior);
  if (!slot) return;
  RawText(slot->type, sizeof(slot->type)).Str(kind ? kind : "unknown");
  slot->address = reinterpret_cast<uint64_t>(address);
  harness::SanitizerStack* stack = harness::RawAddStack(slot);
  RawText(stack->title, sizeof(stack->title))
      .Str("by ")
      .Str(harness::TaskOrThread());
  _Unwind_Backtrace(harness::OnFrame, stack);
  slot->nr_frames = stack->nr_frames;
  for (uint32_t f = 0; f < stack->nr_frames; ++f) {
    slot->frames[f] = stack->frames[f];
  }
  RawText(slot->message, sizeof(slot->message))
      .Str("Undefined behaviour: ")
      .Str(message ? message : "unknown")
      .Str(".");
  harness::RawPublishFinding(slot, nullptr);
}

#endif  // LRU_ASAN
