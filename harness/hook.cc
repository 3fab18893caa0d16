#include "harness/hook.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <memory>

#include "harness/fault_action.h"
#include "harness/fault_plan.h"
#include "harness/flight_recorder.h"
#include "harness/window.h"
#include "harness/workload.h"

namespace harness {
namespace {

// Who is interested in a point.
enum Watch : uint32_t {
  kRecord = 1,   // a stage: an event and the memcg's slot
  kUse = 2,      // an operation on a memcg: is it dying?
  kObserve = 4,  // oracles
  kTarget = 8,   // some hold waits for it
  kFault = 16,
  kStep = 32,  // of an operation, for window coverage
};

// Written before any task exists; faults are switched by `kFault` and by
// ARMED_SYNC alone.
std::unique_ptr<FaultPlan> plan;
Workload* reclaimer = nullptr;
struct alignas(128) Point {
  std::atomic<uint32_t> watch;
  std::atomic<Observer> observers[kObserversMax + 1];  // the last is null
};
Point points[lru::NR_FAULT_POINTS];
std::atomic<Observer> error_observer;

// Frequent, and nobody's stage: counted by the watchdog as progress would be.
bool IsRecorded(const lru::fault_point_info& info) {
  return (info.path == lru::fp_path::MEMCG ||
          info.path == lru::fp_path::LIST) &&
         info.fp != lru::FP_ref_put;
}

bool IsUse(lru::fault_point fp) {
  return fp == lru::FP_memcg_looked_up || fp == lru::FP_item_linked ||
         fp == lru::FP_item_unlinked || fp == lru::FP_walk_list_locked;
}

uint64_t HashOf(TaskSlot& slot) {
  if (!slot.name_hash) slot.name_hash = HashName(slot.task.name);
  return slot.name_hash;
}

// Direct reclaim: other faults act within it, but it never enters itself, as
// PF_MEMALLOC keeps the kernel's from doing.
void ActReclaim(const Decision& decision, TaskSlot& slot) {
  Prng prng{decision.draw};
  slot.reclaiming.store(1, kRelaxed);
  reclaimer->Reclaim(prng);
  slot.reclaiming.store(0, kRelaxed);
}

// Carries out a fault that fires. Returns what the point returns.
int Act(const CompiledFault& compiled, const Decision& decision,
        lru::fault_point fp, uint32_t serial, bool may_sleep, TaskSlot& slot) {
  const Fault& fault = *compiled.fault;
  slot.fired[compiled.index].fetch_add(1, kRelaxed);
  RecordFault(fp, compiled.index);
  if (fault.reclaim) {
    ActReclaim(decision, slot);
    return 0;
  }
  slot.fp_here.store(fp, kRelaxed);
  if (fault.delay) ActDelay(decision.delay_ns, fault.how, may_sleep);
  if (fault.hold && !ActHold(*fault.hold, serial, may_sleep)) {
    slot.timeouts[compiled.index].fetch_add(1, kRelaxed);
  }
  slot.fp_here.store(~0u, kRelaxed);
  return fault.enomem ? -ENOMEM : 0;
}

// Neither within a reclaim nor in a task that does nothing but serve others.
bool MayReclaim(const TaskSlot& slot) {
  return reclaimer && !slot.reclaiming.load(kRelaxed) &&
         slot.type_index.load(kRelaxed) != ~0u;
}

Decision DecideFor(const CompiledFault& compiled, TaskSlot& slot) {
  return Decide(plan->seed(), *compiled.fault, compiled.index, HashOf(slot),
                slot.visits[compiled.index]);
}

int RunFaults(lru::fault_point fp, const lru::fault_site& site,
              TaskSlot& slot) {
  lru::held holds = lru::fault_point_at(fp).holds;
  bool may_sleep = holds == lru::held::NOTHING || holds == lru::held::MUTEX;
  int result = 0;
  for (const CompiledFault* compiled : plan->At(fp)) {
    if (!compiled->MatchesTask(slot) || !compiled->MatchesSite(site)) continue;
    if (compiled->fault->reclaim && !MayReclaim(slot)) continue;
    Decision decision = DecideFor(*compiled, slot);
    if (!decision.fire) continue;
    int error =
        Act(*compiled, decision, fp, site.memcg.serial, may_sleep, slot);
    if (!error) continue;
    result = error;
    if (Observer observer = error_observer.load(kRelaxed)) observer(fp, site);
  }
  return result;
}

[[gnu::noinline]] void NoteOperation(lru::fault_point fp,
                                     const lru::fault_site& site,
                                     uint32_t watch, TaskSlot& slot) {
  const bool may_be_dying = MayBeDying(site);
  if (may_be_dying && (watch & kUse)) NoteUse(site);
  if (watch & kStep) NoteStep(fp, site, slot, may_be_dying);
}

void CallObservers(const Point& point, lru::fault_point fp,
                   const lru::fault_site& site) {
  const std::atomic<Observer>* entry = point.observers;
  while (Observer observer = entry->load(kRelaxed)) {
    observer(fp, site);
    entry++;
  }
}

// Apart, so that the points of an add or del keep nothing for what they do not
// need.
[[gnu::noinline]] int FaultHookOfStage(lru::fault_point fp,
                                       const lru::fault_site& site,
                                       uint32_t watch, TaskSlot& slot) {
  if (watch & kRecord) RecordPoint(fp, site);
  if (watch & (kUse | kStep)) NoteOperation(fp, site, watch, slot);
  if (watch & kTarget) recorder()->point_visits[fp].fetch_add(1, kRelaxed);
  CallObservers(points[fp], fp, site);
  return watch & kFault ? RunFaults(fp, site, slot) : 0;
}

int FaultHook(lru::fault_point fp, const lru::fault_site& site) {
  TaskSlot* slot = CurrentSlot();
  if (!slot || Latched()) return 0;
  const Point& point = points[fp];
  const uint32_t watch = point.watch.load(kRelaxed);
  if (watch & (kRecord | kTarget | kFault)) {
    return FaultHookOfStage(fp, site, watch, *slot);
  }
  if (watch & (kUse | kStep)) NoteOperation(fp, site, watch, *slot);
  CallObservers(point, fp, site);
  return 0;
}

void SyncHook(const lru::sync_site& site) {
  const FaultPlan::List& faults = plan->At(site.op, site.done);
  if (faults.empty()) return;
  TaskSlot* slot = CurrentSlot();
  // Waiting inside a fault is no point of its own.
  if (!slot || slot->fp_here.load(kRelaxed) != ~0u) return;
  if (Latched()) return;
  const lru::task& task = slot->task;
  const char* outer = task.api.load(kRelaxed);
  // A mutex alone would allow it, but nobody says here which lock it is.
  bool may_sleep =
      task.nr_held.load(kRelaxed) == 0 && task.rcu_nesting.load(kRelaxed) == 0;
  for (const CompiledFault* compiled : faults) {
    if (!compiled->MatchesFunction(outer, site.function) ||
        !compiled->MatchesTask(*slot)) {
      continue;
    }
    Decision decision = DecideFor(*compiled, *slot);
    if (!decision.fire) continue;
    Act(*compiled, decision, lru::NR_FAULT_POINTS, 0, may_sleep, *slot);
  }
}

// After every change of a point's watch.
void SetDeafPoints() {
  uint64_t deaf = 0;
  for (int fp = 0; fp < lru::NR_FAULT_POINTS; fp++) {
    if (!points[fp].watch.load(kRelaxed)) deaf |= uint64_t{1} << fp;
  }
  lru::lru_deaf_points.store(deaf, kRelaxed);
}

// By a task that brought its memcg along, no lookup is seen: only then is an
// operation known to begin that late.
bool IsStepOf(lru::fault_point fp, const Config& config) {
  if (fp != lru::FP_list_looked_up) return IsStep(fp);
  return IsStep(fp) && std::any_of(config.actors.begin(), config.actors.end(),
                                   [](const ActorSpec& spec) {
                                     const ActorInfo* actor =
                                         Catalog::Get().FindActor(spec.type);
                                     return actor && actor->pins;
                                   });
}

void ClearArmed(uint32_t bits) { lru::lru_armed.fetch_and(~bits, kRelaxed); }

}  // namespace

void Observe(lru::fault_point fp, Observer observer) {
  for (int i = 0; i < kObserversMax; i++) {
    Observer there = points[fp].observers[i].load(kRelaxed);
    if (there == observer) return;
    if (there) continue;
    points[fp].observers[i].store(observer, kRelaxed);
    points[fp].watch.fetch_or(kObserve, kRelaxed);
    SetDeafPoints();
    return;
  }
  fprintf(stderr, "lrutorture: more than %d observers at %s\n", kObserversMax,
          lru::fault_point_at(fp).name);
  abort();
}

void ObserveErrors(Observer observer) {
  error_observer.store(observer, kRelaxed);
}

void ArmHook(const Config& config, uint64_t seed, Workload* workload) {
  plan = std::make_unique<FaultPlan>(config, seed);
  reclaimer = workload;
  CompileWindows(Catalog::Get().FindLru(config.lru));
  for (const lru::fault_point_info& info : lru::fault_points()) {
    uint32_t watch = 0;
    if (IsRecorded(info)) watch |= kRecord;
    if (IsUse(info.fp)) watch |= kUse;
    if (IsStepOf(info.fp, config)) watch |= kStep;
    if (plan->HoldsFor(info.fp)) watch |= kTarget;
    Point& point = points[info.fp];
    if (point.observers[0].load(kRelaxed)) watch |= kObserve;
    point.watch.store(watch, kRelaxed);
  }
  SetDeafPoints();
  lru::lru_fault_hook.store(FaultHook, kRelaxed);
  lru::lru_sync_hook.store(SyncHook, kRelaxed);
  lru::lru_armed.fetch_or(lru::ARMED_HOOK, kRelaxed);
}

void ArmFaults() {
  for (const lru::fault_point_info& info : lru::fault_points()) {
    if (plan->At(info.fp).empty()) continue;
    points[info.fp].watch.fetch_or(kFault, kRelaxed);
  }
  SetDeafPoints();
  if (plan->has_implicit()) {
    lru::lru_armed.fetch_or(lru::ARMED_SYNC, kRelaxed);
  }
}

void DisarmFaults() {
  ClearArmed(lru::ARMED_SYNC);
  for (Point& point : points) {
    point.watch.fetch_and(~uint32_t{kFault}, kRelaxed);
  }
  SetDeafPoints();
}

void DisarmHook() {
  ClearArmed(lru::ARMED_HOOK | lru::ARMED_SYNC);
  lru::lru_deaf_points.store(0, kRelaxed);
  for (Point& point : points) {
    point.watch.store(0, kRelaxed);
    for (auto& observer : point.observers) observer.store(nullptr, kRelaxed);
  }
  error_observer.store(nullptr, kRelaxed);
}

}  // namespace harness
