// The record of a schedule: which fiber was chosen at each choice, run by run.
// It is all that a replay needs. Points without a choice are not in it.
#ifndef LRUTORTURE_HARNESS_EXPLORE_SCHEDULE_H_
#define LRUTORTURE_HARNESS_EXPLORE_SCHEDULE_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace harness::explore {

// Fibers are numbered from 0; sets of them are one word.
inline constexpr uint32_t kFibersMax = 64;

// `count` choices in a row, at least one, that all fell on `fiber`.
struct ScheduleRun {
  uint32_t fiber;
  uint32_t count;
  bool operator==(const ScheduleRun&) const = default;
};

inline constexpr uint32_t kScheduleRunsMax = 1 << 17;

// What the engine writes. Plain words, so it may lie in zeroed memory shared
// with another process, which reads it after the writer has died at any
// instruction: `size` counts only runs that are complete. One writer.
struct ScheduleLog {
  uint64_t choices;    // all of them, kept or not
  uint32_t size;       // runs kept
  uint32_t truncated;  // 1: the first runs only; cannot be replayed to the end
  ScheduleRun runs[kScheduleRunsMax];

  void Clear();
  // Called inside fibers: not instrumented. fiber < kFibersMax.
  void Append(uint32_t fiber);
};

// For reports and people. A word for each run: a letter names the fiber, its
// count follows unless it is 1: "a14 d a2" is fiber 0 at 14 choices, fiber 3 at
// one, fiber 0 at two. Letters are a to z (0 to 25), A to Z (26 to 51), and the
// twelve of "!#$%&+-/:=?@". One word changed is another schedule. 20,000 runs
// of at most 999 choices each fit in 100,000 bytes.
char FiberLetter(uint32_t fiber);  // '?' is a letter, too: fiber < kFibersMax
std::string ScheduleText(const ScheduleRun* runs, size_t size);

// Words are separated by white space. Neighbours of the same fiber become one
// run, so ScheduleText() of the result may be shorter. Errors name the word,
// from 1, and the character of the text, from 1.
absl::StatusOr<std::vector<ScheduleRun>> ParseSchedule(std::string_view text);

}  // namespace harness::explore

#endif  // LRUTORTURE_HARNESS_EXPLORE_SCHEDULE_H_
