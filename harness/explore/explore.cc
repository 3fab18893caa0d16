#include "harness/explore/explore.h"

#include <setjmp.h>
#include <time.h>

#include <cstdio>
#include <memory>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/match.h"
#include "harness/actor_task.h"
#include "harness/explore/fiber_engine.h"
#include "harness/explore/record.h"
#include "harness/flight_recorder.h"
#include "harness/hook.h"
#include "harness/sanitizer/sanitizer.h"
#include "harness/watchdog.h"

namespace harness::explore {
namespace {

// One in so many schedules is run twice, to see that it is the same again.
constexpr uint64_t kRepeatOneIn = 100;
// So many hashes are told apart; beyond, `distinct` is a lower bound.
constexpr size_t kDistinctMax = size_t{1} << 24;

Record& TheRecord() { return recorder()->explore; }

uint64_t RealNs() {
  timespec ts;
  clock_gettime(CLOCK_MONOTONIC, &ts);
  return static_cast<uint64_t>(ts.tv_sec) * 1'000'000'000 + ts.tv_nsec;
}

void Enter(Phase phase) {
  recorder()->phase.store(static_cast<uint32_t>(phase), kRelaxed);
}

// --- the end of a schedule that does not come to its end
// ---------------------------------------------------------------

jmp_buf before_schedule;  // main's, where RunOne() began

void BackToRunOne() { longjmp(before_schedule, 1); }

// Where everybody is. Nobody moves any more.
void KeepStacks() {
  Recorder& r = *recorder();
  for (uint32_t i = 0; i < TaskCount(r); i++) {
    TaskSlot& slot = r.tasks[i];
    uint64_t frames[kFramesMax];
    uint32_t count = 0;
    void* frame = __builtin_frame_address(0);
    if (!slot.task.in_use) continue;
    if (&slot.task != lru::current_task()) {
      if (!PlaceOf(&slot.task, &frames[count++], &frame)) continue;
    }
    count += CaptureStack(frames + count, kFramesMax - count, frame);
    for (uint32_t f = 0; f < count; f++) {
      slot.frames[f].store(frames[f], kRelaxed);
    }
    slot.nr_frames.store(count, kRelaxed);
  }
}

void OnStopped() {
  KeepStacks();
  AbandonSchedule(BackToRunOne);
}

void Conclude(const Alarm& alarm) {
  if (FindingSlot* slot = ClaimFinding(alarm.kind)) {
    slot->task = alarm.task;
    slot->memcg = alarm.memcg;
    PublishFinding(slot, alarm.message.c_str());
  }
  // Whatever `on_finding` says: this schedule cannot go on.
  recorder()->freeze.store(1, kRelaxed);
  recorder()->stop.store(1, kRelaxed);
  OnStopped();
}

void OnDeadlock() { Conclude(DeadlockAlarm(*recorder())); }

void OnTooManySteps() {
  Conclude(LivelockAlarm(*recorder(), TheRecord().counts.steps));
}

// --- one schedule
// ------------------------------------------------------------------

// A slot is used by the task of the same name in each schedule: what adds up
// stays, what a decision or a report of this schedule depends on goes.
void ForgetLastSchedule() {
  Recorder& r = *recorder();
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
  Enter(Phase::kRun);
  actors.Start();
  actors.Go();
  SetStrategy(&strategy);
  actors.JoinAll();
  DisarmFaults();
}

// From here it is no other than `stress`: the lru is empty and gone at the end.
void Finish(Workload& workload) {
  Enter(Phase::kQuiet);
  while (!workload.Quiesce()) lru::task_yield();
  SetStrategy(nullptr);
  Enter(Phase::kTotals);
  workload.CheckTotals();
  if (Latched()) OnStopped();
  Enter(Phase::kTeardown);
  workload.Teardown();
  if (Latched()) OnStopped();
}

// False: it was abandoned, and so is this process.
bool RunOne(const Config& config, const OneSchedule& schedule,
            Strategy& strategy, ScheduleLog* log, Workload& workload) {
  Record& record = TheRecord();
  record.index.store(schedule.index, kRelaxed);
  record.seed.store(schedule.seed, kRelaxed);
  ForgetLastSchedule();
  lru::task_adopt("main");
  BeginSchedule(&record.counts, log, config.steps_max);
  if (setjmp(before_schedule) != 0) return false;
  Enter(Phase::kSetup);
  ArmHook(config, schedule.seed, &workload);
  workload.Setup(config, schedule.seed);
  Actors(config, schedule.seed, workload, strategy);
  Finish(workload);
  DisarmHook();
  lru::task_disown();
  return true;
}

// --- many
// --------------------------------------------------------------------------

void Add(std::atomic<uint64_t>& sum, uint64_t value) {
  sum.store(sum.load(kRelaxed) + value, kRelaxed);
}
void Raise(std::atomic<uint64_t>& top, uint64_t value) {
  if (value > top.load(kRelaxed)) top.store(value, kRelaxed);
}

class Explorer {
 public:
  Explorer(const Config& config, uint64_t seed, Workload& workload)
      : config_(config),
        seed_(seed),
        workload_(workload),
        strategy_(NewStrategy(config.strategy.c_str(), seed)) {}

