// Runs what a report tells of again: the schedule of an explore finding, which
// is one and the same each time, or a plan, as often as it takes to say how
// likely it is to find the bug again.
#include <cmath>
#include <filesystem>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "harness/cli.h"
#include "harness/cli_suite.h"
#include "harness/json_input.h"
#include "harness/plan.h"
#include "harness/progress.h"
#include "harness/report/build_info.h"
#include "harness/report/report.h"

namespace harness {
namespace {

constexpr uint64_t kPlanRuns = 10;
constexpr uint64_t kReplayRunsMax = 100'000;

// What a report says, as far as that is needed to run it again.
struct Reported {
  std::string path;
  Config config;
  uint64_t seed = 0;
  std::string command;  // that made it
  std::string commit;
  std::string sanitizer;
  std::string kind;
  std::string invariant;
  std::string signature;
  std::optional<Replay> schedule;
};

// Null where there is none.
const Json& At(const Json& object, const char* key) {
  static const Json kNone;
  if (!object.is_object()) return kNone;
  auto it = object.find(key);
  return it == object.end() ? kNone : *it;
}

std::string TextOf(const Json& object, const char* key) {
  const Json& value = At(object, key);
  return value.is_string() ? value.get<std::string>() : "";
}

// "invariant lock_identity", "data_race"
std::string WhatOf(const std::string& kind, const std::string& invariant) {
  return invariant.empty() ? kind : absl::StrCat(kind, " ", invariant);
}

absl::StatusOr<uint64_t> ReadHash(const std::string& text) {
  constexpr size_t kDigits = 16;
  uint64_t hash = 0;
  if (text.size() == kDigits && absl::SimpleHexAtoi(text, &hash)) return hash;
  return absl::InvalidArgumentError(absl::StrCat("finding/replay/trace_hash: '",
                                                 Printable(text),
                                                 "' is not 16 hex digits"));
}

absl::StatusOr<uint64_t> ReadCount(const Json& replay, const char* key) {
  const Json& value = At(replay, key);
  if (value.is_number_unsigned()) return value.get<uint64_t>();
  return absl::InvalidArgumentError(
      absl::StrCat("finding/replay/", key, ": is not a number from 0 on"));
}

absl::StatusOr<Replay> ReadSchedule(const Json& finding) {
  const Json& replay = At(finding, "replay");
  if (!At(replay, "schedule").is_string()) {
    return absl::InvalidArgumentError("finding/replay/schedule: is no text");
  }
  auto index = ReadCount(replay, "schedule_index");
  if (!index.ok()) return index.status();
  auto seed = ReadCount(replay, "schedule_seed");
  if (!seed.ok()) return seed.status();
  auto points = ReadCount(replay, "points");
  if (!points.ok()) return points.status();
  auto choices = explore::ParseSchedule(TextOf(replay, "schedule"));
  if (!choices.ok()) return choices.status();
  auto hash = ReadHash(TextOf(replay, "trace_hash"));
  if (!hash.ok()) return hash.status();
  Replay read;
  read.schedule.index = *index;
  read.schedule.seed = *seed;
  read.schedule.choices = *std::move(choices);
  read.points = *points;
  read.schedule.marked_step = read.points;
  read.trace_hash = *hash;
  read.kind = TextOf(finding, "kind");
  read.invariant = TextOf(finding, "invariant");
  return read;
}

void ReadPlan(const Json& report, const std::string& engine, Reported& to,
              Args& errors) {
  std::vector<std::pair<std::string, std::string>> overrides;
  if (!engine.empty()) overrides.emplace_back("/engine", engine);
  ParsedConfig parsed = ParseConfig(At(report, "config").dump(), overrides);
  for (const std::string& error : parsed.errors) {
    errors.push_back(absl::StrCat("config: ", error));
  }
  if (!parsed.errors.empty()) return;
  if (to.schedule && parsed.config.engine != kExplore) {
    errors.push_back(absl::StrCat("config/engine: is ", parsed.config.engine,
                                  ", but finding/replay has a schedule, which "
                                  "is of explore"));
    return;
  }
  const Json& seed = At(report, "seed");
  if (!seed.is_number_unsigned()) {
    errors.push_back("seed: is not a number from 0 on");
    return;
  }
  to.config = std::move(parsed.config);
  to.seed = seed.get<uint64_t>();
  std::string then = TextOf(report, "plan_hash");
  std::string now = PlanHash(to.config, to.seed, PlanTaskNames(to.config));
  if (then == now) return;
  errors.push_back(absl::StrCat(
      "plan_hash is ", Printable(then), ", but this build (", BuildCommit(),
      ") makes ", now, " of the report's config and seed: another plan"));
}

void ReadFinding(const Json& report, Reported& to, Args& errors) {
  const Json& finding = At(report, "finding");
  if (!finding.is_object()) {
    errors.push_back(absl::StrCat("verdict ", TextOf(report, "verdict"),
                                  ": there is no finding to replay"));
    return;
  }
  const Json& replay = At(finding, "replay");
  if (!replay.is_object()) {
    errors.push_back("finding/replay: is no object");
    return;
  }
  to.kind = TextOf(finding, "kind");
  if (to.kind.empty()) errors.push_back("finding/kind: is no text");
  to.invariant = TextOf(finding, "invariant");
  to.signature = TextOf(finding, "signature");
  to.command = TextOf(replay, "command");
  if (!replay.contains("schedule")) return;
  absl::StatusOr<Replay> schedule = ReadSchedule(finding);
  if (schedule.ok()) {
    to.schedule = *std::move(schedule);
  } else {
    errors.push_back(std::string(schedule.status().message()));
  }
}

Reported ReadReported(const std::string& path, const std::string& engine,
                      Args& errors) {
  Reported reported;
  reported.path = Printable(path, 200);
  absl::StatusOr<Json> report = ReadReport(path);
  if (!report.ok()) {
    errors.push_back(std::string(report.status().message()));
    return reported;
  }
  Args wrong;
  reported.commit = TextOf(At(*report, "build"), "commit");
  reported.sanitizer = TextOf(At(*report, "build"), "sanitizer");
  ReadFinding(*report, reported, wrong);
  if (wrong.empty()) ReadPlan(*report, engine, reported, wrong);
  for (const std::string& line : wrong) {
    errors.push_back(absl::StrCat(reported.path, ": ", line));
  }
  return reported;
}

// --- what came of the runs --------------------------------------------------

struct Tally {
  uint64_t runs = 0;
  uint64_t same = 0;       // found what the report says
  uint64_t others = 0;     // found something else
  uint64_t identical = 0;  // schedules that took the report's course
  std::string other;       // the last of `others`
  std::string hash;        // the last schedule's, and the point it is of
  uint64_t points = 0;
  int worst = kExitPass;
  bool interrupted = false;
};

// Of a run that could not write its report nothing is known but its code.
Json ReportIn(const std::string& dir) {
  absl::StatusOr<Json> report = ReadReport(dir + "/report.json");
  return report.ok() ? *report : Json(nullptr);
}

bool IsSame(const Json& finding, const Reported& reported) {
  if (TextOf(finding, "signature") == reported.signature) return true;
  return TextOf(finding, "kind") == reported.kind &&
         TextOf(finding, "invariant") == reported.invariant;
}

void CountSchedule(const Json& report, Tally& tally) {
  const Json& replayed = report.at("explore").at("replayed");
  if (replayed.is_null()) return;
  tally.identical += replayed.at("identical") == true;
  tally.hash = TextOf(replayed, "trace_hash");
  tally.points = replayed.at("points").get<uint64_t>();
}

// Returns what the run has come to, for people. One that was cut short before
// it found anything is none.
std::string CountRun(const Json& report, int code, const Reported& reported,
                     Tally& tally) {
  bool known = report.is_object();
  tally.interrupted = known && report.at("interrupted") == true;
  if (tally.interrupted && report.at("finding").is_null()) return "interrupted";
  tally.runs++;
  if (code == kExitHarness) tally.worst = kExitHarness;
  if (!known) return absl::StrCat("exit ", code);
  if (reported.schedule) CountSchedule(report, tally);
  const Json& finding = report.at("finding");
  std::string text = TextOf(report, "verdict");
  if (finding.is_object()) {
    std::string what =
        WhatOf(TextOf(finding, "kind"), TextOf(finding, "invariant"));
    bool same = IsSame(finding, reported);
    (same ? tally.same : tally.others)++;
    if (!same) tally.other = what;
    absl::StrAppend(&text, " ", what, same ? "" : ", which is something else");
  }
  return absl::StrFormat("%s, %.1f s", text,
                         report.at("stats").at("duration_s").get<double>());
}

// Where the true share lies, at 95 %: Wilson's score interval.
std::pair<double, double> Wilson(uint64_t k, uint64_t n) {
  constexpr double kZ = 1.959964;
  if (n == 0) return {0, 1};
  auto runs = static_cast<double>(n);
  double p = static_cast<double>(k) / runs;
  double scale = 1 + kZ * kZ / runs;
  double middle = (p + kZ * kZ / (2 * runs)) / scale;
  double half =
      kZ * std::sqrt(p * (1 - p) / runs + kZ * kZ / (4 * runs * runs)) / scale;
  return {k == 0 ? 0.0 : middle - half, k == n ? 1.0 : middle + half};
}

std::string PlanText(const Reported& reported, const Tally& tally) {
  if (reported.config.engine == kExplore) {  // no chance is in it
    return absl::StrCat(tally.same, " of ", tally.runs, ", all explored again");
  }
  auto [low, high] = Wilson(tally.same, tally.runs);
  return absl::StrFormat("%d of %d (95 %%: %.0f to %.0f %%, Wilson)",
                         tally.same, tally.runs, 100 * low, 100 * high);
}

// The schedule was the same and the finding did not come.
std::string WhyNotFound(const Reported& reported) {
  if (IsSanitizers(reported.kind) && reported.sanitizer != BuildSanitizer()) {
    return absl::StrCat("this build lacks the detector: ", reported.kind,
                        " was seen with sanitizer ", reported.sanitizer,
                        ", this one has ", BuildSanitizer());
  }
  return "so something else than the schedule had a part in it, or this build "
         "has no such bug";
}

std::string ScheduleText(const Tally& tally) {
  if (tally.runs == 0) return "0 of 0; interrupted";
  bool same = tally.identical == tally.runs;
  return absl::StrCat(tally.same, " of ", tally.runs, "; ",
                      same ? "identical" : "another", " schedule, hash ",
                      tally.hash, " at point ", Grouped(tally.points));
}

Json ToJson(const Reported& reported, const Tally& tally,
            const std::string& out) {
  auto [low, high] = Wilson(tally.same, tally.runs);
  bool chance = reported.config.engine != kExplore;
  return {
      {"report", reported.path},
      {"engine", reported.config.engine},
      {"runs", tally.runs},
      {"reproduced", tally.same},
      {"other_findings", tally.others},
      {"interval_95", chance ? Json::array({low, high}) : Json(nullptr)},
      {"interval_method", chance ? Json("wilson") : Json(nullptr)},
      {"identical", reported.schedule ? Json(tally.identical) : Json(nullptr)},
      {"trace_hash", reported.schedule ? Json(tally.hash) : Json(nullptr)},
      {"out", out}};
}

// --- the command -------------------------------------------------------------

class Replayer {
 public:
  Replayer(Reported reported, uint64_t runs, std::string out, bool json,
           bool quiet, const Cli& cli)
      : reported_(std::move(reported)),
        runs_(runs),
        out_(std::move(out)),
        json_(json),
        quiet_(quiet),
        cli_(cli) {}

