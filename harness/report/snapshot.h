// Reading a flight recorder whose process may have died in the middle of a
// write, or written anywhere: counts are clamped, texts end, pointers are
// followed only into memory that is mapped for good.
#ifndef LRUTORTURE_HARNESS_REPORT_SNAPSHOT_H_
#define LRUTORTURE_HARNESS_REPORT_SNAPSHOT_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "harness/flight_recorder.h"

namespace harness {

// Valid UTF-8 without control characters; what is neither becomes '?'.
std::string CleanText(std::string_view text);
// A char array that may lack its end.
template <size_t kSize>
std::string FixedText(const char (&text)[kSize]) {
  size_t n = 0;
  while (n < kSize && text[n]) ++n;
  return CleanText({text, n});
}
// A string literal of this program or a library; "?" when the pointer is none,
// "" for null.
std::string LiteralText(const char* text);

// Reads the byte: one that is neither 0 nor 1 is no valid bool.
bool InUse(const lru::task& task);
// Name of the task with this id, or "".
std::string TaskName(const Recorder& r, uint32_t id);
// Null when no slot has this id.
const TaskSlot* TaskOf(const Recorder& r, uint32_t id);

// Differences of ticks; negative when `to` is before `from`.
double MicrosBetween(const Recorder& r, uint64_t from, uint64_t to);
double TicksToMicros(const Recorder& r, uint64_t ticks);
// Counts within what every reader of JSON can hold.
uint64_t Clamped(uint64_t count);
// Three decimals; finite.
double Rounded(double value);

// "nlru->lock m3 n0"; "" when none.
std::string LockText(const lru::lock_ref& lock);
uint32_t HeldCount(const lru::task& task);
// "add o17 m4 l1 n0", "list_lru_add", or "idle".
std::string DoingText(const TaskSlot& slot);

// Indices of memcgs between kill and free, those of longest standing first;
// the one with serial `first` in front even if it is not dying.
std::vector<uint32_t> DyingMemcgs(const Recorder& r, uint32_t first,
                                  size_t max);

// Locks that wait for each other in a circle, by name, sorted; all that are
// waited for when there is none.
std::vector<std::string> BlockedOnLocks(const Recorder& r);

// The ones published, clamped.
// Without those that are known.
std::vector<const FindingSlot*> ReadyFindings(const Recorder& r);
// Whether the first finding, which ended the run, is a known one.
bool EndedByKnown(const Recorder& r);

}  // namespace harness

#endif  // LRUTORTURE_HARNESS_REPORT_SNAPSHOT_H_
