#include "harness/supervise.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>

#include "harness/child.h"
#include "harness/crash_handler.h"
#include "harness/process_stat.h"
#include "harness/supervisor.h"

namespace harness {
namespace {

constexpr uint64_t kPollMs = 2;
constexpr uint64_t kLookMs = 20;
// From a latched finding to the child's end, if need be by force.
constexpr uint64_t kGraceMs = 500;
// From the end of the last phase: leak checks take their time.
constexpr uint64_t kDoneMs = 60'000;
// A finding that is being filled in.
constexpr int kPublishMs = 100;

uint64_t NowMs() { return MonotonicNs() / 1'000'000; }

template <class T>
void CopyRaw(T& to, const T& from) {
  memcpy(static_cast<void*>(&to), static_cast<const void*>(&from), sizeof(T));
}

// Findings and totals go on after the first finding when the run does.
void CopyFindings(Recorder& to, const Recorder& from) {
  CopyRaw(to.nr_findings, from.nr_findings);
  CopyRaw(to.findings, from.findings);
  CopyRaw(to.run_end_ticks, from.run_end_ticks);
}

void WaitUntilPublished(const Recorder& r) {
  for (int ms = 0; ms < kPublishMs; ms++) {
    if (r.findings[0].ready.load(kRelaxed)) return;
    usleep(1000);
  }
}

// The process died while it filled in a finding: say at least what kind.
void PublishUnfinished(Recorder& r) {
  uint32_t limit = std::max(1u, r.findings_stop.load(kRelaxed));
  uint32_t count = std::min({r.nr_findings.load(kRelaxed), limit,
                             static_cast<uint32_t>(kFindingsMax)});
  for (uint32_t i = 0; i < count; i++) {
    FindingSlot& slot = r.findings[i];
    if (slot.ready.load(kRelaxed)) continue;
    PublishFinding(&slot, slot.message[0]
                              ? slot.message
                              : "the torture process ended while it was "
                                "writing this finding down");
  }
}

}  // namespace

void RecorderUnmapper::operator()(Recorder* r) const {
  munmap(r, sizeof(Recorder));
}

Snapshot CopyRecorder(const Recorder& r) {
  void* memory = mmap(nullptr, sizeof(Recorder), PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return nullptr;
  memcpy(memory, static_cast<const void*>(&r), sizeof(Recorder));
  return Snapshot(static_cast<Recorder*>(memory));
}

void CopyTotals(Recorder& to, const Recorder& from) {
  CopyRaw(to.nr_known, from.nr_known);
  CopyRaw(to.teardowns, from.teardowns);
  CopyRaw(to.teardowns_contended, from.teardowns_contended);
  CopyRaw(to.stage_latency, from.stage_latency);
  CopyRaw(to.point_visits, from.point_visits);
  to.spent_ns = from.spent_ns;
  uint32_t count = TaskCount(from);
  for (uint32_t i = 0; i < count; i++) {
    TaskSlot& task = to.tasks[i];
    CopyRaw(task.operations, from.tasks[i].operations);
    CopyRaw(task.progress, from.tasks[i].progress);
    CopyRaw(task.fired, from.tasks[i].fired);
    CopyRaw(task.timeouts, from.tasks[i].timeouts);
    CopyRaw(task.latency, from.tasks[i].latency);
    CopyRaw(task.cells, from.tasks[i].cells);
    CopyRaw(task.near_misses, from.tasks[i].near_misses);
  }
  CopyRaw<explore::Totals>(to.explore, from.explore);
}

void GoOnFrom(const Recorder& before, uint64_t spent_ns) {
  Recorder& r = *MapRecorder();
  CopyTotals(r, before);
  r.spent_ns = spent_ns;
  r.explore.ended_ns.store(0, kRelaxed);
}

Supervision::Supervision(const Config& config, const InterruptScope& interrupts,
                         LiveLine& progress)
    : interrupts_(interrupts),
      config_(config),
      progress_(progress),
      watchdog_(config) {}

bool Supervision::Reap(pid_t pid) {
  return waitpid(pid, &status_, WNOHANG) == pid;
}

void Supervision::Kill(pid_t pid) {
  killed_ = true;
  kill(pid, SIGKILL);
}

ChildEnd Supervision::Watch(pid_t pid) {
  Recorder& r = *recorder();
  uint64_t next_look = NowMs() + kLookMs;
  while (!Reap(pid)) {
    if (interrupts_.count() > 1) {
      Kill(pid);
      waitpid(pid, &status_, 0);
      return ChildEnd::kInterruptedTwice;
    }
    if (!snapshot_ && r.nr_findings.load(kRelaxed)) OnFinding(pid);
    uint64_t now = NowMs();
    if (now >= next_look) {
      next_look = now + kLookMs;
      Look(pid);
    }
    if (progress_.IsDue(now)) progress_.Show(ProgressText(r, config_));
    usleep(kPollMs * 1000);
  }
  JudgeEnd();
  NoteEnd(r);
  bool failed = WIFEXITED(status_) && WEXITSTATUS(status_) == kExitHarness &&
                r.nr_findings.load(kRelaxed) == 0;
  return failed ? ChildEnd::kHarnessFailed : ChildEnd::kEnded;
}

// Else it polls, and would be seen ready to run however idle all others are.
bool Supervision::MainWorks() {
  auto phase = static_cast<Phase>(recorder()->phase.load(kRelaxed));
  return Exploring(*recorder()) ||
         (phase != Phase::kRun && phase != Phase::kQuiet);
}

// Time is counted here and in the watchdog in looks at a child that could run:
// it is not to blame for what it does not do while SIGSTOP or a debugger holds
// it, nor while others have the processors that it is ready to use.
void Supervision::Look(pid_t pid) {
  if (IsStopped(pid)) {
    // Or a run that is asked to end would last until somebody wakes it.
    if (interrupts_.count()) kill(pid, SIGCONT);
    return;
  }
  could_run_us_ += kLookMs * 1000 * share_.SinceLast(pid, MainWorks());
  uint64_t ms = could_run_us_ / 1000;
  could_run_us_ %= 1000;
  if (auto alarm = watchdog_.Look(*recorder(), ms)) OnAlarm(pid, *alarm);
  EndInTime(pid, ms);
}

// In explore everything stays as it is by itself: nothing moves any more.
void Supervision::OnFinding(pid_t pid) {
  if (Exploring(*recorder())) return;
  // Stacks first: tasks move on.
  AskForStacks(pid);
  WaitUntilPublished(*recorder());
  snapshot_ = CopyRecorder(*recorder());
  recorder()->snapshot_wanted.store(0, kRelaxed);
}

void Supervision::OnAlarm(pid_t pid, const Alarm& alarm) {
  Recorder& r = *recorder();
  ReportAlarm(alarm, /*by_clock=*/true);
  // Behind the claim: what TSan thinks of a handler that looks at other tasks
  // is no finding.
  if (Exploring(r)) AskForStacks(pid);
  // Nothing moves any more, so nothing is gained by going on.
  r.freeze.store(1, kRelaxed);
  r.stop.store(1, kRelaxed);
}

void Supervision::EndInTime(pid_t pid, uint64_t ms) {
  Recorder& r = *recorder();
  bool frozen = r.freeze.load(kRelaxed) != 0;
  bool done = static_cast<Phase>(r.phase.load(kRelaxed)) == Phase::kDone;
  if (!frozen && !done) return;
  bool found = frozen && (snapshot_ || Exploring(r));
  due_ms_ += found ? kLookMs : ms;
  if (due_ms_ < (found ? kGraceMs : kDoneMs)) return;
  if (!found) OnAlarm(pid, {Kind::kStall, "the torture process does not end"});
  Kill(pid);
}

void Supervision::JudgeEnd() {
  Recorder& r = *recorder();
  PublishUnfinished(r);
  if (killed_ || r.nr_findings.load(kRelaxed)) return;
  if (WIFEXITED(status_) && WEXITSTATUS(status_) == kExitHarness) return;
  auto phase = static_cast<Phase>(r.phase.load(kRelaxed));
  std::optional<Death> death = JudgeDeath(status_, phase);
  if (!death) return;
  FindingSlot* slot = ClaimFinding(death->kind);
  if (!slot) return;
  snprintf(slot->type, sizeof(slot->type), "%s", death->type.c_str());
  PublishFinding(slot, death->message.c_str());
}

// Of one that could not say it itself.
void Supervision::NoteEnd(Recorder& r) {
  explore::Record& e = r.explore;
  if (!Exploring(r) || e.ended_ns.load(kRelaxed)) return;
  e.ended_ns.store(MonotonicNs(), kRelaxed);
  e.schedules.store(e.schedules.load(kRelaxed) + 1, kRelaxed);
  e.distinct.store(e.distinct.load(kRelaxed) + 1, kRelaxed);
}

const Recorder& Supervision::Outcome() {
  if (!snapshot_) return *recorder();
  CopyFindings(*snapshot_, *recorder());
  CopyTotals(*snapshot_, *recorder());
  return *snapshot_;
}

}  // namespace harness
