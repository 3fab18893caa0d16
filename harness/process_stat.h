// What the operating system says of another process.
#ifndef LRUTORTURE_HARNESS_PROCESS_STAT_H_
#define LRUTORTURE_HARNESS_PROCESS_STAT_H_

#include <sys/types.h>

#include <cstdint>

namespace harness {

// SIGSTOP or a debugger holds it.
bool IsStopped(pid_t pid);

// How much of the processors that a process asks for it gets. On a machine
// where others want them too, what it has not done yet is no fault of it.
class ProcessorShare {
 public:
  // Never less, so that what stands still is told some time, whatever else
  // runs.
  static constexpr double kLeast = 1.0 / 16;

  // Up to 1 (got what it could use, or asked for none), of the time since the
  // last call; 1 the first time, and of a process that is gone. `main_works`:
  // else its first thread is not looked at, which only waits for the others.
  // Asks for the states of threads, some microseconds each, only when the
  // process has run little.
  double SinceLast(pid_t pid, bool main_works);

 private:
  uint64_t at_ns_ = 0;
  uint64_t ran_ns_ = 0;
};

}  // namespace harness

#endif  // LRUTORTURE_HARNESS_PROCESS_STAT_H_
