// The body of a torture run under the engine `explore`: one schedule after
// another, each with a lru of its own, each to its last css_free and the final
// totals. Runs in the torture process; talks through the recorder.
#ifndef LRUTORTURE_HARNESS_EXPLORE_EXPLORE_H_
#define LRUTORTURE_HARNESS_EXPLORE_EXPLORE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "harness/config.h"
#include "harness/explore/schedule.h"
#include "harness/workload.h"

namespace harness::explore {

// One schedule, to be run again.
struct OneSchedule {
  uint64_t index = 0;
  uint64_t seed = 0;
  std::vector<ScheduleRun> choices = {};
  uint64_t marked_step = 0;  // ScheduleCounts::marked_hash; 0: none
};

// No two schedules have the same, of one run or of runs with other seeds.
uint64_t SeedOfSchedule(uint64_t run_seed, uint64_t index);

// Of all schedules these: first, first + every, ...
struct Share {
  uint64_t first = 0;
  uint64_t every = 1;
};

// Ends with the first finding, whatever `on_finding` says: who has been caught
// in the middle of a schedule cannot begin the next one. Ctrl-C ends it between
// two schedules. Returns false when the harness itself failed: a schedule that
// was run again took another course, Record::difference.
bool RunExplore(const Config& config, uint64_t seed, const Share& share,
                Workload& workload);
// That one alone, to its end or to a finding.
bool RunSchedule(const Config& config, const OneSchedule& schedule,
                 Workload& workload);

}  // namespace harness::explore

#endif  // LRUTORTURE_HARNESS_EXPLORE_EXPLORE_H_
