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
#include "harness/workload.h"

namespace harness::explore {

// One schedule, to be run again.
struct OneSchedule {
  uint64_t index = 0;
  uint64_t seed = 0;
  std::vector<ScheduleRun> choices = {};
};

// Returns false when the harness itself failed (said on stderr): a schedule
// that was run again took another course.
bool RunExplore(const Config& config, uint64_t seed, Workload& workload);
// That one alone.
bool RunSchedule(const Config& config, const OneSchedule& schedule,
                 Workload& workload);

}  // namespace harness::explore

#endif  // LRUTORTURE_HARNESS_EXPLORE_EXPLORE_H_
