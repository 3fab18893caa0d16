#include "harness/explore/explore.h"

#include <setjmp.h>

#include <cstdio>
#include <memory>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/match.h"
#include "harness/actor_task.h"
#include "harness/crash_handler.h"
#include "harness/explore/fiber_engine.h"
#include "harness/explore/record.h"
#include "harness/flight_recorder.h"
#include "harness/hook.h"
#include "harness/plan.h"
#include "harness/progress.h"
#include "harness/sanitizer/sanitizer.h"
#include "harness/watchdog.h"

namespace harness::explore {
namespace {

// One in so many schedules is run twice, to see that it is the same again.
constexpr uint64_t kRepeatOneIn = 100;
// So many hashes are told apart; beyond, `distinct` is a lower bound.
constexpr size_t kDistinctMax = size_t{1} << 24;

Record& TheRecord() { return recorder()->explore; }

// --- the end of a schedule that does not come to its end ---------------------

jmp_buf before_schedule;  // main's, where RunOne() began

void BackToRunOne() { longjmp(before_schedule, 1); }

void KeepStack(TaskSlot& slot, const uint64_t* frames, uint32_t count) {
  for (uint32_t f = 0; f < count; f++) {
    slot.frames[f].store(frames[f], kRelaxed);
  }
  slot.nr_frames.store(count, kRelaxed);
}

// Where everybody is but who runs. Nobody moves any more. In signal handlers,
// too.
void KeepOtherStacks() {
  Recorder& r = *recorder();
  for (uint32_t i = 0; i < TaskCount(r); i++) {
    TaskSlot& slot = r.tasks[i];
    uint64_t frames[kFramesMax];
    void* frame = nullptr;
    if (!slot.task.in_use || !PlaceOf(&slot.task, &frames[0], &frame)) continue;
    KeepStack(slot, frames,
              1 + CaptureStack(frames + 1, kFramesMax - 1, frame));
  }
}

void OnStopped() {
  uint64_t frames[kFramesMax];
  if (TaskSlot* self = CurrentSlot()) {
    KeepStack(*self, frames,
              CaptureStack(frames, kFramesMax, __builtin_frame_address(0)));
  }
  KeepOtherStacks();
  AbandonSchedule(BackToRunOne);
}

void Conclude(const Alarm& alarm) {
  ReportAlarm(alarm);
  OnStopped();
}

void OnDeadlock() { Conclude(DeadlockAlarm(*recorder())); }

uint64_t progress_seen = 0;  // in this schedule, when it was looked at last

// Operations ended, and teardowns, of the first `tasks` slots. Events are none:
// a fault that fires again and again is one.
uint64_t ProgressOf(uint32_t tasks) {
  const Recorder& r = *recorder();
  uint64_t sum = r.teardowns.load(kRelaxed);
  for (uint32_t i = 0; i < tasks; i++) {
    sum += r.tasks[i].progress.load(kRelaxed);
  }
  return sum;
}

void OnTooManySteps() {
  uint64_t progress = ProgressOf(lru::kTasksMax);
  if (std::exchange(progress_seen, progress) != progress) return;
  Conclude(LivelockAlarm(*recorder(), TheRecord().counts.steps));
}

// --- one schedule ------------------------------------------------------------

// A slot is used by the task of the same name in each schedule: what adds up
// stays, what a decision or a report of this schedule depends on goes.
void ForgetLastSchedule() {
  Recorder& r = *recorder();
  // Of schedules before this one: when it is run again there are none.
  progress_seen = ProgressOf(TaskCount(r));
  uint32_t memcgs = lru::restart_numbering();
  for (uint32_t i = 0; i < TaskCount(r); i++) {
    TaskSlot& slot = r.tasks[i];
    slot.op_started_ticks.store(0, kRelaxed);
    slot.op_ended_ticks = 0;
    slot.reclaiming.store(0, kRelaxed);
    for (FaultVisits& visits : slot.visits) visits = {};
    slot.head.store(0, kRelaxed);
    slot.tracks = 0;
    slot.nr_frames.store(0, kRelaxed);
  }
  r.nr_tasks.store(0, kRelaxed);
  for (uint32_t serial = 1; serial <= memcgs && serial < kMemcgSlots;
       serial++) {
    r.memcgs[serial].serial.store(0, kRelaxed);
    r.memcgs[serial].reached.store(0, kRelaxed);
  }
}

void Actors(const Config& config, uint64_t seed, Workload& workload,
            Strategy& strategy) {
  ActorTasks actors(config, seed, workload);
  ArmFaults();
  EnterPhase(Phase::kRun);
  actors.Start();
  actors.Go();
  SetStrategy(&strategy);
  actors.JoinAll();
  DisarmFaults();
}

// From here it is no other than `stress`: the lru is empty and gone at the end.
void Finish(Workload& workload) {
  EnterPhase(Phase::kQuiet);
  while (!workload.Quiesce()) lru::task_yield();
  SetStrategy(nullptr);
  EnterPhase(Phase::kTotals);
  workload.CheckTotals();
  if (Latched()) OnStopped();
  EnterPhase(Phase::kTeardown);
  workload.Teardown();
  if (Latched()) OnStopped();
}

// False: it was abandoned, and so is this process.
bool RunOne(const Config& config, const OneSchedule& schedule,
            Strategy& strategy, ScheduleLog* log, Workload& workload) {
  Record& record = TheRecord();
  record.index.store(schedule.index, kRelaxed);
  record.seed.store(schedule.seed, kRelaxed);
  snprintf(record.strategy, sizeof(record.strategy), "%s", strategy.name());
  ForgetLastSchedule();
  lru::task_adopt("main");
  BeginSchedule(&record.counts, log, config.steps_max);
  MarkStep(schedule.marked_step);
  if (setjmp(before_schedule) != 0) return false;
  EnterPhase(Phase::kSetup);
  ArmHook(config, schedule.seed, &workload);
  workload.Setup(config, schedule.seed);
  Actors(config, schedule.seed, workload, strategy);
  Finish(workload);
  DisarmHook();
  lru::task_disown();
  return true;
}

// --- many --------------------------------------------------------------------

void Add(std::atomic<uint64_t>& sum, uint64_t value) {
  sum.store(sum.load(kRelaxed) + value, kRelaxed);
}
void Raise(std::atomic<uint64_t>& top, uint64_t value) {
  if (value > top.load(kRelaxed)) top.store(value, kRelaxed);
}

// Also of one that was abandoned.
void CountSchedule() {
  Record& record = TheRecord();
  Add(record.schedules, 1);
  const ScheduleCounts& counts = record.counts;
  Add(record.points, counts.steps);
  Add(record.choices, counts.choices);
  Raise(record.steps_max, counts.steps);
  Raise(record.tasks_max, counts.tasks);
  record.hash.store(Fold(record.hash.load(kRelaxed), counts.hash), kRelaxed);
}

class Explorer {
 public:
  Explorer(const Config& config, uint64_t seed, const Share& share,
           Workload& workload)
      : config_(config),
        seed_(seed),
        share_(share),
        workload_(workload),
        strategy_(NewStrategy(config.strategy.c_str(), seed)) {}

