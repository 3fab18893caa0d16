#include "harness/report/snapshot.h"

#include <link.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "absl/strings/str_cat.h"
#include "harness/event.h"

namespace harness {
namespace {

constexpr size_t kLiteralMax = 200;

// Length of the UTF-8 sequence that starts here, 0 when there is none.
size_t SequenceLength(std::string_view text) {
  unsigned char lead = static_cast<unsigned char>(text[0]);
  if (lead < 0x80) return 1;
  size_t n = lead >= 0xc2 && lead <= 0xdf   ? 2
             : lead >= 0xe0 && lead <= 0xef ? 3
             : lead >= 0xf0 && lead <= 0xf4 ? 4
                                            : 0;
  if (n == 0 || text.size() < n) return 0;
  for (size_t i = 1; i < n; ++i) {
    if ((static_cast<unsigned char>(text[i]) & 0xc0) != 0x80) return 0;
  }
  unsigned char second = static_cast<unsigned char>(text[1]);
  bool overlong =
      (lead == 0xe0 && second < 0xa0) || (lead == 0xf0 && second < 0x90);
  bool beyond =
      (lead == 0xed && second > 0x9f) || (lead == 0xf4 && second > 0x8f);
  return overlong || beyond ? 0 : n;
}

struct Segment {
  uint64_t at;
  uint64_t end;  // 0: not found
};

int FindSegment(dl_phdr_info* info, size_t, void* arg) {
  Segment* segment = static_cast<Segment*>(arg);
  for (int i = 0; i < info->dlpi_phnum; ++i) {
    const ElfW(Phdr)& header = info->dlpi_phdr[i];
    uint64_t start = info->dlpi_addr + header.p_vaddr;
    uint64_t end = start + header.p_filesz;
    bool readable = header.p_type == PT_LOAD && (header.p_flags & PF_R);
    if (!readable || segment->at < start || segment->at >= end) continue;
    segment->end = end;
    return 1;
  }
  return 0;
}

constexpr uint64_t Bit(lru::fault_point fp) { return uint64_t{1} << fp; }

bool Dying(const MemcgSlot& memcg) {
  uint64_t reached = memcg.reached.load(kRelaxed);
  bool begun =
      reached & (Bit(lru::FP_css_dying_set) | Bit(lru::FP_css_online_failed));
  return memcg.serial.load(kRelaxed) && begun &&
         !(reached & Bit(lru::FP_css_free));
}

// The index of a task that holds `lock`, or -1.
int HolderIndex(const Recorder& r, const void* lock) {
  for (uint32_t i = 0; i < TaskCount(r); ++i) {
    const lru::task& task = r.tasks[i].task;
    for (uint32_t h = 0; InUse(task) && h < HeldCount(task); ++h) {
      if (task.held[h].lock.load(kRelaxed) == lock) return static_cast<int>(i);
    }
  }
  return -1;
}

// It waits for a grace period in its own read section; all others who wait,
// wait for it, and which they are is chance.
bool WaitsForItself(const lru::task& task) {
  return InUse(task) && task.rcu_nesting.load(kRelaxed) &&
         LiteralText(task.waiting.load(kRelaxed)) == "synchronize_rcu";
}

// Follows "waits for a lock that is held by" from one task; the names met on
// the circle, empty when the chain ends.
std::set<std::string> CircleFrom(const Recorder& r, uint32_t start) {
  std::set<std::string> names;
  uint32_t at = start;
  for (uint32_t steps = 0; steps <= TaskCount(r); ++steps) {
    const lru::task& task = r.tasks[at].task;
    const void* lock = task.waiting_for.lock.load(kRelaxed);
    int holder = InUse(task) && task.waiting.load(kRelaxed) && lock
                     ? HolderIndex(r, lock)
                     : -1;
    if (holder < 0) return {};
    names.insert(LiteralText(task.waiting_for.name.load(kRelaxed)));
    at = static_cast<uint32_t>(holder);
    if (at == start) return names;
  }
  return {};
}

}  // namespace

std::string CleanText(std::string_view text) {
  std::string clean;
  while (!text.empty()) {
    size_t n = SequenceLength(text);
    unsigned char c = static_cast<unsigned char>(text[0]);
    bool control = c < 0x20 || c == 0x7f;
    if (n == 0 || control) {
      clean += '?';
      n = 1;
    } else {
      clean.append(text.substr(0, n));
    }
    text.remove_prefix(n);
  }
  return clean;
}

std::string LiteralText(const char* text) {
  if (!text) return "";
  Segment segment = {reinterpret_cast<uint64_t>(text), 0};
  if (!dl_iterate_phdr(FindSegment, &segment)) return "?";
  size_t room = std::min<size_t>(segment.end - segment.at, kLiteralMax);
  return CleanText({text, strnlen(text, room)});
}

bool InUse(const lru::task& task) {
  return *reinterpret_cast<const unsigned char*>(&task.in_use) != 0;
}

const TaskSlot* TaskOf(const Recorder& r, uint32_t id) {
  for (uint32_t i = 0; i < TaskCount(r); ++i) {
    const lru::task& task = r.tasks[i].task;
    if (task.id == id && task.name[0]) return &r.tasks[i];
  }
  return nullptr;
}

std::string TaskName(const Recorder& r, uint32_t id) {
  const TaskSlot* slot = TaskOf(r, id);
  return slot ? FixedText(slot->task.name) : "";
}

uint64_t Clamped(uint64_t count) {
  return std::min<uint64_t>(count, INT64_MAX);
}

double Rounded(double value) {
  if (!std::isfinite(value)) return 0;
  return std::round(value * 1000) / 1000;
}

double TicksToMicros(const Recorder& r, uint64_t ticks) {
  double rate = r.ticks_per_ns;
  if (!std::isfinite(rate) || rate < 1e-6 || rate > 1e6) rate = 1;
  return Rounded(static_cast<double>(ticks) / rate / 1000);
}

double MicrosBetween(const Recorder& r, uint64_t from, uint64_t to) {
  return to >= from ? TicksToMicros(r, to - from)
                    : -TicksToMicros(r, from - to);
}

std::string LockText(const lru::lock_ref& lock) {
  std::string text = LiteralText(lock.name.load(kRelaxed));
  if (text.empty()) return lock.lock.load(kRelaxed) ? "a lock" : "";
  if (uint32_t serial = lock.serial.load(kRelaxed)) {
    absl::StrAppend(&text, " #", serial);
  }
  int32_t nid = lock.nid.load(kRelaxed);
  if (nid >= 0) absl::StrAppend(&text, " n", nid);
  return text;
}

uint32_t HeldCount(const lru::task& task) {
  return std::min<uint32_t>(task.nr_held.load(kRelaxed), lru::kTaskLocksMax);
}

std::string DoingText(const TaskSlot& slot) {
  std::string text;
  if (slot.op_started_ticks.load(kRelaxed)) {
    text = ToText(LoadOperation(slot.op_words));
  }
  std::string api = LiteralText(slot.task.api.load(kRelaxed));
  if (text.empty()) return api.empty() ? "idle" : api;
  return api.empty() ? text : absl::StrCat(text, " (", api, ")");
}

std::vector<uint32_t> DyingMemcgs(const Recorder& r, uint32_t first,
                                  size_t max) {
  std::vector<uint32_t> dying;
  for (uint32_t i = 0; i < kMemcgSlots; ++i) {
    bool concerned = first && r.memcgs[i].serial.load(kRelaxed) == first;
    if (concerned || Dying(r.memcgs[i])) dying.push_back(i);
  }
  auto key = [&](uint32_t i) {
    uint32_t serial = r.memcgs[i].serial.load(kRelaxed);
    return std::make_pair(serial != first, serial);
  };
  std::sort(dying.begin(), dying.end(),
            [&](uint32_t a, uint32_t b) { return key(a) < key(b); });
  if (dying.size() > max) dying.resize(max);
  return dying;
}

std::vector<std::string> BlockedOnLocks(const Recorder& r) {
  for (uint32_t i = 0; i < TaskCount(r); ++i) {
    if (WaitsForItself(r.tasks[i].task)) return {"grace period"};
  }
  std::set<std::string> names;
  for (uint32_t i = 0; i < TaskCount(r); ++i) {
    names.merge(CircleFrom(r, i));
  }
  for (uint32_t i = 0; names.empty() && i < TaskCount(r); ++i) {
    // No circle: a lock whose holder went away, or a completion.
    std::set<std::string> all;
    for (uint32_t j = 0; j < TaskCount(r); ++j) {
      const lru::task& task = r.tasks[j].task;
      if (!InUse(task) || !task.waiting.load(kRelaxed)) continue;
      std::string name = LiteralText(task.waiting_for.name.load(kRelaxed));
      if (!name.empty()) all.insert(name);
    }
    return {all.begin(), all.end()};
  }
  return {names.begin(), names.end()};
}

bool EndedByKnown(const Recorder& r) {
  return r.nr_findings.load(kRelaxed) != 0 && r.findings[0].known;
}

std::vector<const FindingSlot*> ReadyFindings(const Recorder& r) {
  std::vector<const FindingSlot*> ready;
  uint32_t n = std::min<uint32_t>(r.nr_findings.load(kRelaxed), kFindingsMax);
  for (uint32_t i = 0; i < n; ++i) {
    const FindingSlot& slot = r.findings[i];
    if (slot.ready.load(kRelaxed) && !slot.known) ready.push_back(&slot);
  }
  return ready;
}

}  // namespace harness
