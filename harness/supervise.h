// Watches over a torture process until it has ended, however it ends.
#ifndef LRUTORTURE_HARNESS_SUPERVISE_H_
#define LRUTORTURE_HARNESS_SUPERVISE_H_

#include <sys/types.h>

#include <cstdint>
#include <memory>

#include "harness/config.h"
#include "harness/flight_recorder.h"
#include "harness/interrupt.h"
#include "harness/process_stat.h"
#include "harness/progress.h"
#include "harness/watchdog.h"

namespace harness {

struct RecorderUnmapper {
  void operator()(Recorder* r) const;
};
// A private copy of a recorder.
using Snapshot = std::unique_ptr<Recorder, RecorderUnmapper>;
Snapshot CopyRecorder(const Recorder& r);
// What a run has done in all. `to` keeps its findings, and in explore its
// schedule.
void CopyTotals(Recorder& to, const Recorder& from);
// Maps a new recorder for a process that goes on with the run of `before`,
// which something known has ended `spent_ns` after its beginning.
void GoOnFrom(const Recorder& before, uint64_t spent_ns);

enum class ChildEnd { kEnded, kHarnessFailed, kInterruptedTwice };

class Supervision {
 public:
  // `progress` is the run's, of which there may be more processes.
  Supervision(const Config& config, const InterruptScope& interrupts,
              LiveLine& progress);

  // Returns when child `pid` is gone. Whatever went wrong is a finding of the
  // recorder then.
  ChildEnd Watch(pid_t pid);

  // What to report: the recorder as it was when the first finding was latched,
  // with all findings and totals of the end; or the live one.
  const Recorder& Outcome();

 private:
  bool Reap(pid_t pid);  // true: it is gone, `status_` says how
  void Look(pid_t pid);
  static bool MainWorks();
  void Kill(pid_t pid);
  void OnFinding(pid_t pid);
  void OnAlarm(pid_t pid, const Alarm& alarm);
  void EndInTime(pid_t pid, uint64_t ms);
  void JudgeEnd();
  static void NoteEnd(Recorder& r);

  const InterruptScope& interrupts_;
  const Config& config_;
  LiveLine& progress_;
  Watchdog watchdog_;
  Snapshot snapshot_;
  int status_ = 0;
  bool killed_ = false;  // by us
  ProcessorShare share_;
  uint64_t could_run_us_ = 0;  // counted, but not yet as a whole ms
  uint64_t due_ms_ = 0;        // for how long the end has been due
};

}  // namespace harness

#endif  // LRUTORTURE_HARNESS_SUPERVISE_H_