  bool Run() {
    for (uint64_t index = share_.first; !Over(index); index += share_.every) {
      OneSchedule schedule = {.index = index, .seed = SeedOf(index)};
      if (!strategy_->Begin(index, schedule.seed)) break;
      record_.log.Clear();
      if (!RunOne(config_, schedule, *strategy_, &record_.log, workload_)) {
        Count();
        return true;
      }
      strategy_->End(record_.counts.steps, record_.counts.choices);
      if (strategy_->diverged()) {
        return Differs(schedule, {}, strategy_->divergence());
      }
      Count();
      bool again = explored_++ % kRepeatOneIn == kRepeatOneIn / 2;
      if (again && !Found() && !Repeat(schedule)) return false;
    }
    record_.exhausted.store(strategy_->exhausted(), kRelaxed);
    return true;
  }

 private:
  // All schedules of dfs are of one and the same program.
  uint64_t SeedOf(uint64_t index) const {
    bool one_program = absl::StartsWith(config_.strategy, "dfs");
    return SeedOfSchedule(seed_, one_program ? 0 : index);
  }

  bool Over(uint64_t index) const {
    if (Found() || Stopping() || recorder()->interrupted.load(kRelaxed)) {
      return true;
    }
    if (config_.schedules) return index >= config_.schedules;
    uint64_t ns = MonotonicNs() - record_.began_ns.load(kRelaxed);
    return ns >= config_.duration_ms * 1'000'000;
  }