  int Run() {
    if (!json_ && !quiet_) PrintWhat();
    // A run of a plan has a line of its own.
    LiveLine line(/*silent=*/chance() || runs_ == 1 || json_ || quiet_);
    for (uint64_t i = 1; i <= runs_ && !tally_.interrupted; i++) {
      int code = RunOne(i);
      if (code == kExitInterruptedTwice) return code;
      if (line.IsDue(MonotonicNs() / 1'000'000)) {
        line.Show(absl::StrCat(Grouped(i), " of ", Grouped(runs_),
                               " runs: ", Grouped(tally_.same), " came to it"));
      }
    }
    line.Hide();
    Print();
    return Code();
  }

 private:
  bool chance() const { return !reported_.schedule; }

  void PrintWhat() {
    std::string what = WhatOf(reported_.kind, reported_.invariant);
    if (reported_.schedule) {
      const Replay& replay = *reported_.schedule;
      std::fprintf(cli_.out, "schedule %llu of seed %llu: %s at point %s\n",
                   static_cast<unsigned long long>(replay.schedule.index),
                   static_cast<unsigned long long>(reported_.seed),
                   what.c_str(), Grouped(replay.points).c_str());
    } else {
      std::fprintf(cli_.out, "seed %llu, engine %s: %s\n",
                   static_cast<unsigned long long>(reported_.seed),
                   reported_.config.engine.c_str(), what.c_str());
    }
    std::fflush(cli_.out);
  }

