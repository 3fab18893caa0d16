// The report for a terminal: what happened, who was where, how to run it again.
// The report has passed the schema; long lists are cut, the JSON has them all.
#include <algorithm>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "harness/progress.h"
#include "harness/report/report_parts.h"
#include "harness/report/signature.h"
#include "harness/text.h"

namespace harness {
namespace {

constexpr size_t kActorsMax = 10;
constexpr size_t kMemcgsMax = 6;
constexpr size_t kEventsMax = 14;
constexpr size_t kEventsPerTaskMax = 5;
constexpr size_t kFramesShown = 4;
constexpr size_t kMissingMax = 10;

std::string Get(const Json& object, const char* key) {
  const Json& value = object.at(key);
  return value.is_string() ? value.get<std::string>() : "";
}

// "12 us", "3.4 ms", "5.0 s"
std::string Duration(double micros) {
  double size = micros < 0 ? -micros : micros;
  if (size < 1000) return absl::StrFormat("%.0f us", micros);
  if (size < 1e6) return absl::StrFormat("%.1f ms", micros / 1e3);
  return absl::StrFormat("%.1f s", micros / 1e6);
}

std::string Cut(const std::string& text, size_t width) {
  return text.size() <= width ? text : text.substr(0, width - 2) + "..";
}

void More(size_t shown, size_t all, const char* what, std::string* out) {
  if (all > shown) {
    absl::StrAppend(out, "  ... and ", all - shown, " more ", what, "\n");
  }
}

// Columns as wide as their widest cell.
void Table(const std::vector<std::vector<std::string>>& rows,
           std::string* out) {
  std::vector<size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (size_t c = 0; c < row.size(); ++c) {
      widths[c] = std::max(widths[c], row[c].size());
    }
  }
  for (const auto& row : rows) {
    std::string line = " ";
    for (size_t c = 0; c < row.size(); ++c) {
      absl::StrAppendFormat(&line, " %-*s", static_cast<int>(widths[c] + 1),
                            row[c]);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    absl::StrAppend(out, line, "\n");
  }
}

// Without arguments: the file and line say the rest.
std::string FrameText(const Json& frame) {
  std::string function = Get(frame, "function");
  std::string name = BaseName(function);
  if (!name.empty()) function = name;
  std::string file = Get(frame, "file");
  if (file.empty()) return Cut(function, 70);
  return absl::StrCat(Cut(function, 48), "  ", file, ":",
                      frame.at("line").get<int>());
}

void FrameLines(const Json& frames, size_t max, std::string* out) {
  size_t n = std::min(frames.size(), max);
  for (size_t i = 0; i < n; ++i) {
    absl::StrAppend(out, "      ", FrameText(frames[i]), "\n");
  }
}

void Header(const Json& report, std::string* out) {
  const Json& build = report.at("build");
  absl::StrAppend(out, Get(report, "verdict"), "  ",
                  Get(report.at("config"), "name"), "  seed ",
                  report.at("seed").get<uint64_t>(), "  ", Get(report, "lru"));
  if (Get(report, "busted") != "none") {
    absl::StrAppend(out, "  busted: ", Get(report, "busted"));
  }
  absl::StrAppend(out, "\n  ", Get(build, "preset"), " build of ",
                  Get(build, "version"), " (", Get(build, "commit"), "), plan ",
                  Get(report, "plan_hash"), ", ",
                  report.at("machine").at("cores").get<int>(), " cores\n");
}

void Explored(const Json& explore, std::string* out) {
  if (explore.is_null()) return;
  auto count = [&](const char* key) {
    return Grouped(explore.at(key).get<uint64_t>());
  };
  absl::StrAppendFormat(
      out, "  %s schedules by %s (%s distinct), %s points, %s schedules/s\n",
      count("schedules"), Get(explore, "strategy"), count("distinct"),
      count("points"),
      Grouped(
          static_cast<uint64_t>(explore.at("schedules_per_s").get<double>())));
}

void Confidence(const Json& confidence, std::string* out) {
  std::string method = Get(confidence, "method");
  if (method == "exhausted") {
    absl::StrAppend(out, "  these are all, with at most ",
                    confidence.at("preemptions").get<uint64_t>(),
                    " preemptions, under sequential consistency\n");
  }
  if (method == "pct") {
    for (const Json& bound : confidence.at("bounds")) {
      absl::StrAppendFormat(
          out, "  would have found a bug of depth %d with p >= %.2g\n",
          bound.at("depth").get<int>(),
          bound.at("probability_at_least").get<double>());
    }
  }
  if (method != "poisson") return;
  const Json& rate = confidence.at("failure_rate_below_95");
  if (!rate.is_number()) return;
  absl::StrAppendFormat(out,
                        "  rules out, at 95 %%, a failure rate above %.2g per "
                        "contended teardown\n",
                        rate.get<double>());
}

void TotalsText(const Json& report, std::string* out) {
  const Json& stats = report.at("stats");
  uint64_t operations = 0;
  for (const auto& [verb, count] : stats.at("operations").items()) {
    operations += count.get<uint64_t>();
  }
  absl::StrAppendFormat(
      out,
      "  %s operations, %s teardowns (%.0f/s, %.0f%% contended) in %.1f s\n",
      Grouped(operations), Grouped(stats.at("teardowns").get<uint64_t>()),
      stats.at("teardowns_per_s").get<double>(),
      stats.at("contended_percent").get<double>(),
      stats.at("duration_s").get<double>());
  Explored(report.at("explore"), out);
  Confidence(report.at("confidence"), out);
  if (report.at("interrupted").get<bool>()) {
    absl::StrAppend(out, "  interrupted before its time\n");
  }
  bool found = Get(report, "verdict") == "FINDING";
  for (const Json& line : report.at("unmet")) {
    if (found) break;  // it ended the run before its time
    absl::StrAppend(out, "  not reached: ", line.get<std::string>(), "\n");
  }
}

// "12k", "3.4M": a column of six.
std::string Short(uint64_t count) {
  if (count < 100'000) return std::to_string(count);
  if (count < 10'000'000) return absl::StrCat(count / 1000, "k");
  return absl::StrCat(count / 1'000'000, "M");
}

std::string CellsText(const Json& cell) {
  auto text = [&](const char* order) -> std::string {
    auto it = cell.find(order);
    if (it == cell.end() || it->is_null()) return "-";
    return Short(it->get<uint64_t>());
  };
  return cell.contains("op_first")
             ? absl::StrCat(text("op_first"), "/", text("stage_first"))
             : text("stage_first");
}

void CoverageTable(const Json& matrix, std::string* out) {
  std::vector<std::vector<std::string>> rows;
  for (const auto& [stage, operations] : matrix.items()) {
    if (rows.empty()) {
      rows.push_back({"stage"});
      for (const auto& [operation, cell] : operations.items()) {
        rows[0].push_back(operation);
      }
    }
    rows.push_back({stage});
    for (const auto& [operation, cell] : operations.items()) {
      rows.back().push_back(CellsText(cell));
    }
  }
  absl::StrAppend(out,
                  "\nStages and operations that met (operation first / stage "
                  "first; -: cannot)\n");
  Table(rows, out);
}

void NearMisses(const Json& kinds, std::string* out) {
  std::vector<std::vector<std::string>> rows;
  for (const auto& [kind, count] : kinds.items()) {
    if (count == 0) continue;
    rows.push_back({Grouped(count.get<uint64_t>()), kind});
  }
  if (rows.empty()) return;
  absl::StrAppend(out, "\nNear misses (lrutorture explain NAME)\n");
  Table(rows, out);
}

// A finding has more urgent things to show.
void Coverage(const Json& report, std::string* out) {
  const Json& coverage = report.at("coverage");
  uint64_t reachable = coverage.at("cells_reachable").get<uint64_t>();
  if (reachable) {
    absl::StrAppend(out, "  ", coverage.at("cells_hit").get<uint64_t>(), " of ",
                    reachable, " reachable windows hit\n");
  }
  if (Get(report, "verdict") == "FINDING" || coverage.at("matrix").empty()) {
    return;
  }
  CoverageTable(coverage.at("matrix"), out);
  const Json& missing = coverage.at("missing");
  if (!missing.empty() && missing.size() < reachable) {
    absl::StrAppend(out, "\nReachable, and not hit\n");
    for (size_t i = 0; i < std::min(missing.size(), kMissingMax); i++) {
      absl::StrAppend(out, "    ", missing[i].get<std::string>(), "\n");
    }
    More(kMissingMax, missing.size(), "windows", out);
  }
  NearMisses(report.at("near_misses"), out);
}

void Sanitizer(const Json& finding, std::string* out) {
  const Json& sanitizer = finding.at("sanitizer");
  if (sanitizer.is_null()) {
    const Json& stack = finding.at("stack");
    if (stack.empty()) return;
    absl::StrAppend(out, "\nNoticed in\n");
    FrameLines(stack, 2 * kFramesShown, out);
    return;
  }
  absl::StrAppend(out, "\nWhat the sanitizer saw: ", Get(sanitizer, "type"),
                  "\n");
  for (const Json& stack : sanitizer.at("stacks")) {
    absl::StrAppend(out, "    ", Get(stack, "title"), "\n");
    FrameLines(stack.at("frames"), kFramesShown, out);
  }
}

void Stages(const Json& stages, std::string* out) {
  if (stages.empty()) return;
  std::vector<std::vector<std::string>> rows;
  for (const Json& s : stages) {
    if (rows.size() >= kMemcgsMax) break;
    rows.push_back(
        {absl::StrCat("m", s.at("memcg").get<uint64_t>()),
         absl::StrCat("child of m", s.at("parent").get<uint64_t>()),
         absl::StrCat("at ", Get(s, "stage")),
         absl::StrCat("since ", Duration(s.at("since_us").get<double>()))});
  }
  absl::StrAppend(out, "\nMemcgs in teardown\n");
  Table(rows, out);
  More(rows.size(), stages.size(), "memcgs", out);
}

// What keeps a task where it is, in the order a reader asks.
std::string Why(const Json& actor) {
  std::vector<std::string> why;
  std::string waiting = Get(actor, "waiting_for");
  std::string held_at = Get(actor, "held_at");
  if (!waiting.empty()) why.push_back("waits: " + waiting);
  if (!held_at.empty()) why.push_back("delayed at " + held_at);
  std::vector<std::string> locks;
  for (const Json& lock : actor.at("locks")) {
    locks.push_back(lock.get<std::string>());
  }
  if (!locks.empty()) why.push_back("holds " + absl::StrJoin(locks, ", "));
  if (actor.at("rcu_nesting").get<int64_t>() > 0) why.push_back("in RCU");
  return absl::StrJoin(why, "; ");
}

void Actors(const Json& actors, std::string* out) {
  size_t name_width = 0, idle = 0, shown = 0;
  for (const Json& actor : actors) {
    name_width = std::max(name_width, Get(actor, "name").size());
  }
  std::string rows;
  for (const Json& actor : actors) {
    std::string why = Why(actor), doing = Get(actor, "doing");
    if (doing == "idle" && why.empty()) {
      ++idle;
      continue;
    }
    if (++shown > kActorsMax) continue;
    double micros = actor.at("for_us").get<double>();
    if (micros > 0) absl::StrAppend(&doing, ", for ", Duration(micros));
    absl::StrAppendFormat(&rows, "  %-*s  %s\n", static_cast<int>(name_width),
                          Get(actor, "name"), doing);
    std::string indent(name_width + 6, ' ');
    if (!why.empty())
      absl::StrAppend(&rows, indent, Wrapped(why, indent), "\n");
  }
  if (rows.empty()) return;
  absl::StrAppend(out, "\nWho was where\n", rows);
  More(kActorsMax, shown, "tasks", out);
  if (idle > 0) absl::StrAppend(out, "  (", idle, " idle)\n");
}

// The newest, but of no task so many that it hides the others.
std::vector<const Json*> ChosenEvents(const Json& events) {
  std::map<std::string, size_t> per_task;
  std::vector<const Json*> chosen;
  for (size_t i = events.size(); i-- > 0 && chosen.size() < kEventsMax;) {
    if (++per_task[Get(events[i], "task")] > kEventsPerTaskMax) continue;
    chosen.push_back(&events[i]);
  }
  std::reverse(chosen.begin(), chosen.end());
  return chosen;
}

void Events(const Json& events, std::string* out) {
  if (events.empty()) return;
  absl::StrAppend(out, "\nWhat happened last\n");
  std::vector<std::vector<std::string>> rows;
  for (const Json* e : ChosenEvents(events)) {
    std::string text = Get(*e, "text");
    if (Get(*e, "kind") == "operation") {
      absl::StrAppend(&text, " -> ", e->at("result").get<int64_t>());
    }
    rows.push_back({absl::StrFormat("%9.1f us", e->at("t_us").get<double>()),
                    Get(*e, "task"), text});
  }
  Table(rows, out);
}

// "a14 b2 c ... (1,234 more)": enough to recognise it.
std::string ShownSchedule(const std::string& schedule) {
  constexpr size_t kShown = 60;
  if (schedule.size() <= kShown) return schedule;
  size_t end = schedule.rfind(' ', kShown);
  if (end == schedule.npos) end = kShown;
  auto more = static_cast<uint64_t>(std::count(
      schedule.begin() + static_cast<long>(end), schedule.end(), ' '));
  return absl::StrCat(schedule.substr(0, end), " ... (", Grouped(more),
                      " more)");
}

void RunAgain(const Json& replay, std::string* out) {
  absl::StrAppend(out, "\nRun it again\n    ", Get(replay, "command"), "\n");
  if (replay.contains("schedule_index")) {
    absl::StrAppend(out, "  schedule ",
                    replay.at("schedule_index").get<uint64_t>(), " by ",
                    Get(replay, "strategy"), ", at point ",
                    Grouped(replay.at("points").get<uint64_t>()), ", hash ",
                    Get(replay, "trace_hash"), "\n    ",
                    ShownSchedule(Get(replay, "schedule")), "\n");
    const Json& reproduced = replay.at("reproduced");
    if (reproduced == true) {
      absl::StrAppend(out, "  Run again at once, it came to the same.\n");
    }
  }
  absl::StrAppend(out, "  ", Wrapped(Get(replay, "note"), "  "), "\n");
}

void Finding(const Json& report, std::string* out) {
  const Json& finding = report.at("finding");
  if (finding.is_null()) return;
  std::string what = Get(finding, "kind");
  std::string detail = Get(finding, "invariant");
  if (detail.empty()) detail = Get(finding, "type");
  if (!detail.empty()) absl::StrAppend(&what, " (", detail, ")");
  absl::StrAppend(out, "\n", what, "\n  ",
                  Wrapped(Get(finding, "message"), "  "), "\n  signature  ",
                  Get(finding, "signature"), "\n");
  Sanitizer(finding, out);
  Stages(finding.at("stage"), out);
  Actors(finding.at("actors"), out);
  Events(finding.at("events"), out);
  RunAgain(finding.at("replay"), out);
}

void OtherFindings(const Json& findings, std::string* out) {
  constexpr size_t kShown = 5;
  if (findings.size() < 2) return;
  absl::StrAppend(out, "\nFound as well\n");
  for (size_t i = 1; i < std::min(findings.size(), kShown + 1); ++i) {
    absl::StrAppend(out, "    ", Cut(Get(findings[i], "signature"), 74), "\n");
  }
  More(kShown, findings.size() - 1, "findings", out);
}

}  // namespace

std::string ReportToText(const nlohmann::ordered_json& report) {
  std::string out;
  Header(report, &out);
  TotalsText(report, &out);
  Coverage(report, &out);
  Finding(report, &out);
  OtherFindings(report.at("findings"), &out);
  // What a report says is shown, not obeyed by the terminal.
  for (char& c : out) {
    auto byte = static_cast<unsigned char>(c);
    if ((byte < 0x20 && c != '\n') || byte == 0x7f) c = '?';
  }
  return out;
}

}  // namespace harness
