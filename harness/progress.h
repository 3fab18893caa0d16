// What a person sees while something lasts, on stderr: on a terminal one live
// line, elsewhere a plain line every 10 s.
#ifndef LRUTORTURE_HARNESS_PROGRESS_H_
#define LRUTORTURE_HARNESS_PROGRESS_H_

#include <cstdint>
#include <string>

#include "harness/config.h"
#include "harness/flight_recorder.h"

namespace harness {

// Sums over all tasks.
struct Totals {
  uint64_t operations = 0;
  uint64_t fired = 0;  // faults of any kind
};
Totals TotalsOf(const Recorder& r);
// Of one verb.
uint64_t OperationsOf(const Recorder& r, Verb verb);
// From start to the actors' stop, or until now. In explore, whose ticks are
// virtual: from its beginning to its end, real time.
double RunSeconds(const Recorder& r);
// CLOCK_MONOTONIC: the clock of explore::Record, whatever the engine.
uint64_t MonotonicNs();

// "1,234,567"
std::string Grouped(uint64_t value);

// "3.2 s left, 1234567 operations, 2345 teardowns/s, 678 faults fired"
// "12,345 schedules (97 % distinct), 2,345/s, 3.2 s left"
// "12,345 schedules (97 % distinct), 2,345/s, of 1,000,000"
std::string ProgressText(const Recorder& r, const Config& config);

class LiveLine {
 public:
  static constexpr uint64_t kLivePeriodMs = 200;
  static constexpr uint64_t kPlainPeriodMs = 10'000;

  // `silent` prints nothing at all.
  explicit LiveLine(bool silent);
  ~LiveLine() { Hide(); }
  // Erases it.
  void Hide();
  // Whether it is time for another one; `now_ms` is any monotonic clock.
  bool IsDue(uint64_t now_ms);
  void Show(const std::string& text);

 private:
  bool silent_;
  bool live_;
  bool shown_ = false;
  uint64_t next_ms_ = 0;
};

}  // namespace harness

#endif  // LRUTORTURE_HARNESS_PROGRESS_H_
