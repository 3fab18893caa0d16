#include <algorithm>
#include <iterator>
#include <random>

#include "absl/strings/str_cat.h"
#include "harness/cli.h"
#include "harness/cli_suite.h"
#include "harness/json_input.h"

namespace harness {
namespace {

// The one place that asks the machine for chance. Within 2^63-1, as in JSON.
uint64_t DrawSeed() {
  std::random_device device;
  uint64_t high = device();
  return (high << 32 | device()) >> 1;
}

// The runs of this shard, counted over the whole list: I, I+N, I+2N, ...
std::vector<PlannedRun> Share(std::vector<PlannedRun> runs, const Shard& shard,
                              Args& errors) {
  if (shard.count > runs.size()) {
    errors.push_back(absl::StrCat("--shard: ", shard.count, " shards, but ",
                                  runs.size(),
                                  " run(s) to share (see --seeds)"));
    return {};
  }
  std::vector<PlannedRun> share;
  for (size_t i = shard.index - 1; i < runs.size(); i += shard.count) {
    share.push_back(std::move(runs[i]));
  }
  return share;
}

// A single run of explore is shared by its schedules.
void ShareSchedules(const Shard& shard, PlannedRun& run, Args& errors) {
  const Config& config = run.config;
  if (config.strategy.rfind("dfs", 0) == 0) {
    errors.push_back(absl::StrCat("--shard: ", config.strategy, " makes each ",
                                  "schedule of the one before: it cannot be "
                                  "shared"));
  }
  if (config.schedules && config.schedules < shard.count) {
    errors.push_back(absl::StrCat("--shard: ", shard.count, " shards, but ",
                                  config.schedules, " schedule(s) to share"));
  }
  run.share = {.first = shard.index - 1, .every = shard.count};
}

// `several` is said of the runs before sharding: all shards of a suite lay
// out their directories alike.
void MakeOutDirs(const RunRequest& request, bool several,
                 std::vector<PlannedRun>& runs, Args& errors) {
  for (PlannedRun& run : runs) {
    bool exact = request.out && !several;
    std::string name = absl::StrCat(run.config.name, "-", run.seed);
    std::string dir =
        exact ? *request.out
              : absl::StrCat(request.out.value_or("out"), "/", name);
    absl::StatusOr<std::string> made = MakeOutDir(dir, !exact);
    if (!made.ok()) {
      // One line: the others would say the same.
      errors.push_back(std::string(made.status().message()));
      return;
    }
    run.out_dir = *made;
  }
}

// All that can be wrong is found here, before anything starts.
std::vector<PlannedRun> Prepare(const RunRequest& request, const Cli& cli,
                                Args& errors) {
  Plans plans = LoadPlans(request, cli);
  for (const std::string& warning : plans.warnings) {
    std::fprintf(cli.err, "%s\n", warning.c_str());
  }
  errors.insert(errors.end(), plans.errors.begin(), plans.errors.end());
  if (!errors.empty()) return {};
  auto runs = ExpandSeeds(std::move(plans.runs), DrawSeed, errors);
  bool several = runs.size() > 1;
  if (errors.empty() && request.shard) {
    if (!several && runs[0].config.engine == kExplore) {
      ShareSchedules(*request.shard, runs[0], errors);
    } else {
      runs = Share(std::move(runs), *request.shard, errors);
    }
  }
  if (errors.empty() && !request.fork && runs.size() > 1) {
    errors.push_back("--no-fork: several runs need a process each");
  }
  if (errors.empty()) MakeOutDirs(request, several, runs, errors);
  return runs;
}

const char* VerdictOf(int code) {
  switch (code) {
    case kExitPass:
      return "PASS";
    case kExitFinding:
      return "FINDING";
    case kExitInconclusive:
      return "INCONCLUSIVE";
    case kExitInterruptedTwice:
      return "INTERRUPTED";
    default:
      return "HARNESS FAILED";
  }
}

int Worse(int a, int b) {
  constexpr int kOrder[] = {kExitHarness, kExitFinding, kExitInterruptedTwice,
                            kExitInconclusive, kExitPass};
  auto rank = [&](int code) {
    auto it = std::find(std::begin(kOrder), std::end(kOrder), code);
    return it == std::end(kOrder) ? 0 : it - std::begin(kOrder);
  };
  return rank(a) <= rank(b) ? a : b;
}

// Ctrl-C ends the whole suite, not only the run it hit. The run knows it, and
// says so in its report.
bool WasInterrupted(const PlannedRun& run, int code) {
  if (code == kExitInterruptedTwice) return true;
  if (code == kExitPass) return false;
  auto text = ReadTextFile(run.out_dir + "/report.json");
  if (!text.ok()) return false;
  Json report = ParseJson(*text).value;
  return report.is_object() && report.contains("interrupted") &&
         report["interrupted"] == true;
}

void Summarise(const std::vector<PlannedRun>& runs,
               const std::vector<int>& codes, std::FILE* to) {
  for (size_t i = 0; i < runs.size(); ++i) {
    std::fprintf(to, "%zu/%zu  %-14s %s seed %llu  %s\n", i + 1, runs.size(),
                 i < codes.size() ? VerdictOf(codes[i]) : "NOT RUN",
                 runs[i].config_path.c_str(),
                 static_cast<unsigned long long>(runs[i].seed),
                 runs[i].out_dir.c_str());
  }
}

// The same plan again, whatever suite or range of seeds it came from.
std::string ReplayCommand(const PlannedRun& run) {
  std::string command = absl::StrCat(
      "lrutorture run ", ShellQuote(run.config_path),
      run.options.empty() ? "" : " ", run.options, " --seed ", run.seed);
  if (run.share.every > 1) {
    absl::StrAppend(&command, " --shard ", run.share.first + 1, "/",
                    run.share.every);
  }
  return command;
}

int RunAll(const std::vector<PlannedRun>& runs, const RunRequest& request,
           const Cli& cli) {
  std::vector<int> codes;
  int worst = kExitPass;
  for (const PlannedRun& run : runs) {
    RunOptions options;
    options.out_dir = run.out_dir;
    options.config_path = run.config_path;
    options.command = ReplayCommand(run);
    options.json = request.json;
    options.quiet = request.quiet;
    options.strict = request.strict;
    options.fork = request.fork;
    options.share = run.share;
    std::fflush(nullptr);  // nothing may be printed twice, by two processes
    int code = cli.run(run.config, run.seed, options, cli.workload);
    codes.push_back(code);
    worst = Worse(worst, code);
    if (runs.size() > 1 && WasInterrupted(run, code)) break;
  }
  if (runs.size() > 1) {
    Summarise(runs, codes, request.json ? cli.err : cli.out);
    // What was asked for and not done is no PASS.
    if (codes.size() < runs.size()) worst = Worse(worst, kExitInconclusive);
  }
  return worst;
}

}  // namespace

int RunCommand(const Args& args, const Cli& cli) {
  Arguments arguments;
  int code = kExitPass;
  if (!Accept("run", args, cli, arguments, code)) return code;
  Args errors;
  RunRequest request = ReadRequest(arguments, errors);
  std::vector<PlannedRun> runs;
  if (errors.empty()) runs = Prepare(request, cli, errors);
  for (const std::string& error : errors) code = UsageError(cli, error);
  return errors.empty() ? RunAll(runs, request, cli) : code;
}

int CheckCommand(const Args& args, const Cli& cli) {
  Arguments arguments;
  int code = kExitPass;
  if (!Accept("check", args, cli, arguments, code)) return code;
  Args errors;
  RunRequest request = ReadRequest(arguments, errors);
  Plans plans;
  if (errors.empty()) plans = LoadPlans(request, cli);
  errors.insert(errors.end(), plans.errors.begin(), plans.errors.end());
  for (const std::string& line : errors) code = UsageError(cli, line);
  for (const std::string& line : plans.warnings) {
    std::fprintf(cli.err, "%s\n", line.c_str());
  }
  if (errors.empty()) std::fputs("ok\n", cli.out);
  return code;
}

}  // namespace harness
