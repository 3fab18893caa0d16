// What a run comes to: exit code, report file, and the lines people read.
#ifndef LRUTORTURE_HARNESS_VERDICT_H_
#define LRUTORTURE_HARNESS_VERDICT_H_

#include <string>
#include <vector>

#include "harness/config.h"
#include "harness/flight_recorder.h"
#include "harness/report/report.h"
#include "harness/supervisor.h"
#include "nlohmann/json_fwd.hpp"

namespace harness {

// What the run did not do enough of: require{}, and at least one operation,
// and one teardown where there are destroyers.
std::vector<std::string> Unmet(const Recorder& r, const Config& config);

ExitCode Judge(const Recorder& r, const RunOutcome& outcome);

// Writes `text` to `path`, all of it or nothing.
bool WriteWhole(const std::string& path, const std::string& text);

// "PASS 41234 teardowns (97 % contended), ..." on one line, then what else
// there is to say; `report_path` is empty when it could not be written.
std::string VerdictText(const Recorder& r, const Config& config,
                        const RunOutcome& outcome,
                        const nlohmann::ordered_json& report,
                        const std::string& report_path, bool quiet);

}  // namespace harness

#endif  // LRUTORTURE_HARNESS_VERDICT_H_
