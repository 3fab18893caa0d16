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
  // From 0 (somebody was ready to run all the time, nobody ran) to 1 (got what
  // it could use, or asked for none), of the time since the last call; 1 the
  // first time, and of a process that is gone. Asks for the states of its
  // threads, some microseconds each, only when it has run little.
  double SinceLast(pid_t pid);

 private:
  uint64_t at_ns_ = 0;
  uint64_t ran_ns_ = 0;
};

}  // namespace harness

#endif  // LRUTORTURE_HARNESS_PROCESS_STAT_H_
