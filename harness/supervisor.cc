#include "harness/supervisor.h"

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "harness/child.h"
#include "harness/coverage.h"
#include "harness/explore/explore.h"
#include "harness/flight_recorder.h"
#include "harness/interrupt.h"
#include "harness/plan.h"
#include "harness/progress.h"
#include "harness/report/report.h"
#include "harness/sanitizer/sanitizer.h"
#include "harness/supervise.h"
#include "harness/verdict.h"
#include "nlohmann/json.hpp"

namespace harness {
namespace {

// What is fixed before the run begins.
struct Run {
  const Config& config;
  uint64_t seed;
  const RunOptions& options;
  std::string plan_hash;
};

std::string CommandOf(const Run& run) {
  if (!run.options.command.empty()) return run.options.command;
  std::string command = "lrutorture run";
  if (!run.options.config_path.empty()) {
    absl::StrAppend(&command, " ", run.options.config_path);
  }
  return absl::StrCat(command, " --seed ", run.seed);
}

void PrintStart(const Run& run, size_t task_count) {
  if (run.options.json || run.options.quiet) return;
  printf("seed %llu\n", static_cast<unsigned long long>(run.seed));
  absl::PrintF("plan %s: %s, %d actors, %d faults, %.1f s, lru %s\n",
               run.plan_hash, run.config.name, task_count,
               run.config.faults.size(), run.config.duration_ms / 1e3,
               run.config.lru);
  fflush(stdout);
}

RunOutcome OutcomeOf(const Recorder& r, const Run& run,
                     const std::string& sanitizer_log) {
  RunOutcome outcome;
  outcome.interrupted = recorder()->interrupted.load(kRelaxed) != 0;
  outcome.duration_s = RunSeconds(r);
  outcome.plan_hash = run.plan_hash;
  outcome.unmet = Unmet(r, run.config);
  outcome.impossible = ImpossibleHit(r, run.config);
  outcome.command = CommandOf(run);
  outcome.sanitizer_log = sanitizer_log;
  outcome.exit_code = Judge(r, outcome);
  return outcome;
}

std::string Dump(const nlohmann::ordered_json& report) {
  // A message may hold anything; a report is always valid UTF-8.
  return report.dump(2, ' ', false,
                     nlohmann::ordered_json::error_handler_t::replace) +
         "\n";
}

// Writes the report and says what came out. Returns the exit code.
int Conclude(const Recorder& r, const Run& run,
             const std::string& sanitizer_log) {
  RunOutcome outcome = OutcomeOf(r, run, sanitizer_log);
  nlohmann::ordered_json report = MakeReport(r, run.config, run.seed, outcome);
  std::string text = Dump(report);
  std::string path = absl::StrCat(run.options.out_dir, "/report.json");
  bool written = WriteWhole(path, text);
  if (!written) {
    fprintf(stderr, "lrutorture: cannot write %s: %s\n", path.c_str(),
            strerror(errno));
  }
  if (run.options.json || !written) fputs(text.c_str(), stdout);
  if (!run.options.json) {
    fputs(VerdictText(r, run.config, outcome, report, written ? path : "",
                      run.options.quiet)
              .c_str(),
          stdout);
  }
  fflush(stdout);
  return outcome.exit_code;
}

int HarnessFailed(const char* what) {
  fprintf(stderr, "lrutorture: %s\n", what);
  return kExitHarness;
}

TortureBody BodyOf(const Run& run, Workload& workload) {
  return [&] {
    return run.config.engine == kExplore
               ? explore::RunExplore(run.config, run.seed, workload)
               : RunStress(run.config, run.seed, workload);
  };
}

int RunForked(const Run& run, const TortureBody& body) {
  InterruptScope interrupts(/*exit_on_second=*/false);
  SanitizerLog log(run.options.out_dir);
  pid_t pid = StartChild(body, log.fd());
  if (pid < 0) return HarnessFailed("cannot start the torture process");
  Supervision supervision(run.config, interrupts, run.options.quiet);
  ChildEnd end = supervision.Watch(pid);
  supervision.HideProgress();
  if (end == ChildEnd::kInterruptedTwice) return kExitInterruptedTwice;
  if (end == ChildEnd::kHarnessFailed) {
    return HarnessFailed("the harness failed in the torture process");
  }
  return Conclude(supervision.Outcome(), run, log.WrittenPath());
}

bool AnyTask(const Recorder& r) {
  for (const TaskSlot& slot : r.tasks) {
    if (slot.task.in_use) return true;
  }
  return false;
}

// For debuggers: everything in this process, and nobody to watch over it.
int RunInProcess(const Run& run, const TortureBody& body) {
  InterruptScope interrupts(/*exit_on_second=*/true);
  InstallSanitizerHooks(-1);
  if (!body()) return HarnessFailed("the harness failed");
  int code = Conclude(*recorder(), run, "");
  if (AnyTask(*recorder())) {
    // After a finding, actors may be caught in a list that is broken.
    fflush(nullptr);
    _exit(code);
  }
  return code;
}

}  // namespace

int RunOnce(const Config& config, uint64_t seed, const RunOptions& options,
            Workload& workload) {
  std::vector<std::string> tasks = PlanTaskNames(config);
  Run run = {config, seed, options, PlanHash(config, seed, tasks)};
  PrintStart(run, tasks.size());
  MapRecorder();
  TortureBody body = BodyOf(run, workload);
  int code = options.fork ? RunForked(run, body) : RunInProcess(run, body);
  UnmapRecorder();
  return code;
}

}  // namespace harness
