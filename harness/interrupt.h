// Ctrl-C and SIGTERM while a run lasts: the first one stops it cleanly.
#ifndef LRUTORTURE_HARNESS_INTERRUPT_H_
#define LRUTORTURE_HARNESS_INTERRUPT_H_

#include <signal.h>

namespace harness {

// Handles both signals for as long as it lives, then restores what was there.
// The first sets `interrupted` in the recorder, and `stop` but in explore,
// which ends between two schedules. The second is the owner's to act on, unless
// `exit_on_second`.
class InterruptScope {
 public:
  explicit InterruptScope(bool exit_on_second);
  ~InterruptScope();
  InterruptScope(const InterruptScope&) = delete;
  InterruptScope& operator=(const InterruptScope&) = delete;

  int count() const;

 private:
  struct sigaction old_int_;
  struct sigaction old_term_;
};

}  // namespace harness

#endif  // LRUTORTURE_HARNESS_INTERRUPT_H_
