#include "harness/replay.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "harness/report/snapshot.h"

namespace harness {
namespace {

const FindingSlot* FirstFinding(const Recorder& r) {
  std::vector<const FindingSlot*> findings = ReadyFindings(r);
  return findings.empty() ? nullptr : findings.front();
}

std::string InvariantNameOf(const FindingSlot& slot) {
  return slot.kind == Kind::kInvariant ? FixedText(slot.invariant) : "";
}

// The process that wrote it may have written anywhere.
bool IsSound(const explore::ScheduleLog& log) {
  if (log.size > explore::kScheduleRunsMax) return false;
  return std::all_of(log.runs, log.runs + log.size, [](const auto& run) {
    return run.fiber < explore::kFibersMax && run.count > 0;
  });
}

}  // namespace

bool ScheduleIsKnown(const Recorder& r) {
  bool in_schedule = static_cast<Phase>(r.phase.load(kRelaxed)) != Phase::kDone;
  const explore::ScheduleLog& log = r.explore.log;
  return Exploring(r) && in_schedule && FirstFinding(r) && !log.truncated &&
         IsSound(log);
}

Replay ReplayOf(const Recorder& r) {
  const FindingSlot& finding = *FirstFinding(r);
  const explore::ScheduleLog& log = r.explore.log;
  Replay replay;
  replay.schedule.index = r.explore.index.load(kRelaxed);
  replay.schedule.seed = r.explore.seed.load(kRelaxed);
  replay.schedule.choices.assign(log.runs, log.runs + log.size);
  replay.schedule.marked_step = finding.points;
  replay.points = finding.points;
  replay.trace_hash = finding.trace_hash;
  replay.kind = KindName(finding.kind);
  replay.invariant = InvariantNameOf(finding);
  return replay;
}

Replayed Compare(const Replay& replay, const Recorder& r) {
  const explore::ScheduleCounts& counts = r.explore.counts;
  const FindingSlot* finding = FirstFinding(r);
  Replayed replayed;
  if (replay.points == 0 || counts.marked_hash != 0) {
    replayed.points = replay.points;
    replayed.trace_hash = counts.marked_hash;
    replayed.identical = counts.marked_hash == replay.trace_hash;
  } else if (finding) {
    replayed.points = finding->points;
    replayed.trace_hash = finding->trace_hash;
    // Whoever else finds it here had found it there.
    if (!IsSanitizers(KindName(finding->kind))) replayed.identical = false;
  } else {
    replayed.points = counts.steps;
    replayed.trace_hash = explore::CourseHash(counts);
    replayed.identical = false;
  }
  if (r.explore.left_record.load(kRelaxed)) replayed.identical = false;
  replayed.reproduced = replayed.identical.value_or(true) && finding &&
                        KindName(finding->kind) == replay.kind &&
                        InvariantNameOf(*finding) == replay.invariant;
  return replayed;
}

namespace {
std::string TwoCourses(uint64_t points, uint64_t hash, uint64_t points_then,
                       uint64_t hash_then) {
  return absl::StrCat(points, " points with hash ", HashText(hash), ", then ",
                      points_then, " with ", HashText(hash_then));
}
}  // namespace

std::string BothCourses(const Replay& replay, const Replayed& replayed) {
  return TwoCourses(replay.points, replay.trace_hash, replayed.points,
                    replayed.trace_hash);
}

std::string DifferenceText(const explore::Difference& difference) {
  if (!difference.there.load(kRelaxed)) return "";
  std::string text =
      absl::StrCat("schedule ", difference.index, " (seed ", difference.seed,
                   ") took another course when it was run again");
  if (difference.points[0]) {
    absl::StrAppend(&text, ": ",
                    TwoCourses(difference.points[0], difference.hash[0],
                               difference.points[1], difference.hash[1]));
  }
  if (difference.what) {
    absl::StrAppend(&text, ": choice ", difference.choice, ": ",
                    difference.what);
  }
  return text;
}

bool IsSanitizers(const std::string& kind) {
  constexpr Kind kKinds[] = {Kind::kDataRace, Kind::kMemoryError, Kind::kLeak,
                             Kind::kUndefinedBehavior, Kind::kLockInversion};
  return std::any_of(std::begin(kKinds), std::end(kKinds),
                     [&](Kind k) { return kind == KindName(k); });
}

std::string HashText(uint64_t hash) { return absl::StrFormat("%016x", hash); }

}  // namespace harness
