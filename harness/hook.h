// The hook behind every fault point and implicit point: the flight recorder
// writes it down, then the oracles look, then the plan's faults act.
//
// Everything is in place before the first task starts and is switched on and
// off through relaxed flags, one word per point, so that a point nobody asked
// for costs a few ns and no hook ever orders two threads.
#ifndef LRUTORTURE_HARNESS_HOOK_H_
#define LRUTORTURE_HARNESS_HOOK_H_

#include <cstdint>

#include "harness/config.h"

namespace harness {

class Workload;

// Compiles the plan and installs the hooks: recorder and observers listen from
// here on, faults do not act yet. Needs a mapped recorder. Call before any task
// exists. `config` and `workload` must outlive DisarmHook(); `workload` is
// asked to reclaim, and null where no fault of the config does.
void ArmHook(const Config& config, uint64_t seed, Workload* workload = nullptr);
// Faults act from here on.
void ArmFaults();
// The quiet phase: recorder and observers stay. A fault that has begun ends.
void DisarmFaults();
// After the last task has stopped, or when nobody listens any more. Forgets
// the observers.
void DisarmHook();

}  // namespace harness

#endif  // LRUTORTURE_HARNESS_HOOK_H_
