// The body of a torture run under real threads: setup, run, quiet phase,
// totals, teardown. Runs in the torture process; talks through the recorder.
#include <sys/prctl.h>

#include <algorithm>
#include <memory>

#include "harness/actor_task.h"
#include "harness/flight_recorder.h"
#include "harness/hook.h"
#include "harness/sanitizer/sanitizer.h"
#include "harness/supervisor.h"

namespace harness {
namespace {

constexpr uint64_t kWatchNs = 1'000'000;

void SleepUntil(uint64_t end_ns) {
  while (!Stopping()) {
    uint64_t now = lru::now_ns();
    if (now >= end_ns) return;
    lru::sleep_ns(std::min(kWatchNs, end_ns - now));
  }
}

void Run(const Config& config, ActorTasks& actors, Workload& workload) {
  Recorder& r = *recorder();
  actors.Start();
  ArmFaults();
  r.start_ticks.store(lru::now_ticks(), kRelaxed);
  EnterPhase(Phase::kRun);
  uint64_t began = lru::now_ns() - r.spent_ns;
  actors.Go();
  if (config.busted_after_ms) {
    SleepUntil(began + config.busted_after_ms * 1'000'000);
    workload.Bust();
  }
  SleepUntil(began + config.duration_ms * 1'000'000);
  r.run_end_ticks.store(lru::now_ticks(), kRelaxed);
  r.stop.store(1, kRelaxed);
}

// Until everything has converged: no limit here, the watchdog has one.
void Quiet(const Config& config, Workload& workload) {
  uint64_t end = lru::now_ns() + config.quiet_ms * 1'000'000;
  while (!Latched()) {
    if (workload.Quiesce() && lru::now_ns() >= end) return;
    lru::sleep_ns(kWatchNs);
  }
}

// Each phase needs the one before it to have left the lists sane.
void Finish(const Config& config, Workload& workload) {
  Quiet(config, workload);
  if (Latched()) return;
  EnterPhase(Phase::kTotals);
  workload.CheckTotals();
  if (Latched()) return;
  EnterPhase(Phase::kTeardown);
  NoteSleep();  // its first operation does not reach back to the last of Setup
  workload.Teardown();
  DisarmHook();
  if (Latched()) return;
  // A leak's report may take longer than a stall: the watchdog looks no more.
  EnterPhase(Phase::kDone);
  CheckLeaks();
}

}  // namespace

bool RunStress(const Config& config, uint64_t seed, Workload& workload) {
  // Delays of a few us would else be rounded up to 50.
  prctl(PR_SET_TIMERSLACK, 1000);
  UseRecorderTasks();
  recorder()->findings_stop.store(
      config.stop_on_finding ? 1 : config.findings_max, kRelaxed);
  ArmHook(config, seed, &workload);
  lru::task_adopt("main");
  EnterPhase(Phase::kSetup);
  workload.Setup(config, seed);
  ActorTasks actors(config, seed, workload);
  Run(config, actors, workload);
  EnterPhase(Phase::kQuiet);
  DisarmFaults();
  bool joined = actors.Join();
  if (joined && !Latched()) Finish(config, workload);
  DisarmHook();
  lru::task_disown();
  lru::set_task_source(nullptr);
  return true;
}

}  // namespace harness
