// A mistake in a step that both lock scopes have (list_lru_steps), made in the
// one that runs.
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

}  // namespace workloads

#endif  // LRUTORTURE_WORKLOADS_BUSTED_BREAK_STEPS_H_
