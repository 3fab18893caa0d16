// What a person sees while a run lasts, on stderr: on a terminal one live line,
// elsewhere a plain line every 10 s.
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
// From start to the actors' stop, or until now.
double RunSeconds(const Recorder& r);

// "3.2 s left, 1234567 operations, 2345 teardowns/s, 678 faults fired"
std::string ProgressText(const Recorder& r, const Config& config);

class Progress {
 public:
  static constexpr uint64_t kLivePeriodMs = 200;
  static constexpr uint64_t kPlainPeriodMs = 10'000;

  // `silent` prints nothing at all.
  Progress(const Config& config, bool silent);
  ~Progress() { Hide(); }
  // Erases the live line.
  void Hide();
  // To be called often; `now_ms` is any monotonic clock.
  void Update(const Recorder& r, uint64_t now_ms);

 private:
  const Config& config_;
  bool silent_;
  bool live_;
  bool shown_ = false;
  uint64_t next_ms_ = 0;
};

}  // namespace harness

#endif  // LRUTORTURE_HARNESS_PROGRESS_H_
