#include "harness/progress.h"

#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace harness {
namespace {

const char* PhaseWord(Phase phase) {
  switch (phase) {
    case Phase::kSetup:
      return "setting up";
    case Phase::kQuiet:
      return "quiet phase";
    case Phase::kTotals:
      return "checking totals";
    case Phase::kTeardown:
      return "tearing down";
    default:
      return "looking for leaks";
  }
}

}  // namespace

Totals TotalsOf(const Recorder& r) {
  Totals totals;
  for (uint32_t i = 0; i < TaskCount(r); i++) {
    totals.operations += r.tasks[i].progress.load(kRelaxed);
    for (const auto& fired : r.tasks[i].fired) {
      totals.fired += fired.load(kRelaxed);
    }
  }
  return totals;
}

uint64_t OperationsOf(const Recorder& r, Verb verb) {
  uint64_t sum = 0;
  for (uint32_t i = 0; i < TaskCount(r); i++) {
    sum += r.tasks[i].operations[static_cast<int>(verb)].load(kRelaxed);
  }
  return sum;
}

uint64_t MonotonicNs() {
  timespec ts;
  clock_gettime(CLOCK_MONOTONIC, &ts);
  return static_cast<uint64_t>(ts.tv_sec) * 1'000'000'000 + ts.tv_nsec;
}

std::string Grouped(uint64_t value) {
  std::string text = std::to_string(value);
  for (size_t at = text.size(); at > 3; at -= 3) text.insert(at - 3, ",");
  return text;
}

double RunSeconds(const Recorder& r) {
  if (Exploring(r)) {
    uint64_t began = r.explore.began_ns.load(kRelaxed);
    uint64_t ended = r.explore.ended_ns.load(kRelaxed);
    if (!ended) ended = MonotonicNs();
    return ended < began ? 0 : static_cast<double>(ended - began) / 1e9;
  }
  double before = static_cast<double>(r.spent_ns) / 1e9;
  uint64_t start = r.start_ticks.load(kRelaxed);
  if (!start || r.ticks_per_ns <= 0) return before;
  uint64_t end = r.run_end_ticks.load(kRelaxed);
  if (!end) end = lru::now_ticks();
  if (end < start) return before;
  return before + static_cast<double>(end - start) / r.ticks_per_ns / 1e9;
}

namespace {

std::string ExploreText(const Recorder& r, const Config& config) {
  double seconds = RunSeconds(r);
  uint64_t schedules = r.explore.schedules.load(kRelaxed);
  uint64_t distinct = r.explore.distinct.load(kRelaxed);
  double rate = seconds > 0 ? static_cast<double>(schedules) / seconds : 0;
  std::string left = absl::StrFormat(
      "%.1f s left", std::max(0.0, config.duration_ms / 1e3 - seconds));
  if (config.schedules) {
    left = absl::StrCat("of ", Grouped(config.schedules));
  }
  if (static_cast<Phase>(r.phase.load(kRelaxed)) == Phase::kDone) {
    left = PhaseWord(Phase::kDone);
  }
  return absl::StrFormat("%s schedules (%d %% distinct), %s/s, %s",
                         Grouped(schedules),
                         schedules ? distinct * 100 / schedules : 100,
                         Grouped(static_cast<uint64_t>(rate)), left);
}

}  // namespace

std::string ProgressText(const Recorder& r, const Config& config) {
  if (Exploring(r)) return ExploreText(r, config);
  auto phase = static_cast<Phase>(r.phase.load(kRelaxed));
  double seconds = RunSeconds(r);
  double left = std::max(0.0, config.duration_ms / 1e3 - seconds);
  Totals totals = TotalsOf(r);
  double rate = seconds > 0 ? r.teardowns.load(kRelaxed) / seconds : 0;
  return absl::StrFormat("%s, %d operations, %.0f teardowns/s, %d faults fired",
                         phase == Phase::kRun
                             ? absl::StrFormat("%.1f s left", left)
                             : PhaseWord(phase),
                         totals.operations, rate, totals.fired);
}

LiveLine::LiveLine(bool silent)
    : silent_(silent), live_(isatty(STDERR_FILENO)) {}

void LiveLine::Hide() {
  if (shown_ && live_) fputs("\r\033[K", stderr);
  shown_ = false;
}

bool LiveLine::IsDue(uint64_t now_ms) {
  if (silent_) return false;
  if (next_ms_ == 0) next_ms_ = now_ms + (live_ ? 0 : kPlainPeriodMs);
  if (now_ms < next_ms_) return false;
  next_ms_ = now_ms + (live_ ? kLivePeriodMs : kPlainPeriodMs);
  return true;
}

void LiveLine::Show(const std::string& text) {
  fprintf(stderr, live_ ? "\r\033[K%s" : "%s\n", text.c_str());
  fflush(stderr);
  shown_ = true;
}

}  // namespace harness
