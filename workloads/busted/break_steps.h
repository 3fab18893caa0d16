// How a control makes its mistake: in one step of the lru that runs, of the
// teardown, or of what callers do.
#ifndef LRUTORTURE_WORKLOADS_BUSTED_BREAK_STEPS_H_
#define LRUTORTURE_WORKLOADS_BUSTED_BREAK_STEPS_H_

#include "lru/memcg_lock.h"
#include "lru/node_lock.h"
#include "workloads/registry.h"

namespace workloads {

// Mistake derives from the steps it is given and replaces one of them.
template <template <class Steps> class Mistake>
void BreakSteps(World::Parts& parts) {
  static constexpr lru::list_lru_ops kNodeLock =
      lru::make_node_lock_ops<Mistake<lru::node_lock_steps>>("node-lock", "");
  static constexpr lru::list_lru_ops kMemcgLock =
      lru::make_memcg_lock_ops<Mistake<lru::memcg_lock_steps>>("memcg-lock",
                                                               "");
  parts.lru_ops = parts.lru_ops->climbs ? &kMemcgLock : &kNodeLock;
}

// Change: [](lru::teardown_steps& steps) { steps.one = ...; }
template <auto Change>
void BreakTeardown(World::Parts& parts) {
  static lru::teardown_steps broken;
  broken = *parts.steps;
  Change(broken);
  parts.steps = &broken;
}

// Change: [](WorkloadOps& ops) { ops.one = ...; }
template <auto Change>
void BreakCaller(World::Parts& parts) {
  static const WorkloadOps kOps = [] {
    WorkloadOps ops = CleanWorkloadOps();
    Change(ops);
    return ops;
  }();
  parts.ops = &kOps;
}

}  // namespace workloads

#endif  // LRUTORTURE_WORKLOADS_BUSTED_BREAK_STEPS_H_
