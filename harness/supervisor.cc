#include "harness/supervisor.h"

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "harness/catalog.h"
#include "harness/child.h"
#include "harness/cli_options.h"
#include "harness/coverage.h"
#include "harness/explore/explore.h"
#include "harness/flight_recorder.h"
#include "harness/interrupt.h"
#include "harness/plan.h"
#include "harness/progress.h"
#include "harness/report/report.h"
#include "harness/report/snapshot.h"
#include "harness/sanitizer/sanitizer.h"
#include "harness/second_look.h"
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
  explore::Share share = options.share;  // that is left to explore
};

std::string CommandOf(const Run& run) {
  if (!run.options.command.empty()) return run.options.command;
  std::string command = "lrutorture run";
  if (!run.options.config_path.empty()) {
    absl::StrAppend(&command, " ", run.options.config_path);
  }
  return absl::StrCat(command, " --seed ", run.seed);
}

std::string ReportPath(const Run& run) {
  return absl::StrCat(run.options.out_dir, "/report.json");
}

// "10.0 s", "1,000 schedules"
std::string LimitText(const Config& config) {
  if (config.engine == kExplore && config.schedules) {
    return absl::StrCat(Grouped(config.schedules), " schedules");
  }
  return absl::StrFormat("%.1f s", config.duration_ms / 1e3);
}

void PrintStart(const Run& run, size_t task_count) {
  if (run.options.json || run.options.quiet || run.options.silent) return;
  printf("seed %llu\n", static_cast<unsigned long long>(run.seed));
  absl::PrintF("plan %s: %s, %d actors, %d faults, %s, lru %s\n", run.plan_hash,
               run.config.name, task_count, run.config.faults.size(),
               LimitText(run.config), run.config.lru);
  fflush(stdout);
}

// What is known of a run besides its recorder.
struct Ending {
  bool interrupted = false;
  std::optional<Replayed> replayed = {};
  std::string other_course = {};
  bool alone = true;
  std::string remark = {};
};

