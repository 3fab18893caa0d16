#include "harness/describe.h"

#include <algorithm>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "harness/event.h"

namespace harness {
namespace {

constexpr size_t kMemcgsNamed = 3;
constexpr int kChainMax = 4;

Operation CurrentOperation(const TaskSlot& slot) {
  return LoadOperation(slot.op_words);
}

std::string DescribeHeld(const TaskSlot& slot) {
  uint32_t count =
      std::min<uint32_t>(slot.task.nr_held.load(kRelaxed), lru::kTaskLocksMax);
  std::vector<std::string> locks;
  for (uint32_t i = 0; i < count; i++) {
    locks.push_back(DescribeLock(slot.task.held[i]));
  }
  if (slot.task.rcu_nesting.load(kRelaxed) && locks.empty()) {
    locks.push_back("an RCU read section");
  }
  return locks.empty()
             ? ""
             : absl::StrCat(" and holds ", absl::StrJoin(locks, ", "));
}

// What a task does that waits for no lock.
std::string DescribeRest(const TaskSlot& slot) {
  uint32_t here = slot.fp_here.load(kRelaxed);
  std::string held = DescribeHeld(slot);
  if (here < lru::NR_FAULT_POINTS) {
    return absl::StrCat("is kept at ", lru::fault_points()[here].name,
                        " by a fault", held);
  }
  if (const char* waiting = slot.task.waiting.load(kRelaxed)) {
    const char* what = slot.task.waiting_for.name.load(kRelaxed);
    return absl::StrCat("is in ", waiting, what ? " (" : "", what ? what : "",
                        what ? ")" : "", held);
  }
  const char* api = slot.task.api.load(kRelaxed);
  return absl::StrCat(api ? "runs in " : "runs", api ? api : "", held);
}

}  // namespace

const void* LockAwaited(const TaskSlot& slot) {
  if (!slot.task.in_use || !slot.task.waiting.load(kRelaxed)) return nullptr;
  return slot.task.waiting_for.lock.load(kRelaxed);
}

const TaskSlot* HolderOf(const Recorder& r, const void* lock) {
  if (!lock) return nullptr;
  for (uint32_t i = 0; i < TaskCount(r); i++) {
    const lru::task& task = r.tasks[i].task;
    if (!task.in_use) continue;
    uint32_t count =
        std::min<uint32_t>(task.nr_held.load(kRelaxed), lru::kTaskLocksMax);
    for (uint32_t j = 0; j < count; j++) {
      if (task.held[j].lock.load(kRelaxed) == lock) return &r.tasks[i];
    }
  }
  return nullptr;
}

std::string DescribeLock(const lru::lock_ref& lock) {
  const char* name = lock.name.load(kRelaxed);
  std::string text = name ? name : "a lock";
  uint32_t serial = lock.serial.load(kRelaxed);
  int nid = lock.nid.load(kRelaxed);
  std::vector<std::string> which;
  bool of_lru = name && strstr(name, "lru") != nullptr;
  if (serial) which.push_back(absl::StrCat(of_lru ? "lru " : "#", serial));
  if (nid >= 0) which.push_back(absl::StrCat("nid ", nid));
  if (which.empty()) return text;
  return absl::StrCat(text, " (", absl::StrJoin(which, ", "), ")");
}

std::string DescribeTask(const TaskSlot& slot) {
  if (!slot.op_started_ticks.load(kRelaxed)) return slot.task.name;
  return absl::StrCat(slot.task.name, ", doing `",
                      ToText(CurrentOperation(slot)), "`,");
}

// Whom a grace period waits for: those in a read section, whatever they do.
std::string DescribeReaders(const Recorder& r, const TaskSlot& slot) {
  constexpr size_t kShown = 3;
  const char* waiting = slot.task.waiting.load(kRelaxed);
  if (!waiting || strcmp(waiting, "synchronize_rcu") != 0) return "";
  std::vector<std::string> readers;
  uint32_t count = TaskCount(r);
  for (uint32_t i = 0; i < count && readers.size() < kShown; i++) {
    const lru::task& task = r.tasks[i].task;
    if (!task.in_use || !task.rcu_nesting.load(kRelaxed)) continue;
    readers.push_back(DescribeTask(r.tasks[i]));
  }
  if (readers.empty()) return "";
  return absl::StrCat("; in a read section: ", absl::StrJoin(readers, ", "));
}

std::string DescribeWait(const Recorder& r, const TaskSlot& slot) {
  std::string text = "it ";
  const TaskSlot* at = &slot;
  std::vector<const TaskSlot*> seen;
  for (int i = 0; i < kChainMax; i++) {
    const TaskSlot* holder = HolderOf(r, LockAwaited(*at));
    if (!holder) {
      return absl::StrCat(text, DescribeRest(*at), DescribeReaders(r, *at));
    }
    absl::StrAppend(&text, "waits for ", DescribeLock(at->task.waiting_for),
                    " held by ", holder->task.name);
    seen.push_back(at);
    if (std::find(seen.begin(), seen.end(), holder) != seen.end()) break;
    absl::StrAppend(&text, ", which ");
    at = holder;
  }
  return text;
}

std::vector<uint32_t> DyingMemcgs(const Recorder& r) {
  std::vector<uint32_t> dying;
  for (const MemcgSlot& slot : r.memcgs) {
    uint64_t reached = slot.reached.load(kRelaxed);
    bool began = reached >> lru::FP_css_dying_set & 1;
    bool freed = reached >> lru::FP_css_free & 1;
    uint32_t serial = slot.serial.load(kRelaxed);
    if (serial && began && !freed) dying.push_back(serial);
  }
  std::sort(dying.begin(), dying.end());
  return dying;
}

std::string DescribeDying(const Recorder& r) {
  std::vector<uint32_t> dying = DyingMemcgs(r);
  std::vector<std::string> parts;
  for (size_t i = 0; i < dying.size() && i < kMemcgsNamed; i++) {
    const MemcgSlot& slot = r.memcgs[dying[i] % kMemcgSlots];
    uint32_t stage = slot.stage.load(kRelaxed);
    if (stage >= lru::NR_FAULT_POINTS) continue;
    parts.push_back(absl::StrCat("memcg ", dying[i],
                                 parts.empty() ? " is at " : " at ",
                                 lru::fault_points()[stage].name));
  }
  std::string text = absl::StrJoin(parts, ", ");
  if (dying.size() > kMemcgsNamed) {
    absl::StrAppend(&text, ", and ", dying.size() - kMemcgsNamed,
                    " more are dying");
  }
  return text;
}

}  // namespace harness
