// Signals inside the torture process: a crash becomes a finding before the
// process dies of it, and every task shows its stack when the supervisor asks.
#ifndef LRUTORTURE_HARNESS_CRASH_HANDLER_H_
#define LRUTORTURE_HARNESS_CRASH_HANDLER_H_

#include <sys/types.h>

namespace harness {

// SIGSEGV, SIGBUS, SIGILL, SIGFPE and SIGABRT are recorded with address and
// stack and then kill the process as they would have. Not under ASan, which
// reports them better itself.
void InstallCrashHandler();
// A stack that overflows needs another one to say so. Per thread; never given
// back: for threads that live as long as the process.
void InstallAlternateStack();

// Answers AskForStacks().
void InstallStackHandler();
// Called by the supervisor: asks every task of process `pid` for its stack and
// waits until all have answered, 50 ms at most. A task that cannot answer keeps
// nr_frames as it was.
void AskForStacks(pid_t pid);

// Where one thread is many tasks: called with each stack that is kept, by a
// signal handler, to keep those of the tasks that do not run.
void SetKeeperOfOtherStacks(void (*keep)());
// For a sanitizer that handles crashes itself.
void KeepOtherStacksOfCrash();

}  // namespace harness

#endif  // LRUTORTURE_HARNESS_CRASH_HANDLER_H_