  // The schedule is the same each time: one directory is enough.
  std::string DirOf(uint64_t run) {
    if (!chance() || runs_ == 1) return out_;
    std::string dir = absl::StrCat(out_, "/", run);
    std::error_code error;
    std::filesystem::create_directories(dir, error);
    return dir;
  }

  int RunOne(uint64_t run) {
    RunOptions options;
    options.out_dir = DirOf(run);
    options.command = reported_.command;
    options.silent = true;
    options.replay = reported_.schedule ? &*reported_.schedule : nullptr;
    std::fflush(nullptr);  // nothing may be printed twice, by two processes
    int code =
        cli_.run(reported_.config, reported_.seed, options, cli_.workload);
    std::string text =
        CountRun(ReportIn(options.out_dir), code, reported_, tally_);
    if (chance() && !json_ && !quiet_) {
      std::fprintf(cli_.out, "run %llu of %llu: %s\n",
                   static_cast<unsigned long long>(run),
                   static_cast<unsigned long long>(runs_), text.c_str());
      std::fflush(cli_.out);
    }
    return code;
  }

  void Print() {
    if (json_) {
      std::fprintf(cli_.out, "%s\n",
                   ToJson(reported_, tally_, out_).dump(2).c_str());
    } else {
      std::string text =
          chance() ? PlanText(reported_, tally_) : ScheduleText(tally_);
      std::fprintf(cli_.out, "%s\n", text.c_str());
    }
    if (!json_ && !quiet_) PrintMore();
    if (reported_.schedule && tally_.identical < tally_.runs) {
      std::fprintf(
          cli_.err,
          "%s: hash %s at point %s, but %s at point %s here: the schedule was "
          "edited, or this build (%s) does something else than that (%s)\n",
          reported_.path.c_str(),
          HashText(reported_.schedule->trace_hash).c_str(),
          Grouped(reported_.schedule->points).c_str(), tally_.hash.c_str(),
          Grouped(tally_.points).c_str(), BuildCommit(),
          reported_.commit.c_str());
    }
  }

