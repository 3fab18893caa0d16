// A finding of explore is not believed before a new process has come to it.
//
// The process that found it had run other schedules before, and one of them may
// have broken memory or left something behind. So, each in a process of its
// own and only as far as it takes:
//   1. Its schedule alone. The same finding in the same course: reproduced.
//   2. Alone it comes to a finding in another course: once more. When these two
//      are the same, that is what everybody will see who replays it:
//      reproduced, and the report carries it instead of the first.
//   3. All schedules from the run's first to that one. The same finding in the
//      same course there: as good as proven, by the run's own command, but the
//      schedule alone does not show it.
//   4. None of these. Where memory is broken, chance decides what is found, and
//      a finding of such a kind stays one. Any other is not believed: something
//      else than the schedule decides, which is the harness's failure.
// A schedule that takes the same course and does not come to the finding, as
// when TSan overlooks it, ends with 1: the finding stays, not reproduced.
#ifndef LRUTORTURE_HARNESS_SECOND_LOOK_H_
#define LRUTORTURE_HARNESS_SECOND_LOOK_H_

#include <cstdint>
#include <optional>
#include <string>

#include "harness/config.h"
#include "harness/explore/explore.h"
#include "harness/interrupt.h"
#include "harness/replay.h"
#include "harness/supervise.h"
#include "harness/workload.h"

namespace harness {

struct SecondLook {
  std::optional<Replayed> replayed;  // of the schedule alone
  Snapshot instead;      // of 2., with the totals of the run; null: the first
  bool alone = true;     // false: 3.
  std::string remark;    // sentences, where it is not as simple as 1.
  std::string disputed;  // a sentence: exit 4
};

// What a run is: to have all of it again.
struct ExploreRun {
  const Config& config;
  uint64_t seed;
  explore::Share share;
  Workload& workload;
  bool silent;
};

// `first` is a copy with CanBeRunAgain(first): the mapped recorder is a new one
// afterwards. Ctrl-C ends it; then nothing is said.
SecondLook LookAgain(const ExploreRun& run, const Recorder& first,
                     const InterruptScope& interrupts);

// Whether a finding is of a schedule that was not ended from outside.
bool CanBeRunAgain(const Recorder& r);

}  // namespace harness

#endif  // LRUTORTURE_HARNESS_SECOND_LOOK_H_
