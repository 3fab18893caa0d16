// What a run of `explore` tells its supervisor: a part of the flight recorder,
// so that it survives the process.
//
// Written by the exploring process alone: `counts` and `log` by the engine, the
// rest between schedules.
#ifndef LRUTORTURE_HARNESS_EXPLORE_RECORD_H_
#define LRUTORTURE_HARNESS_EXPLORE_RECORD_H_

#include <atomic>
#include <cstdint>

#include "harness/explore/schedule.h"

namespace harness::explore {

// Of one schedule. Written by the engine at every point, so plain.
struct ScheduleCounts {
  uint64_t steps;        // points visited
  uint64_t choices;      // of them with more than one task to choose from
  uint64_t hash;         // of (task, point, memcg serial) at each
  uint64_t tasks;        // that there were at once, at most
  uint64_t running;      // the fiber that goes on from the last point
  uint64_t marked_hash;  // CourseHash() at the step of MarkStep(); 0: not yet
};

// The points so far and what was chosen at the last one. Called in hooks.
uint64_t CourseHash(const ScheduleCounts& counts);

// "pct:D", D in 1..9.
inline constexpr uint32_t kPctDepths = 10;

// A schedule that was not the same when it was run again, which ended the run.
struct Difference {
  std::atomic<uint64_t> there;  // 1: there is one, and the rest is valid
  uint64_t index, seed;
  uint64_t points[2], hash[2];  // of both times; dfs knows the second alone
  const char* what;             // where a choice could not be made again; null
  uint64_t choice;              // its number
};

// Of all schedules.
struct Totals {
  std::atomic<uint64_t> schedules;  // explored
  std::atomic<uint64_t> distinct;   // of them, by trace hash
  std::atomic<uint64_t> repeated;   // run twice: both hashes were the same
  std::atomic<uint64_t> points;     // visited, sum over schedules
  std::atomic<uint64_t> choices;    // of them where two or more could run
  std::atomic<uint64_t> steps_max;  // of one schedule
  std::atomic<uint64_t> tasks_max;
  std::atomic<uint64_t> exhausted;           // no schedule is left (dfs)
  std::atomic<uint64_t> began_ns, ended_ns;  // CLOCK_MONOTONIC; 0: not yet
  std::atomic<uint64_t> hash;  // of the hashes of all schedules, in order
  // What pct has to show for itself, see PctSeen: the most fibers and the most
  // choices of a schedule, and by depth how many schedules keep its bound.
  std::atomic<uint64_t> pct_fibers, pct_choices;
  std::atomic<uint64_t> pct_schedules[kPctDepths];
};

struct Record : Totals {
  Difference difference;
  // The schedule in progress, or, once a finding is latched, that one.
  std::atomic<uint64_t> index;
  std::atomic<uint64_t> seed;  // of its operations, faults and choices
  char strategy[8];            // that chose in it: "random", "pct:3"
  // A replay: 1 when a task of the record could not run where it was to.
  std::atomic<uint64_t> left_record;
  ScheduleCounts counts;
  ScheduleLog log;
};

}  // namespace harness::explore

#endif  // LRUTORTURE_HARNESS_EXPLORE_RECORD_H_
