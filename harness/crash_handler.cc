#include "harness/crash_handler.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstring>

#include "harness/finding_raw.h"
#include "harness/flight_recorder.h"
#include "harness/report/report.h"

namespace harness {
namespace {

constexpr int kCrashSignals[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT};
constexpr size_t kAlternateStackBytes = 64 << 10;
constexpr int kStackWaitMs = 50;

// Written while the process has one thread.
void (*keep_other_stacks)() = [] {};

int StackSignal() { return SIGRTMIN + 1; }

bool UnderAsan() { return strcmp(BuildSanitizer(), "asan") == 0; }

struct Registers {
  uint64_t pc = 0;
  void* frame = nullptr;
};

Registers RegistersOf([[maybe_unused]] void* context) {
  Registers registers;
#if defined(__x86_64__)
  const mcontext_t& machine = static_cast<ucontext_t*>(context)->uc_mcontext;
  registers.pc = static_cast<uint64_t>(machine.gregs[REG_RIP]);
  registers.frame = reinterpret_cast<void*>(machine.gregs[REG_RBP]);
#elif defined(__aarch64__)
  const mcontext_t& machine = static_cast<ucontext_t*>(context)->uc_mcontext;
  registers.pc = machine.pc;
  registers.frame = reinterpret_cast<void*>(machine.regs[29]);
#endif
  return registers;
}

// Frames are return addresses everywhere: the interrupted instruction goes in
// one further, as if it were one.
uint32_t StackOf(void* context, uint64_t* frames) {
  Registers registers = RegistersOf(context);
  if (!registers.pc) return 0;
  frames[0] = registers.pc + 1;
  return 1 + CaptureStack(frames + 1, kFramesMax - 1, registers.frame);
}

void RecordCrash(int signal, const siginfo_t& info, void* context) {
  FindingSlot* slot = ClaimFinding(Kind::kCrash);
  if (!slot) return RawAwaitFindings();
  const char* abbreviation = sigabbrev_np(signal);
  snprintf(slot->type, sizeof(slot->type), "SIG%s",
           abbreviation ? abbreviation : "?");
  slot->address = reinterpret_cast<uint64_t>(info.si_addr);
  slot->nr_frames = StackOf(context, slot->frames);
  keep_other_stacks();
  const lru::task* task = lru::current_task();
  char message[sizeof(slot->message)];
  if (signal == SIGABRT) {
    slot->address = 0;
    snprintf(message, sizeof(message), "%s aborted (SIGABRT)",
             task ? task->name : "a thread");
  } else {
    snprintf(message, sizeof(message), "%s crashed with %s at address 0x%llx",
             task ? task->name : "a thread", slot->type,
             static_cast<unsigned long long>(slot->address));
  }
  PublishFinding(slot, message);
}

void OnCrash(int signal, siginfo_t* info, void* context) {
  RecordCrash(signal, *info, context);
  // Back to the default: returning meets the same instruction again. A signal
  // that somebody sent does not come back by itself.
  ::signal(signal, SIG_DFL);
  if (info->si_code <= 0) {
    syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), signal);
  }
}

void OnStackRequest(int, siginfo_t*, void* context) {
  TaskSlot* slot = CurrentSlot();
  if (!slot) return;
  uint64_t frames[kFramesMax];
  uint32_t count = StackOf(context, frames);
  for (uint32_t i = 0; i < count; i++)
    slot->frames[i].store(frames[i], kRelaxed);
  slot->nr_frames.store(count, kRelaxed);
  keep_other_stacks();
  slot->stack_request.fetch_add(1, kRelaxed);
}

void Handle(int signal, void (*handler)(int, siginfo_t*, void*), int flags) {
  struct sigaction action = {};
  action.sa_sigaction = handler;
  action.sa_flags = SA_SIGINFO | flags;
  sigemptyset(&action.sa_mask);
  sigaction(signal, &action, nullptr);
}

}  // namespace

void InstallCrashHandler() {
  if (UnderAsan()) return;
  for (int signal : kCrashSignals) Handle(signal, OnCrash, SA_ONSTACK);
}

void InstallAlternateStack() {
  if (UnderAsan()) return;  // has given each thread one of its own
  void* memory = mmap(nullptr, kAlternateStackBytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return;
  stack_t stack = {};
  stack.ss_sp = memory;
  stack.ss_size = kAlternateStackBytes;
  sigaltstack(&stack, nullptr);
}

void InstallStackHandler() {
  Handle(StackSignal(), OnStackRequest, SA_RESTART);
}

void SetKeeperOfOtherStacks(void (*keep)()) { keep_other_stacks = keep; }

void KeepOtherStacksOfCrash() { keep_other_stacks(); }

void AskForStacks(pid_t pid) {
  Recorder& r = *recorder();
  uint32_t count = r.nr_tasks.load(kRelaxed);
  std::array<uint32_t, lru::kTasksMax> before = {};
  std::array<bool, lru::kTasksMax> asked = {};
  for (uint32_t i = 0; i < count && i < lru::kTasksMax; i++) {
    before[i] = r.tasks[i].stack_request.load(kRelaxed);
    int tid = r.tasks[i].task.tid.load(kRelaxed);
    asked[i] = tid > 0 && syscall(SYS_tgkill, pid, tid, StackSignal()) == 0;
  }
  for (int ms = 0; ms < kStackWaitMs; ms++) {
    bool all = true;
    for (uint32_t i = 0; i < count && i < lru::kTasksMax; i++) {
      bool gone = r.tasks[i].task.tid.load(kRelaxed) == 0;
      all &= !asked[i] || gone ||
             r.tasks[i].stack_request.load(kRelaxed) != before[i];
    }
    if (all) return;
    usleep(1000);
  }
}

}  // namespace harness