  bool Run() {
    for (uint64_t index = 0; !Over(index); index++) {
      OneSchedule schedule = {.index = index, .seed = SeedOf(index)};
      if (!strategy_->Begin(index, schedule.seed)) break;
      record_.log.Clear();
      if (!RunOne(config_, schedule, *strategy_, &record_.log, workload_)) {
        return true;
      }
      strategy_->End(record_.counts.steps, record_.counts.choices);
      if (strategy_->diverged()) return Diverged(schedule, *strategy_);
      Count();
      bool again = index % kRepeatOneIn == kRepeatOneIn / 2;
      if (again && !Latched() && !Stopping() && !Repeat(schedule)) return false;
    }
    record_.exhausted.store(strategy_->exhausted(), kRelaxed);
    return true;
  }

 private:
  // All schedules of dfs are of one and the same program.
  uint64_t SeedOf(uint64_t index) const {
    bool one_program = absl::StartsWith(config_.strategy, "dfs");
    return Fold(seed_, one_program ? 0 : index) >> 1;
  }

  bool Over(uint64_t index) const {
    if (Stopping() || Latched()) return true;
    if (config_.schedules) return index >= config_.schedules;
    uint64_t ns = RealNs() - record_.began_ns.load(kRelaxed);
    return ns >= config_.duration_ms * 1'000'000;
  }

  void Count() {
    const ScheduleCounts& counts = record_.counts;
    Add(record_.schedules, 1);
    Add(record_.points, counts.steps);
    Add(record_.choices, counts.choices);
    Raise(record_.steps_max, counts.steps);
    Raise(record_.tasks_max, counts.tasks);
    if (hashes_.size() < kDistinctMax && hashes_.insert(counts.hash).second) {
      Add(record_.distinct, 1);
    }
  }

  bool Diverged(const OneSchedule& schedule, const Strategy& strategy) {
    Divergence divergence = strategy.divergence();
    fprintf(stderr,
            "lrutorture: schedule %llu (seed %llu) is not what it was before: "
            "choice %llu %s\n",
            static_cast<unsigned long long>(schedule.index),
            static_cast<unsigned long long>(schedule.seed),
            static_cast<unsigned long long>(divergence.choice),
            divergence.what);
    return false;
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
    if (replay.diverged()) return Diverged(schedule, replay);
    if (first.hash == second.hash && first.steps == second.steps) {
      Add(record_.repeated, 1);
      return true;
    }
    fprintf(stderr,
            "lrutorture: schedule %llu (seed %llu) took another course when it "
            "was run again: %llu points with hash %016llx, then %llu with "
            "%016llx\n",
            static_cast<unsigned long long>(schedule.index),
            static_cast<unsigned long long>(schedule.seed),
            static_cast<unsigned long long>(first.steps),
            static_cast<unsigned long long>(first.hash),
            static_cast<unsigned long long>(second.steps),
            static_cast<unsigned long long>(second.hash));
    return false;
  }

  const Config& config_;
  const uint64_t seed_;
  Workload& workload_;
  std::unique_ptr<Strategy> strategy_;
  Record& record_ = TheRecord();
  absl::flat_hash_set<uint64_t> hashes_;
};

void Begin(const Config& config) {
  Recorder& r = *recorder();
  UseRecorderTasks();
  r.findings_stop.store(config.stop_on_finding ? 1 : config.findings_max,
                        kRelaxed);
  r.ticks_per_ns = 1.0 / 1000;  // of virtual time
  r.start_ticks.store(1, kRelaxed);
  r.explore.began_ns.store(RealNs(), kRelaxed);
  static_assert(sizeof(r.freeze) == sizeof(uint32_t));
  StartEngine({.deadlocked = OnDeadlock,
               .too_many_steps = OnTooManySteps,
               .stopped = OnStopped,
               .stop = reinterpret_cast<const uint32_t*>(&r.freeze)});
}

void End() {
  recorder()->explore.ended_ns.store(RealNs(), kRelaxed);
  if (Latched()) return;  // tasks are caught where they are
  StopEngine();
  lru::set_task_source(nullptr);
  Enter(Phase::kDone);
  CheckLeaks();
}

}  // namespace

bool RunExplore(const Config& config, uint64_t seed, Workload& workload) {
  Begin(config);
  bool ok = Explorer(config, seed, workload).Run();
  End();
  return ok;
}

bool RunSchedule(const Config& config, const OneSchedule& schedule,
                 Workload& workload) {
  Begin(config);
  ScheduleReplay replay(schedule.choices.data(), schedule.choices.size());
  replay.Begin(schedule.index, schedule.seed);
  RunOne(config, schedule, replay, nullptr, workload);
  End();
  return true;
}

}  // namespace harness::explore
