#include "harness/explore/schedule.h"

#include <algorithm>
#include <charconv>
#include <limits>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "harness/json_input.h"
#include "lru/sync/tsan.h"

namespace harness::explore {
namespace {

constexpr std::string_view kLetters =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ!#$%&+-/:=?@";
static_assert(kLetters.size() == kFibersMax);
constexpr std::string_view kSpaces = " \t\n\r";
constexpr uint32_t kCountMax = std::numeric_limits<uint32_t>::max();

// Empty: it is one, and in `run`.
std::string ReadWord(std::string_view word, ScheduleRun& run) {
  size_t fiber = kLetters.find(word[0]);
  if (fiber == kLetters.npos) return "no letter of a fiber";
  run = {.fiber = static_cast<uint32_t>(fiber), .count = 1};
  if (word.size() == 1) return "";
  const char* end = word.data() + word.size();
  auto [stop, error] = std::from_chars(word.data() + 1, end, run.count);
  if (stop != end || word[1] == '0' || error != std::errc()) {
    return absl::StrCat("after the letter comes a count in 1..", kCountMax);
  }
  return "";
}

}  // namespace

void ScheduleLog::Clear() {
  choices = 0;
  size = 0;
  truncated = 0;
}

LRU_UNINSTRUMENTED void ScheduleLog::Append(uint32_t fiber) {
  choices++;
  if (size > 0) {
    ScheduleRun& last = runs[size - 1];
    if (last.fiber == fiber && last.count < kCountMax && !truncated) {
      last.count++;
      return;
    }
  }
  if (size == kScheduleRunsMax) {
    truncated = 1;
    return;
  }
  runs[size].fiber = fiber;
  runs[size].count = 1;
  // Who reads after a crash finds the run before it finds it counted.
  __atomic_signal_fence(__ATOMIC_RELEASE);
  size++;
}

char FiberLetter(uint32_t fiber) { return kLetters[fiber]; }

std::string ScheduleText(const ScheduleRun* runs, size_t size) {
  std::string text;
  for (size_t i = 0; i < size; ++i) {
    if (i > 0) text += ' ';
    text += FiberLetter(runs[i].fiber);
    if (runs[i].count != 1) absl::StrAppend(&text, runs[i].count);
  }
  return text;
}

absl::StatusOr<std::vector<ScheduleRun>> ParseSchedule(std::string_view text) {
  std::vector<ScheduleRun> runs;
  size_t words = 0;
  size_t at = text.find_first_not_of(kSpaces);
  while (at != text.npos) {
    size_t end = std::min(text.find_first_of(kSpaces, at), text.size());
    std::string_view word = text.substr(at, end - at);
    ScheduleRun run;
    std::string wrong = ReadWord(word, run);
    words++;
    if (!wrong.empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat("schedule: word ", words, " at character ", at + 1,
                       ": '", Printable(word), "': ", wrong));
    }
    if (!runs.empty() && runs.back().fiber == run.fiber &&
        runs.back().count <= kCountMax - run.count) {
      runs.back().count += run.count;
    } else {
      runs.push_back(run);
    }
    at = text.find_first_not_of(kSpaces, end);
  }
  return runs;
}

}  // namespace harness::explore
