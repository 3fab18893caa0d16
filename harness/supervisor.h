// One run: the supervisor process forks the torture process, watches it, and
// writes the report from the flight recorder, however the child ended.
#ifndef LRUTORTURE_HARNESS_SUPERVISOR_H_
#define LRUTORTURE_HARNESS_SUPERVISOR_H_

#include <cstdint>
#include <string>

#include "harness/config.h"
#include "harness/replay.h"
#include "harness/workload.h"

namespace harness {

// Process exit codes; the verdict is the exit code.
enum ExitCode : int {
  kExitPass = 0,
  kExitFinding = 1,
  kExitUsage = 2,
  kExitInconclusive = 3,
  kExitHarness = 4,
  kExitInterruptedTwice = 130,
};

struct RunOptions {
  std::string out_dir;      // existing, writable: checked before the run
  std::string config_path;  // as the user named it, for the replay command
  std::string command;      // runs the same plan again; empty: made from these
  bool json = false;        // stdout is the report's JSON, nothing else
  bool strict = false;      // what is known of an lru is a finding, too
  bool quiet = false;       // stdout is the verdict line and the report's path
  bool fork = true;         // --no-fork: everything in one process
  bool silent = false;      // stdout and the live line stay empty
  explore::Share share = {};
  // Explore: that schedule alone. The exit code is 4 when it takes another
  // course than it has to; what `require` asks for is not asked for.
  const Replay* replay = nullptr;
};

// Returns an ExitCode. The config is valid. Prints the seed first.
int RunOnce(const Config& config, uint64_t seed, const RunOptions& options,
            Workload& workload);

// The body of the torture process: sets up, arms, runs the actors, quiets,
// checks the totals, tears down. Everything it has to say is in the recorder.
// Returns false when the harness itself failed (said on stderr).
bool RunStress(const Config& config, uint64_t seed, Workload& workload);

// "adder-0", ...: the tasks of the plan, in creation order.
std::vector<std::string> PlanTaskNames(const Config& config);

}  // namespace harness

#endif  // LRUTORTURE_HARNESS_SUPERVISOR_H_
