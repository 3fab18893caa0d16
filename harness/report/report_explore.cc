// What is only in reports of explore: how much was explored, what that rules
// out, and how to run the schedule of a finding again.
#include <cmath>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "harness/explore/strategy.h"
#include "harness/progress.h"
#include "harness/report/report_parts.h"
#include "harness/report/snapshot.h"

namespace harness {
namespace {

// Of a report of 256 KiB: beyond it, everything else would have to go.
constexpr size_t kScheduleBytesMax = 200'000;

double PerSecond(uint64_t count, double seconds) {
  return seconds > 0 ? Rounded(static_cast<double>(count) / seconds) : 0.0;
}

Json ReplayedToJson(const std::optional<Replayed>& replayed) {
  if (!replayed) return nullptr;
  return {{"points", Clamped(replayed->points)},
          {"trace_hash", HashText(replayed->trace_hash)},
          {"identical",
           replayed->identical ? Json(*replayed->identical) : Json(nullptr)},
          {"reproduced", replayed->reproduced}};
}

// 1 - (1 - p)^n, with p as small as it likes.
double AtLeastOnce(double p, uint64_t n) {
  return p >= 1 ? 1.0 : -std::expm1(static_cast<double>(n) * std::log1p(-p));
}

Json BoundsOf(const explore::Record& e) {
  Json bounds = Json::array();
  auto fibers = static_cast<uint32_t>(e.pct_fibers.load(kRelaxed));
  uint64_t choices = e.pct_choices.load(kRelaxed);
  if (fibers == 0 || choices == 0) return bounds;
  for (uint32_t depth = 1; depth < explore::kPctDepths; ++depth) {
    uint64_t schedules = e.pct_schedules[depth].load(kRelaxed);
    if (schedules == 0) continue;
    double each = explore::PctBound(fibers, choices, depth);
    bounds.push_back({{"depth", depth},
                      {"schedules", Clamped(schedules)},
                      {"probability_at_least", AtLeastOnce(each, schedules)}});
  }
  return bounds;
}

uint64_t PreemptionsOf(const Config& config) {
  uint64_t preemptions = 0;
  size_t colon = config.strategy.find(':');
  if (colon == config.strategy.npos) return 0;
  (void)absl::SimpleAtoi(config.strategy.substr(colon + 1), &preemptions);
  return preemptions;
}

std::string StrategyOf(const Recorder& r) {
  std::string name = FixedText(r.explore.strategy);
  return name.empty() ? "?" : name;
}

std::string NoteOf(const RunOutcome& outcome) {
  return absl::StrCat(
      "The schedule is all of it: the same build comes to the same point, and "
      "a build without the detector that saw this runs the same schedule.",
      outcome.remark.empty() ? "" : " ", CleanText(outcome.remark));
}

// Noticed when all schedules had ended, or in one too long to be kept, or in
// one that needs those before it.
Json WithoutSchedule(const Recorder& r, const RunOutcome& outcome) {
  bool ended = static_cast<Phase>(r.phase.load(kRelaxed)) == Phase::kDone;
  std::string why = "The schedule was too long to be kept.";
  if (ended) {
    why =
        "Noticed when all schedules had ended: no one of them is known to "
        "have caused it.";
  }
  if (!outcome.alone) why = CleanText(outcome.remark);
  return {{"command", CleanText(outcome.command)},
          {"note", absl::StrCat(why, " The seed repeats them all.")}};
}

Json DifferenceToJson(const explore::Difference& difference,
                      const RunOutcome& outcome) {
  Json times = Json::array();
  for (int i = 0; i < 2; i++) {
    times.push_back({{"points", Clamped(difference.points[i])},
                     {"trace_hash", HashText(difference.hash[i])}});
  }
  return {{"schedule_index", Clamped(difference.index)},
          {"schedule_seed", Clamped(difference.seed)},
          {"times", std::move(times)},
          {"command", CleanText(outcome.command)}};
}

}  // namespace

Json ExploreToJson(const Recorder& r, const Config& config,
                   const RunOutcome& outcome) {
  if (!Exploring(r)) return nullptr;
  const explore::Record& e = r.explore;
  uint64_t schedules = Clamped(e.schedules.load(kRelaxed));
  uint64_t points = Clamped(e.points.load(kRelaxed));
  Json json;
  json["strategy"] = CleanText(config.strategy);
  json["schedules"] = schedules;
  json["distinct"] = Clamped(e.distinct.load(kRelaxed));
  json["repeated"] = Clamped(e.repeated.load(kRelaxed));
  json["schedules_per_s"] = PerSecond(schedules, outcome.duration_s);
  json["points"] = points;
  json["points_per_s"] = PerSecond(points, outcome.duration_s);
  json["choices"] = Clamped(e.choices.load(kRelaxed));
  json["steps_max"] = Clamped(e.steps_max.load(kRelaxed));
  json["tasks_max"] = Clamped(e.tasks_max.load(kRelaxed));
  json["trace_hash"] = HashText(e.hash.load(kRelaxed));
  json["exhausted"] = e.exhausted.load(kRelaxed) != 0;
  if (e.difference.there.load(kRelaxed)) {
    json["difference"] = DifferenceToJson(e.difference, outcome);
  }
  json["replayed"] = ReplayedToJson(outcome.replayed);
  return json;
}

Json ExploreConfidenceToJson(const Recorder& r, const Config& config,
                             bool found) {
  const explore::Record& e = r.explore;
  uint64_t schedules = Clamped(e.schedules.load(kRelaxed));
  if (!found && e.exhausted.load(kRelaxed)) {
    return {{"method", "exhausted"},
            {"preemptions", PreemptionsOf(config)},
            {"schedules", schedules}};
  }
  Json bounds = found ? Json::array() : BoundsOf(e);
  if (bounds.empty()) return {{"method", "none"}, {"schedules", schedules}};
  return {{"method", "pct"},
          {"tasks", Clamped(e.pct_fibers.load(kRelaxed))},
          {"choices", Clamped(e.pct_choices.load(kRelaxed))},
          {"bounds", std::move(bounds)}};
}

Json ExploreReplayToJson(const Recorder& r, const FindingSlot& slot,
                         const RunOutcome& outcome, bool first) {
  if (!ScheduleIsKnown(r) || !outcome.alone) return WithoutSchedule(r, outcome);
  const explore::ScheduleLog& log = r.explore.log;
  std::string schedule = explore::ScheduleText(log.runs, log.size);
  if (schedule.size() > kScheduleBytesMax) return WithoutSchedule(r, outcome);
  Json json = {{"command", CleanText(outcome.replay_command)},
               {"note", NoteOf(outcome)},
               {"strategy", StrategyOf(r)},
               {"schedule_index", Clamped(r.explore.index.load(kRelaxed))},
               {"schedule_seed", Clamped(r.explore.seed.load(kRelaxed))},
               {"points", Clamped(slot.points)},
               {"trace_hash", HashText(slot.trace_hash)},
               {"reproduced", outcome.replayed && first
                                  ? Json(outcome.replayed->reproduced)
                                  : Json(nullptr)}};
  json["schedule"] = std::move(schedule);
  return json;
}

}  // namespace harness
