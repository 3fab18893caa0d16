// Reparent takes the list's lock by spin_lock(), as the hot paths do, not by
// spin_lock_irq(). Of most lrus nobody would notice; workingset's shadow_nodes
// are added and deleted under the i_pages lock, which the end of a writeback
// takes in an interrupt (mm/workingset.c). On one CPU:
//
//   offline work                        interrupt
//   spin_lock(&nlru->lock)
//                                       list_lru_add(): spin_lock(&nlru->lock)
//                                         waits for the task it stands on
#include "workloads/busted/break_steps.h"

namespace workloads::reparent_with_irqs_on {
namespace {

template <class Steps>
struct Mistake : Steps {
  // A node's, or a list's.
  template <class Locked>
  static void lock_for_reparent(Locked* locked) ABSL_NO_THREAD_SAFETY_ANALYSIS {
    lru::spin_lock(&locked->lock);
  }
};

LRUTORTURE_REGISTER(RegisterControl(
    {.info = {.name = "reparent_with_irqs_on",
              .klass = "lru",
              .lrus = {"node-lock", "memcg-lock"},
              .doc = "reparent takes a list's lock with interrupts on, which "
                     "those who add to that list have off",
              .config = "busted/reparent_with_irqs_on.json",
              .expect = {{"release", "invariant", "lock_order"},
                         {"asan", "invariant", "lock_order"},
                         {"tsan", "invariant", "lock_order"},
                         {"gcc", "invariant", "lock_order"}}},
     .break_it = BreakSteps<Mistake>}));

}  // namespace
}  // namespace workloads::reparent_with_irqs_on
