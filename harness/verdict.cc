#include "harness/verdict.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "harness/catalog.h"
#include "harness/config_names.h"
#include "harness/coverage.h"
#include "harness/pacer.h"
#include "harness/progress.h"
#include "harness/report/snapshot.h"
#include "nlohmann/json.hpp"

namespace harness {
namespace {

Verb VerbByName(const std::string& name) {
  for (int i = 0; i < kVerbs; i++) {
    if (name == VerbName(static_cast<Verb>(i))) return static_cast<Verb>(i);
  }
  return Verb::kCount;
}

void Need(std::vector<std::string>& unmet, const std::string& what,
          uint64_t have, uint64_t want) {
  if (have >= want) return;
  unmet.push_back(absl::StrCat(what, ": ", have, " of ", want));
}

bool WriteAll(int fd, const std::string& text) {
  size_t done = 0;
  while (done < text.size()) {
    ssize_t n = write(fd, text.data() + done, text.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    done += static_cast<size_t>(n);
  }
  return fsync(fd) == 0 || errno == EINVAL || errno == EROFS;
}

std::string Field(const nlohmann::ordered_json& object, const char* key) {
  auto it = object.find(key);
  if (it == object.end() || !it->is_string()) return "";
  return it->get<std::string>();
}

// "1,000 schedules (987 distinct), 412,345 points, 0.4 s (2,500 schedules/s)"
std::string ExploredText(const Recorder& r) {
  const explore::Record& e = r.explore;
  uint64_t schedules = e.schedules.load(kRelaxed);
  double seconds = RunSeconds(r);
  double rate = seconds > 0 ? static_cast<double>(schedules) / seconds : 0;
  return absl::StrFormat(
      "%s%s schedules (%s distinct), %s points, %.1f s (%s schedules/s)",
      e.exhausted.load(kRelaxed) ? "all " : "", Grouped(schedules),
      Grouped(e.distinct.load(kRelaxed)), Grouped(e.points.load(kRelaxed)),
      seconds, Grouped(static_cast<uint64_t>(rate)));
}

std::string DoneText(const Recorder& r) {
  uint64_t teardowns = r.teardowns.load(kRelaxed);
  std::string text = absl::StrCat(teardowns, " teardowns");
  if (teardowns) {
    absl::StrAppend(&text, " (",
                    r.teardowns_contended.load(kRelaxed) * 100 / teardowns,
                    " % contended)");
  }
  absl::StrAppend(&text, ", ", TotalsOf(r).operations, " operations");
  if (Exploring(r)) return absl::StrCat(ExploredText(r), ", ", text);
  return absl::StrFormat("%s, %.1f s", text, RunSeconds(r));
}

// "known: 2": bugs of a kernel's own lru, seen again.
std::string KnownText(const nlohmann::ordered_json& report, bool quiet) {
  auto it = report.find("known");
  if (it == report.end() || it->empty()) return "";
  std::string text = absl::StrCat("known: ", it->size(), "\n");
  for (const auto& known : *it) {
    if (quiet) break;
    absl::StrAppend(&text, "  ", Field(known, "bug"), ", seen ",
                    known["seen"].get<uint64_t>(),
                    " times: ", Field(known, "sentence"), "\n");
  }
  return text;
}

// No config is wrong that names a plug-in's implicit point which is none: that
// shows here.
std::string UnfiredText(const nlohmann::ordered_json& report,
                        const Config& config, bool quiet) {
  const LruInfo* lru = Catalog::Get().FindLru(config.lru);
  std::string text;
  if (!lru || !lru->plugin || quiet) return text;
  for (const auto& fault : report["faults"]) {
    if (fault["fired"] != 0 || !LooksImplicit(Field(fault, "at"))) continue;
    absl::StrAppend(&text, "  the fault at ", Field(fault, "at"),
                    " has never fired (see lrutorture list points --lru ",
                    config.lru, " --implicit)\n");
  }
  return text;
}

// Somebody who proves that the harness can fail must not be left with a PASS.
std::string MissedText(const Config& config, bool quiet) {
  const BustedInfo* busted = Catalog::Get().FindBusted(config.busted);
  if (!busted || busted->expect.empty() || quiet) return "";
  return absl::StrCat("  control ", busted->name, " was not caught; the build ",
                      busted->expect[0].build, " shows it best\n");
}

// Where in explore, and whether it came again.
std::string RemarkLines(const nlohmann::ordered_json& replay,
                        const RunOutcome& outcome) {
  return absl::StrCat(outcome.remark.empty() ? "" : "  ", outcome.remark,
                      outcome.remark.empty() ? "" : "\n",
                      "  again: ", Field(replay, "command"), "\n");
}
std::string ScheduleLines(const nlohmann::ordered_json& finding,
                          const RunOutcome& outcome) {
  auto it = finding.find("replay");
  if (it == finding.end()) return "";
  const nlohmann::ordered_json& replay = *it;
  if (!replay.contains("schedule_index")) {
    return outcome.remark.empty() ? "" : RemarkLines(replay, outcome);
  }
  std::string text =
      absl::StrCat("  schedule ", replay["schedule_index"].get<uint64_t>(),
                   " (", Field(replay, "strategy"), ") at point ",
                   Grouped(replay["points"].get<uint64_t>()));
  const auto& reproduced = replay["reproduced"];
  if (reproduced.is_boolean()) {
    absl::StrAppend(&text, reproduced == true
                               ? "; run again, it came to the same"
                               : "; run again, it did NOT come to the same");
  }
  return absl::StrCat(text, "\n", RemarkLines(replay, outcome));
}

std::string FindingText(const nlohmann::ordered_json& report,
                        const RunOutcome& outcome, bool quiet) {
  auto it = report.find("finding");
  if (it == report.end() || !it->is_object()) return "FINDING\n";
  std::string invariant = Field(*it, "invariant");
  std::string text =
      absl::StrCat("FINDING ", Field(*it, "kind"), invariant.empty() ? "" : " ",
                   invariant, "\n");
  if (quiet) return text;
  absl::StrAppend(&text, "  ", Field(*it, "message"), "\n");
  absl::StrAppend(&text, "  signature: ", Field(*it, "signature"), "\n");
  return text + ScheduleLines(*it, outcome);
}

std::string InconclusiveText(const Recorder& r, const Config& config,
                             const RunOutcome& outcome, bool quiet) {
  std::string why = absl::StrJoin(outcome.unmet, "; ");
  if (outcome.interrupted) {
    why = absl::StrFormat("interrupted after %.1f s", RunSeconds(r));
    if (Exploring(r)) why = absl::StrCat("interrupted after ", ExploredText(r));
  }
  std::string text = absl::StrCat("INCONCLUSIVE ", why, "\n");
  if (quiet || outcome.interrupted) return text;
  std::string limit =
      Exploring(r) && config.schedules
          ? absl::StrCat("/explore/schedules (", config.schedules, ")")
          : absl::StrCat("/duration_ms (", config.duration_ms, ")");
  return absl::StrCat(text, "  nothing found, but the run did too little to ",
                      "say so: raise ", limit, ", or require less\n");
}

}  // namespace

std::vector<std::string> Unmet(const Recorder& r, const Config& config) {
  std::vector<std::string> unmet;
  uint64_t teardowns = config.require.teardowns;
  if (teardowns == 0 && HasDestroyers(config)) teardowns = 1;
  Need(unmet, "teardowns", r.teardowns.load(kRelaxed), teardowns);
  for (const auto& [name, want] : config.require.operations) {
    Verb verb = VerbByName(name);
    uint64_t have = verb == Verb::kCount ? 0 : OperationsOf(r, verb);
    Need(unmet, absl::StrCat("operations ", name), have, want);
  }
  // Else it is over when time is, or when there is nothing left to explore.
  if (Exploring(r) && EndedByKnown(r)) {
    Need(unmet, "schedules before what is known ended it",
         r.explore.schedules.load(kRelaxed), config.schedules);
  }
  std::string coverage = CoverageUnmet(r, config);
  if (!coverage.empty()) unmet.push_back(coverage);
  if (unmet.empty()) Need(unmet, "operations", TotalsOf(r).operations, 1);
  return unmet;
}

ExitCode Judge(const Recorder& r, const RunOutcome& outcome) {
  if (!outcome.other_course.empty()) return kExitHarness;
  if (EndedByKnown(r)) {
    return outcome.unmet.empty() ? kExitPass : kExitInconclusive;
  }
  if (r.nr_findings.load(kRelaxed)) return kExitFinding;
  if (!outcome.impossible.empty()) return kExitHarness;
  if (outcome.interrupted || !outcome.unmet.empty()) return kExitInconclusive;
  return kExitPass;
}

bool WriteWhole(const std::string& path, const std::string& text) {
  std::string temporary = path + ".tmp";
  int fd =
      open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0) return false;
  bool ok = WriteAll(fd, text);
  ok &= close(fd) == 0;
  ok = ok && rename(temporary.c_str(), path.c_str()) == 0;
  if (!ok) {
    int error = errno;
    unlink(temporary.c_str());
    errno = error;
  }
  return ok;
}

std::string VerdictText(const Recorder& r, const Config& config,
                        const RunOutcome& outcome,
                        const nlohmann::ordered_json& report,
                        const std::string& report_path, bool quiet) {
  std::string text;
  if (outcome.exit_code == kExitFinding) {
    text = FindingText(report, outcome, quiet);
  } else if (outcome.exit_code == kExitHarness) {
    bool both = !outcome.other_course.empty() && !outcome.impossible.empty();
    text = absl::StrCat("HARNESS FAILED ", outcome.other_course,
                        both ? "; " : "", outcome.impossible, "\n");
    if (r.nr_findings.load(kRelaxed)) {
      text += FindingText(report, outcome, quiet);
    } else if (Exploring(r) && !quiet) {
      absl::StrAppend(&text, "  again: ", outcome.command, "\n");
    }
  } else if (outcome.exit_code == kExitInconclusive) {
    text = InconclusiveText(r, config, outcome, quiet);
  } else {
    text = absl::StrCat("PASS ", DoneText(r), "\n", MissedText(config, quiet));
  }
  if (EndedByKnown(r)) {
    absl::StrAppend(&text, "  ended by what is known: whatever comes after ",
                    "it may be its consequence\n");
  }
  if (outcome.exit_code == kExitPass ||
      outcome.exit_code == kExitInconclusive) {
    text += UnfiredText(report, config, quiet);
  }
  absl::StrAppend(&text, KnownText(report, quiet));
  if (report_path.empty()) return text;
  return absl::StrCat(text, quiet ? "" : "  report: ", report_path, "\n");
}

}  // namespace harness
