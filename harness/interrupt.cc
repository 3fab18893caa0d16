#include "harness/interrupt.h"

#include <unistd.h>

#include "harness/flight_recorder.h"
#include "harness/supervisor.h"

namespace harness {
namespace {

volatile sig_atomic_t interrupts = 0;
volatile sig_atomic_t second_exits = 0;

void OnInterrupt(int) {
  interrupts = interrupts + 1;
  if (Recorder* r = recorder()) {
    r->interrupted.store(1, std::memory_order_relaxed);
    // A schedule that were cut short could not be run again.
    if (!Exploring(*r)) r->stop.store(1, std::memory_order_relaxed);
  }
  if (interrupts > 1 && second_exits) _exit(kExitInterruptedTwice);
}

}  // namespace

InterruptScope::InterruptScope(bool exit_on_second) {
  interrupts = 0;
  second_exits = exit_on_second;
  struct sigaction action = {};
  action.sa_handler = OnInterrupt;
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, &old_int_);
  sigaction(SIGTERM, &action, &old_term_);
}

InterruptScope::~InterruptScope() {
  sigaction(SIGINT, &old_int_, nullptr);
  sigaction(SIGTERM, &old_term_, nullptr);
}

int InterruptScope::count() const { return interrupts; }

}  // namespace harness