RunOutcome OutcomeOf(const Recorder& r, const Run& run, const Ending& ending) {
  RunOutcome outcome;
  outcome.interrupted = ending.interrupted;
  outcome.duration_s = RunSeconds(r);
  outcome.plan_hash = run.plan_hash;
  if (!run.options.replay) outcome.unmet = Unmet(r, run.config);
  outcome.impossible = ImpossibleHit(r, run.config);
  outcome.command = CommandOf(run);
  outcome.replay_command =
      absl::StrCat("lrutorture replay ", ShellQuote(ReportPath(run)));
  outcome.replayed = ending.replayed;
  outcome.other_course = ending.other_course;
  outcome.alone = ending.alone;
  outcome.remark = ending.remark;
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
int Conclude(const Recorder& r, const Run& run, const Ending& ending) {
  RunOutcome outcome = OutcomeOf(r, run, ending);
  nlohmann::ordered_json report = MakeReport(r, run.config, run.seed, outcome);
  std::string text = Dump(report);
  std::string path = ReportPath(run);
  bool written = WriteWhole(path, text);
  if (!written) {
    fprintf(stderr, "lrutorture: cannot write %s: %s\n", path.c_str(),
            strerror(errno));
  }
  if (run.options.json || !written) fputs(text.c_str(), stdout);
  if (!run.options.json && !run.options.silent) {
    fputs(VerdictText(r, run.config, outcome, report, written ? path : "",
                      run.options.quiet)
              .c_str(),
          stdout);
  }
  fflush(stdout);
  if (run.options.json && !outcome.other_course.empty()) {
    fprintf(stderr, "lrutorture: %s\n", outcome.other_course.c_str());
  }
  return outcome.exit_code;
}

int HarnessFailed(const char* what) {
  fprintf(stderr, "lrutorture: %s\n", what);
  return kExitHarness;
}

TortureBody BodyOf(const Run& run, Workload& workload) {
  return [&run, &workload] {
    const RunOptions& options = run.options;
    if (run.config.engine != kExplore) {
      return RunStress(run.config, run.seed, workload);
    }
    if (options.replay) {
      return explore::RunSchedule(run.config, options.replay->schedule,
                                  workload);
    }
    return explore::RunExplore(run.config, run.seed, run.share, workload);
  };
}

// A schedule that was told to be run again and took another course.
void JudgeReplay(const Replay& replay, const Recorder& r, Ending& ending) {
  if (ending.interrupted) return;
  ending.replayed = Compare(replay, r);
  if (ending.replayed->identical.value_or(true)) return;
  ending.other_course =
      absl::StrCat("schedule ", replay.schedule.index, " has taken another ",
                   "course: ", BothCourses(replay, *ending.replayed));
}

int ConcludeTwice(const Recorder& first, const Run& run, Workload& workload,
                  const InterruptScope& interrupts, const SanitizerLog& log,
                  Ending& ending) {
  SecondLook look =
      LookAgain({.config = run.config,
                 .seed = run.seed,
                 .share = run.share,
                 .workload = workload,
                 .silent = run.options.quiet || run.options.silent},
                first, interrupts);
  ending.replayed = look.replayed;
  ending.other_course = look.disputed;
  ending.alone = look.alone;
  ending.remark = look.remark;
  if (look.instead && log.IsWritten()) {
    ending.remark +=
        " sanitizer.log is of that one; a replay writes one of this.";
  }
  return Conclude(look.instead ? *look.instead : first, run, ending);
}

// Something known has ended the process, for what comes after it there may be
// its consequence, but not the run: something is left of that, and `run` is
// told what. dfs would have to begin anew.
bool IsLeft(Run& run, const Recorder& r, uint64_t spent_ns) {
  bool known_alone = EndedByKnown(r) && ReadyFindings(r).empty();
  if (!known_alone || run.options.replay) return false;
  uint64_t duration_ns = run.config.duration_ms * 1'000'000;
  if (!Exploring(r)) return spent_ns < duration_ns;
  if (absl::StartsWith(run.config.strategy, "dfs")) return false;
  run.share.first =
      r.explore.index.load(std::memory_order_relaxed) + run.share.every;
  uint64_t schedules = run.config.schedules;
  return schedules ? run.share.first < schedules : spent_ns < duration_ns;
}

int RunForked(Run& run, const TortureBody& body, Workload& workload) {
  InterruptScope interrupts(/*exit_on_second=*/false);
  SanitizerLog log(run.options.out_dir);
  LiveLine progress(run.options.quiet || run.options.silent);
  std::optional<Supervision> supervision;
  ChildEnd end = ChildEnd::kEnded;
  const uint64_t began_ns = MonotonicNs();
  for (;;) {
    pid_t pid = StartChild(body, log.fd());
    if (pid < 0) return HarnessFailed("cannot start the torture process");
    supervision.emplace(run.config, interrupts, progress);
    end = supervision->Watch(pid);
    uint64_t spent_ns = MonotonicNs() - began_ns;
    if (end != ChildEnd::kEnded || interrupts.count() > 0) break;
    if (!IsLeft(run, supervision->Outcome(), spent_ns)) break;
    Snapshot before = CopyRecorder(supervision->Outcome());
    if (!before) break;
    GoOnFrom(*before, spent_ns);
    log.Clear();
  }
  progress.Hide();
  if (end == ChildEnd::kInterruptedTwice) return kExitInterruptedTwice;
  const Recorder& outcome = supervision->Outcome();
  Ending ending = {interrupts.count() > 0};
  ending.other_course = DifferenceText(outcome.explore.difference);
  if (end == ChildEnd::kHarnessFailed && ending.other_course.empty()) {
    return HarnessFailed("the harness failed in the torture process");
  }
  if (run.options.replay) {
    JudgeReplay(*run.options.replay, outcome, ending);
  } else if (CanBeRunAgain(outcome)) {
    if (Snapshot first = CopyRecorder(outcome)) {
      return ConcludeTwice(*first, run, workload, interrupts, log, ending);
    }
  }
  return Conclude(outcome, run, ending);
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
  bool ok = body();
  Ending ending = {interrupts.count() > 0};
  ending.other_course = DifferenceText(recorder()->explore.difference);
  if (!ok && ending.other_course.empty()) {
    return HarnessFailed("the harness failed");
  }
  if (run.options.replay) JudgeReplay(*run.options.replay, *recorder(), ending);
  int code = Conclude(*recorder(), run, ending);
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
  const LruInfo* lru = Catalog::Get().FindLru(config.lru);
  SetKnownFindings(lru && !options.strict ? lru->known
                                          : std::vector<KnownFinding>());
  MapRecorder();
  TortureBody body = BodyOf(run, workload);
  int code =
      options.fork ? RunForked(run, body, workload) : RunInProcess(run, body);
  UnmapRecorder();
  return code;
}

}  // namespace harness
