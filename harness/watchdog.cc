#include "harness/watchdog.h"

#include <algorithm>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "harness/describe.h"
#include "harness/plan.h"

namespace harness {
namespace {

uint64_t LongestFaultMs(const Config& config) {
  uint64_t us = 0;
  for (const Fault& fault : config.faults) {
    if (fault.delay) us = std::max(us, fault.delay->max_us);
    if (fault.hold) us = std::max(us, fault.hold->timeout_us);
  }
  return us / 1000;
}

uint64_t LongestPauseMs(const Config& config) {
  uint64_t us = 0;
  for (const ActorSpec& spec : config.actors) {
    us = std::max(us, 2 * spec.pause_us);
  }
  return us / 1000;
}

uint64_t Fold(uint64_t hash, uint64_t value) { return Mix64(hash ^ value); }

uint64_t Bits(const void* p) { return reinterpret_cast<uint64_t>(p); }

// Changes whenever the task gets anywhere.
uint64_t SignatureOf(const TaskSlot& slot) {
  const lru::task& task = slot.task;
  uint64_t hash = Fold(task.id + 1, slot.progress.load(kRelaxed));
  hash = Fold(hash, slot.head.load(kRelaxed));
  hash = Fold(hash, slot.op_started_ticks.load(kRelaxed));
  hash = Fold(hash, Bits(task.waiting.load(kRelaxed)));
  hash = Fold(hash, Bits(task.waiting_for.lock.load(kRelaxed)));
  hash = Fold(hash, task.nr_held.load(kRelaxed));
  return Fold(hash, task.rcu_nesting.load(kRelaxed));
}

bool WaitsFor(const TaskSlot& slot, const char* operation) {
  const char* waiting = slot.task.waiting.load(kRelaxed);
  return waiting && strcmp(waiting, operation) == 0;
}

// In the middle of something: an operation, or work of a queue.
bool IsBusy(const TaskSlot& slot) {
  if (slot.op_started_ticks.load(kRelaxed)) return true;
  bool is_worker = slot.type_index.load(kRelaxed) == ~0u &&
                   strcmp(slot.task.name, "main") != 0;
  return is_worker && !WaitsFor(slot, "idle");
}

// The tasks of the cycle that waiting leads into from `start`, or none. A task
// that waits for a grace period inside its own read section is a cycle too.
std::vector<const TaskSlot*> CycleFrom(const Recorder& r,
                                       const TaskSlot* start) {
  if (WaitsFor(*start, "synchronize_rcu") &&
      start->task.rcu_nesting.load(kRelaxed)) {
    return {start};
  }
  std::vector<const TaskSlot*> path;
  for (const TaskSlot* at = start; at; at = HolderOf(r, LockAwaited(*at))) {
    auto again = std::find(path.begin(), path.end(), at);
    if (again != path.end()) return {again, path.end()};
    path.push_back(at);
  }
  return {};
}

std::vector<const TaskSlot*> FindCycle(const Recorder& r) {
  uint32_t count = TaskCount(r);
  for (uint32_t i = 0; i < count; i++) {
    const TaskSlot& slot = r.tasks[i];
    if (!slot.task.in_use || !slot.task.waiting.load(kRelaxed)) continue;
    std::vector<const TaskSlot*> cycle = CycleFrom(r, &slot);
    if (!cycle.empty()) return cycle;
  }
  return {};
}

std::string DescribeLink(const Recorder& r, const TaskSlot& slot) {
  const TaskSlot* holder = HolderOf(r, LockAwaited(slot));
  if (!holder) {
    return absl::StrCat(DescribeTask(slot),
                        " waits for a grace period inside its own RCU read "
                        "section");
  }
  std::string who = holder == &slot ? "itself" : holder->task.name;
  return absl::StrCat(DescribeTask(slot), " waits for ",
                      DescribeLock(slot.task.waiting_for), " held by ", who);
}

Alarm MakeAlarm(const Recorder& r, Kind kind, const TaskSlot* slot,
                std::string text) {
  Alarm alarm;
  alarm.kind = kind;
  if (slot) alarm.task = slot->task.id;
  std::vector<uint32_t> dying = DyingMemcgs(r);
  if (!dying.empty()) alarm.memcg = dying.front();
  std::string stages = DescribeDying(r);
  if (!stages.empty()) absl::StrAppend(&text, "; ", stages);
  alarm.message = std::move(text);
  return alarm;
}

Alarm CycleAlarm(const Recorder& r, const std::vector<const TaskSlot*>& cycle) {
  std::string text = "deadlock: ";
  for (size_t i = 0; i < cycle.size(); i++) {
    absl::StrAppend(&text, i ? "; " : "", DescribeLink(r, *cycle[i]));
  }
  return MakeAlarm(r, Kind::kDeadlock, cycle.front(), std::move(text));
}

// Those that are in the middle of something, or wait for it to end.
std::vector<const TaskSlot*> BusyTasks(const Recorder& r) {
  std::vector<const TaskSlot*> busy;
  for (uint32_t i = 0; i < TaskCount(r); i++) {
    const TaskSlot& slot = r.tasks[i];
    bool waits = slot.task.waiting.load(kRelaxed) && !WaitsFor(slot, "idle");
    if (slot.task.in_use && (waits || IsBusy(slot))) busy.push_back(&slot);
  }
  return busy;
}

// Work done by anybody. What main does while it polls is none. In explore each
// point is some: how many there may be is the engine's to say.
uint64_t TotalProgress(const Recorder& r) {
  uint64_t total = r.phase.load(kRelaxed);
  if (Exploring(r)) total += r.explore.counts.steps;
  uint32_t count = TaskCount(r);
  for (uint32_t i = 0; i < count; i++) {
    total += r.tasks[i].progress.load(kRelaxed);
    total += r.tasks[i].head.load(kRelaxed);
  }
  return total + count;
}

const char* PhaseText(Phase phase) {
  switch (phase) {
    case Phase::kSetup:
      return "the setup has not ended";
    case Phase::kRun:
      return "no task has finished an operation";
    case Phase::kQuiet:
      return "teardown has not come to its end in the quiet phase";
    case Phase::kTotals:
      return "the check of the totals has not ended";
    default:
      return "the final teardown has not ended";
  }
}

std::string StillText(const Recorder& r, Phase phase, uint64_t ms) {
  if (!Exploring(r)) return absl::StrCat(PhaseText(phase), " for ", ms, " ms");
  return absl::StrCat("the schedule stands still: the step after point ",
                      r.explore.counts.steps, " has not ended for ", ms,
                      " ms; ", PhaseText(phase));
}

}  // namespace

void ReportAlarm(const Alarm& alarm, bool by_clock) {
  FindingSlot* slot = ClaimFinding(alarm.kind);
  if (!slot) return;
  slot->by_clock = by_clock;
  slot->task = alarm.task;
  slot->memcg = alarm.memcg;
  PublishFinding(slot, alarm.message.c_str());
}

// No cycle of locks: somebody waits for what nobody will do.
Alarm DeadlockAlarm(const Recorder& r) {
  std::vector<const TaskSlot*> tasks = FindCycle(r);
  if (!tasks.empty()) return CycleAlarm(r, tasks);
  tasks = BusyTasks(r);
  std::string text = "deadlock: nobody can go on";
  for (const TaskSlot* slot : tasks) {
    absl::StrAppend(&text, "; ", DescribeTask(*slot), ": ",
                    DescribeWait(r, *slot));
  }
  return MakeAlarm(r, Kind::kDeadlock, tasks.empty() ? nullptr : tasks.front(),
                   std::move(text));
}

Alarm LivelockAlarm(const Recorder& r, uint64_t points) {
  std::vector<const TaskSlot*> tasks = BusyTasks(r);
  std::string text = absl::StrCat("the schedule has not ended after ", points,
                                  " points (explore.steps_max)");
  for (const TaskSlot* slot : tasks) {
    absl::StrAppend(&text, "; ", DescribeTask(*slot), ": ",
                    DescribeWait(r, *slot));
  }
  return MakeAlarm(r, Kind::kStall, tasks.empty() ? nullptr : tasks.front(),
                   std::move(text));
}

Watchdog::Watchdog(const Config& config)
    : stall_ms_(config.stall_ms + LongestFaultMs(config)),
      quiet_ms_(config.quiet_ms),
      pause_ms_(LongestPauseMs(config)),
      tasks_(lru::kTasksMax) {}

std::optional<Alarm> Watchdog::Look(const Recorder& r, uint64_t ms) {
  auto phase = static_cast<Phase>(r.phase.load(kRelaxed));
  if (phase == Phase::kDone || r.freeze.load(kRelaxed)) return std::nullopt;
  // What a clock in another process saw would not be of the schedule. Explore
  // itself knows when nobody can go on, and for how long a schedule may last.
  if (!Exploring(r)) {
    if (auto alarm = FindDeadlock(r, ms)) return alarm;
    if (auto alarm = FindStalledTask(r, ms)) return alarm;
    if (auto alarm = FindEndlessPhase(r, ms)) return alarm;
  }
  return FindStalledPhase(r, ms);
}

std::optional<Alarm> Watchdog::FindDeadlock(const Recorder& r, uint64_t ms) {
  std::vector<const TaskSlot*> cycle = FindCycle(r);
  uint64_t signature = 0;
  for (const TaskSlot* slot : cycle) signature += SignatureOf(*slot);
  if (cycle.empty() || signature != cycle_.signature) {
    cycle_ = {signature, 0};
    return std::nullopt;
  }
  cycle_.still_ms += ms;
  if (cycle_.still_ms < kDeadlockMs) return std::nullopt;
  return CycleAlarm(r, cycle);
}

std::optional<Alarm> Watchdog::FindStalledTask(const Recorder& r, uint64_t ms) {
  uint32_t count = TaskCount(r);
  const TaskSlot* worst = nullptr;
  uint64_t worst_ms = 0;
  for (uint32_t i = 0; i < count; i++) {
    const TaskSlot& slot = r.tasks[i];
    uint64_t signature = SignatureOf(slot);
    bool moves =
        !slot.task.in_use || !IsBusy(slot) || signature != tasks_[i].signature;
    tasks_[i] = {signature, moves ? 0 : tasks_[i].still_ms + ms};
    if (tasks_[i].still_ms <= worst_ms) continue;
    worst = &slot;
    worst_ms = tasks_[i].still_ms;
  }
  if (worst_ms < stall_ms_) return std::nullopt;
  return MakeAlarm(
      r, Kind::kStall, worst,
      absl::StrCat(DescribeTask(*worst), " has made no progress for ", worst_ms,
                   " ms: ", DescribeWait(r, *worst)));
}

std::optional<Alarm> Watchdog::FindStalledPhase(const Recorder& r,
                                                uint64_t ms) {
  auto phase = static_cast<Phase>(r.phase.load(kRelaxed));
  uint64_t total = TotalProgress(r);
  if (total != phase_.signature) {
    phase_ = {total, 0};
    return std::nullopt;
  }
  phase_.still_ms += ms;
  uint64_t limit = stall_ms_;
  // One task that says nothing while it builds the world: on a machine where
  // dozens compete for a processor it is slow, not stuck.
  if (phase == Phase::kSetup) limit *= 4;
  if (phase == Phase::kQuiet) limit += quiet_ms_;
  if (phase == Phase::kRun) limit += pause_ms_;
  if (phase_.still_ms < limit) return std::nullopt;
  return MakeAlarm(r, Kind::kStall, nullptr,
                   StillText(r, phase, phase_.still_ms));
}

// Workers and callbacks may go round for ever, which is progress of theirs.
std::optional<Alarm> Watchdog::FindEndlessPhase(const Recorder& r,
                                                uint64_t ms) {
  uint32_t number = r.phase.load(kRelaxed);
  auto phase = static_cast<Phase>(number);
  if (phase < Phase::kQuiet || ending_.signature != number) {
    ending_ = {number, 0};
    return std::nullopt;
  }
  ending_.still_ms += ms;
  if (ending_.still_ms < quiet_ms_ + kStallsOfEnding * stall_ms_) {
    return std::nullopt;
  }
  return MakeAlarm(r, Kind::kStall, nullptr,
                   absl::StrCat(PhaseText(phase), " for ", ending_.still_ms,
                                " ms, though tasks go on"));
}

}  // namespace harness
