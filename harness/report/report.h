// The report: one self-contained JSON made from the flight recorder, and what
// is rendered from it.
#ifndef LRUTORTURE_HARNESS_REPORT_REPORT_H_
#define LRUTORTURE_HARNESS_REPORT_REPORT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "harness/config.h"
#include "harness/flight_recorder.h"
#include "harness/replay.h"
#include "nlohmann/json_fwd.hpp"

namespace harness {

struct RunOutcome {
  int exit_code = 0;         // ExitCode; decides the verdict
  bool interrupted = false;  // Ctrl-C
  double duration_s = 0;     // from start to the actors' stop
  std::string plan_hash;
  std::vector<std::string> unmet;  // of require{}: "teardowns: 3 of 100", ...
  std::string impossible;      // an excluded window that was hit, in a sentence
  std::string command;         // runs the same plan again
  std::string replay_command;  // runs the schedule of a finding again
  // The schedule of a finding, run again at once; or one that was to be run
  // again. Not when nobody could or had to.
  std::optional<Replayed> replayed;
  std::string other_course;  // it should not have been another; a sentence
  bool alone = true;         // false: the schedule needs those before it
  std::string remark;        // on how it came again; sentences
};

// `snapshot` may be the live block or a private copy taken at the latch.
// At most 256 KiB when dumped: events and frames are cut to fit, and the
// report says so.
nlohmann::ordered_json MakeReport(const Recorder& snapshot,
                                  const Config& config, uint64_t seed,
                                  const RunOutcome& outcome);

nlohmann::ordered_json ReportSchema();

// For people. `report` has passed the schema.
std::string ReportToText(const nlohmann::ordered_json& report);

// What `build` in the report says, and which detectors this binary has.
const char* BuildPreset();     // "release", "asan", "tsan", "gcc"
const char* BuildSanitizer();  // "none", "asan", "tsan"

// "pc 0x.." -> function, file, line, as good as the build can tell. Not for
// hooks: allocates.
struct Frame {
  std::string function;
  std::string file;  // relative to the source tree; empty when unknown
  int line = 0;
};
Frame Symbolize(uint64_t pc);

}  // namespace harness

#endif  // LRUTORTURE_HARNESS_REPORT_REPORT_H_