  static bool Found() { return recorder()->nr_findings.load(kRelaxed) != 0; }

  void Count() {
    CountSchedule();
    CountPct();
    uint64_t hash = record_.counts.hash;
    if (hashes_.size() < kDistinctMax && hashes_.insert(hash).second) {
      Add(record_.distinct, 1);
    }
  }

  // Of `first` and what the recorder's counts are now.
  bool Differs(const OneSchedule& schedule, const ScheduleCounts& first,
               const Divergence& divergence = {}) {
    Difference& difference = record_.difference;
    const ScheduleCounts& second = record_.counts;
    difference.index = schedule.index;
    difference.seed = schedule.seed;
    difference.points[0] = first.steps;
    difference.points[1] = second.steps;
    difference.hash[0] = first.hash;
    difference.hash[1] = second.hash;
    difference.what = divergence.what;
    difference.choice = divergence.choice;
    difference.there.store(1, kRelaxed);
    return false;
  }

  void CountPct() {
    const PctSeen* seen = strategy_->pct();
    if (!seen) return;
    static_assert(kPctDepths == kPctDepthMax + 1);
    record_.pct_fibers.store(seen->fibers, kRelaxed);
    record_.pct_choices.store(seen->choices, kRelaxed);
    for (uint32_t depth = 0; depth < kPctDepths; depth++) {
      record_.pct_schedules[depth].store(seen->schedules[depth], kRelaxed);
    }
  }

  // The same schedule again must be the same in every point.
  bool Repeat(const OneSchedule& schedule) {
    if (record_.log.truncated) return true;
    const ScheduleCounts first = record_.counts;
    ScheduleReplay replay(record_.log.runs, record_.log.size);
    replay.Begin(schedule.index, schedule.seed);
    if (!RunOne(config_, schedule, replay, nullptr, workload_)) return true;
    const ScheduleCounts& second = record_.counts;
    replay.End(second.steps, second.choices);
    if (replay.diverged() || first.hash != second.hash ||
        first.steps != second.steps) {
      return Differs(schedule, first, replay.divergence());
    }
    Add(record_.repeated, 1);
    return true;
  }

  const Config& config_;
  const uint64_t seed_;
  const Share share_;
  Workload& workload_;
  uint64_t explored_ = 0;
  std::unique_ptr<Strategy> strategy_;
  Record& record_ = TheRecord();
  absl::flat_hash_set<uint64_t> hashes_;
};

void Begin() {
  Recorder& r = *recorder();
  UseRecorderTasks();
  r.findings_stop.store(1, kRelaxed);
  r.ticks_per_ns = 1.0 / 1000;  // of virtual time
  r.start_ticks.store(1, kRelaxed);
  if (!Exploring(r)) r.explore.began_ns.store(MonotonicNs(), kRelaxed);
  SetKeeperOfOtherStacks(KeepOtherStacks);
  static_assert(sizeof(r.freeze) == sizeof(uint32_t));
  StartEngine({.deadlocked = OnDeadlock,
               .too_many_steps = OnTooManySteps,
               .stopped = OnStopped,
               .stop = reinterpret_cast<const uint32_t*>(&r.freeze)});
}

void End() {
  recorder()->explore.ended_ns.store(MonotonicNs(), kRelaxed);
  if (Latched()) return;  // tasks are caught where they are
  StopEngine();
  lru::set_task_source(nullptr);
  EnterPhase(Phase::kDone);
  CheckLeaks();
}

}  // namespace

uint64_t SeedOfSchedule(uint64_t run_seed, uint64_t index) {
  return Fold(Mix64(run_seed), index) >> 1;
}

bool RunExplore(const Config& config, uint64_t seed, const Share& share,
                Workload& workload) {
  Begin();
  bool ok = Explorer(config, seed, share, workload).Run();
  End();
  return ok;
}

bool RunSchedule(const Config& config, const OneSchedule& schedule,
                 Workload& workload) {
  Begin();
  ScheduleReplay replay(schedule.choices.data(), schedule.choices.size());
  replay.Begin(schedule.index, schedule.seed);
  Record& record = TheRecord();
  record.log.Clear();
  RunOne(config, schedule, replay, &record.log, workload);
  CountSchedule();
  Add(record.distinct, 1);
  record.left_record.store(replay.left_record(), kRelaxed);
  End();
  return true;
}

}  // namespace harness::explore
