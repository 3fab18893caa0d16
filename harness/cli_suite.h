// From arguments to the list of runs: configs read and valid, seeds decided,
// directories made. Nothing has started yet when all of that is done.
#ifndef LRUTORTURE_HARNESS_CLI_SUITE_H_
#define LRUTORTURE_HARNESS_CLI_SUITE_H_

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "harness/cli.h"
#include "harness/config.h"

namespace harness {

// The options of `run`, as given on the command line or on a line of a suite.
struct RunRequest {
  std::string config;  // empty: the default
  std::optional<SeedRange> seeds;
  // --set first, then the named options, which win over it.
  std::vector<std::pair<std::string, std::string>> overrides;
  std::string options;       // the same, for a shell
  std::string explore_only;  // an option given that stress knows nothing of
  std::optional<std::string> busted;
  std::optional<std::string> out;
  std::optional<Shard> shard;
  bool json = false;
  bool quiet = false;
  bool strict = false;
  bool fork = true;
};
// Appends to `errors` what is wrong with the values.
RunRequest ReadRequest(const Arguments& arguments, Args& errors);

struct PlannedRun {
  Config config;
  std::string config_path;
  std::string options;
  std::optional<SeedRange> seeds;  // as asked for; else the config's, or drawn
  uint64_t seed = 0;
  std::string out_dir;
  explore::Share share = {};  // of its schedules
};

// Reads the config, or each line of the suite, and checks them all. Errors and
// warnings carry the line of the suite they come from.
struct Plans {
  std::vector<PlannedRun> runs;  // one per config; seeds not expanded yet
  Args errors;
  Args warnings;
};
Plans LoadPlans(const RunRequest& request, const Cli& cli);

// One run per seed.
inline constexpr uint64_t kRunsMax = 100'000;
std::vector<PlannedRun> ExpandSeeds(std::vector<PlannedRun> runs,
                                    uint64_t (*draw)(), Args& errors);

// Makes a directory and proves that a file can be written in it. `unique`:
// one that exists stays alone, DIR-2, DIR-3, ... is made instead.
absl::StatusOr<std::string> MakeOutDir(const std::string& dir, bool unique);

}  // namespace harness

#endif  // LRUTORTURE_HARNESS_CLI_SUITE_H_
