// A schedule of explore that is run again: to see that a finding comes again,
// right after it was found, or later, in this build or another.
#ifndef LRUTORTURE_HARNESS_REPLAY_H_
#define LRUTORTURE_HARNESS_REPLAY_H_

#include <cstdint>
#include <optional>
#include <string>

#include "harness/explore/explore.h"
#include "harness/flight_recorder.h"

namespace harness {

struct Replay {
  explore::OneSchedule schedule;  // marked where the finding was
  // What it has to come to.
  uint64_t points = 0;  // visited when the finding was latched
  uint64_t trace_hash = 0;
  std::string kind;       // KindName()
  std::string invariant;  // empty unless that is "invariant"
};

struct Replayed {
  // Where the hashes were compared, and the one there: at Replay::points, or
  // sooner, when the schedule ended or something was found before them.
  uint64_t points = 0;
  uint64_t trace_hash = 0;
  // As far as Replay::points. Unknown when a sanitizer saw something before:
  // it may be luck, or one that the other build has not got.
  std::optional<bool> identical;
  bool reproduced = false;  // the same finding, and no other course
};

// Whether the recorder's finding is one of the schedule in it: a leak that is
// noticed when all have ended is of none, and a very long schedule is not kept.
bool ScheduleIsKnown(const Recorder& r);
// ScheduleIsKnown(r).
Replay ReplayOf(const Recorder& r);

// `r`: of the process that ran it.
Replayed Compare(const Replay& replay, const Recorder& r);

// "412 points with hash 0123456789abcdef, then 400 with fedcba9876543210"
std::string BothCourses(const Replay& replay, const Replayed& replayed);

// A sentence without its full stop; empty: there is none.
std::string DifferenceText(const explore::Difference& difference);

std::string HashText(uint64_t hash);  // 16 hex digits

// A kind of finding, by name, that only some builds can see.
bool IsSanitizers(const std::string& kind);

}  // namespace harness

#endif  // LRUTORTURE_HARNESS_REPLAY_H_
