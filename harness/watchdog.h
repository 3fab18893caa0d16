// Finds deadlocks and stalls by looking at the recorder now and then. Runs in
// the supervisor; reads only.
//
// Time is counted in looks, not by a clock: a supervisor that was stopped
// itself, or starved, must not accuse the torture process; and a look counts by
// as much as that could run.
#ifndef LRUTORTURE_HARNESS_WATCHDOG_H_
#define LRUTORTURE_HARNESS_WATCHDOG_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "harness/config.h"
#include "harness/flight_recorder.h"

namespace harness {

struct Alarm {
  Kind kind = Kind::kStall;
  std::string message;
  uint32_t task = ~0u;  // id
  uint32_t memcg = 0;   // serial of the oldest dying one, or 0
};

// Claims a finding for it, unless one is latched. `by_clock`: a supervisor's
// looks have counted it, not an engine.
void ReportAlarm(const Alarm& alarm, bool by_clock = false);

// For the engine that knows: nobody can go on; a schedule does not end.
Alarm DeadlockAlarm(const Recorder& r);
Alarm LivelockAlarm(const Recorder& r, uint64_t points);

class Watchdog {
 public:
  // A cycle of waiters that lasts so long is a deadlock.
  static constexpr uint64_t kDeadlockMs = 120;
  // When the actors are done, what is left to do comes to its end within so
  // many times stall_ms, whatever goes on in it.
  static constexpr uint64_t kStallsOfEnding = 12;

  explicit Watchdog(const Config& config);

  // `ms`: of time to run that the torture process has had since the last call;
  // a late call counts as a punctual one.
  std::optional<Alarm> Look(const Recorder& r, uint64_t ms);

 private:
  struct Seen {
    uint64_t signature = 0;
    uint64_t still_ms = 0;
  };

  std::optional<Alarm> FindDeadlock(const Recorder& r, uint64_t ms);
  std::optional<Alarm> FindStalledTask(const Recorder& r, uint64_t ms);
  std::optional<Alarm> FindStalledPhase(const Recorder& r, uint64_t ms);
  std::optional<Alarm> FindEndlessPhase(const Recorder& r, uint64_t ms);

  // Longer than anything the plan itself may cause.
  uint64_t stall_ms_;
  uint64_t quiet_ms_;
  uint64_t pause_ms_;
  std::vector<Seen> tasks_;
  Seen cycle_;
  Seen phase_;
  Seen ending_;
};

}  // namespace harness

#endif  // LRUTORTURE_HARNESS_WATCHDOG_H_