  void PrintMore() {
    if (tally_.others) {
      std::fprintf(cli_.out, "  %llu found something else: %s\n",
                   static_cast<unsigned long long>(tally_.others),
                   tally_.other.c_str());
    } else if (!chance() && tally_.identical && !tally_.same) {
      std::fprintf(cli_.out, "  nothing was found: %s\n",
                   WhyNotFound(reported_).c_str());
    }
    std::fprintf(cli_.out, "  report: %s\n", out_.c_str());
  }

  int Code() const {
    if (tally_.worst == kExitHarness) return kExitHarness;
    if (tally_.same + tally_.others) return kExitFinding;
    return tally_.interrupted ? kExitInconclusive : kExitPass;
  }

  const Reported reported_;
  const uint64_t runs_;
  const std::string out_;
  const bool json_, quiet_;
  const Cli& cli_;
  Tally tally_;
};

std::string OutDirOf(const Arguments& arguments, const Reported& reported,
                     Args& errors) {
  bool given = arguments.Has("--out");
  std::string dir = given ? arguments.Value("--out")
                          : absl::StrCat("out/replay-", reported.config.name,
                                         "-", reported.seed);
  if (given && dir.empty()) {
    errors.push_back("--out: is empty");
    return "";
  }
  absl::StatusOr<std::string> made = MakeOutDir(dir, !given);
  if (made.ok()) return *made;
  errors.push_back(std::string(made.status().message()));
  return "";
}

uint64_t RunsOf(const Arguments& arguments, Args& errors) {
  if (!arguments.Has("--runs")) return 0;
  auto runs = ParseNumber(arguments.Value("--runs"), 1, kReplayRunsMax);
  if (runs.ok()) return *runs;
  errors.push_back(absl::StrCat("--runs: ", runs.status().message()));
  return 0;
}

}  // namespace

int ReplayCommand(const Args& args, const Cli& cli) {
  Arguments arguments;
  int code = kExitPass;
  if (!Accept("replay", args, cli, arguments, code)) return code;
  Args errors;
  uint64_t runs = RunsOf(arguments, errors);
  std::string engine = arguments.Value("--engine");
  if (arguments.Has("--engine") && engine != kExplore) {
    errors.push_back(
        absl::StrCat("--engine: '", Printable(engine),
                     "': only 'explore', or what the report's run had"));
  }
  Reported reported;
  if (errors.empty()) {
    reported = ReadReported(arguments.positionals[0], engine, errors);
  }
  std::string out;
  if (errors.empty()) out = OutDirOf(arguments, reported, errors);
  for (const std::string& error : errors) code = UsageError(cli, error);
  if (!errors.empty()) return code;
  if (reported.commit != BuildCommit()) {
    std::fprintf(cli.err, "warning: %s is of commit %s, this build of %s\n",
                 reported.path.c_str(), Printable(reported.commit).c_str(),
                 BuildCommit());
  }
  if (!runs) runs = reported.config.engine == kExplore ? 1 : kPlanRuns;
  return Replayer(std::move(reported), runs, out, arguments.Has("--json"),
                  arguments.Has("--quiet"), cli)
      .Run();
}

}  // namespace harness
