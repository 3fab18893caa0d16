// How an actor, an oracle or a control makes itself known: one macro at the
// end of its file. Registration runs before main(); the catalog sorts by name,
// so link order never reaches a plan.
#ifndef LRUTORTURE_WORKLOADS_REGISTRY_H_
#define LRUTORTURE_WORKLOADS_REGISTRY_H_

#include <memory>
#include <string>
#include <string_view>

#include "harness/catalog.h"
#include "harness/workload.h"
#include "lru/kernel/plugin.h"
#include "workloads/world.h"

namespace workloads {

using ActorFactory = std::unique_ptr<harness::Actor> (*)(
    World& world, const harness::ActorSpec& spec);

// What an oracle does at which moment; null where it has nothing to do. All of
// it must stay silent on correct code.
struct Oracle {
  void (*start)(World& world);         // before the first actor: Observe()
  void (*check_totals)(World& world);  // all at rest
  void (*after_teardown)();            // the world is gone
  // Puts entries of its own in the place of the lru's, which they call as
  // UnwatchedOps(): for what only a caller can judge. Not add and del, which
  // are hot; one oracle for each entry.
  void (*watch)(lru::list_lru_ops& ops) = nullptr;
  // A new lru has this index from now on: forget what was known of another.
  void (*lru_created)(uint32_t index, bool memcg_aware) = nullptr;
  // Before the world makes its first lru: for what that itself can violate.
  void (*before_world)() = nullptr;
  // All at rest, and all have checked the totals and found nothing: may take
  // lists apart, and puts them together again.
  void (*check_last)(World& world) = nullptr;
};

// The world, in the sight of all oracles.
std::unique_ptr<World> StartWorld(const harness::Config& config,
                                  const World::Parts& parts);

// A control replaces one step of the clean lru, of its teardown, or of what
// callers do. Exactly one of the three is changed by `break_it`.
struct Control {
  harness::BustedInfo info;
  void (*break_it)(World::Parts& parts);
};

bool RegisterActor(harness::ActorInfo info, ActorFactory factory);
bool RegisterOracle(std::vector<harness::InvariantInfo> invariants,
                    Oracle oracle);
bool RegisterControl(Control control);
// `plugin`: what it is, unless it is built in.
bool RegisterLru(const lru::list_lru_ops& ops,
                 const lru::kernel_lru* plugin = nullptr);

ActorFactory FindActor(std::string_view name);
const std::vector<Oracle>& Oracles();
// Asks all oracles what they make of the totals, at rest.
void CheckTotals(World& world);

// As all oracles watch it, for a World. The copy stays for ever.
const lru::list_lru_ops* Watched(const lru::list_lru_ops* ops);
// What the current lru is when nobody watches; it is a watched one.
const lru::list_lru_ops& UnwatchedOps();
const Control* FindControl(std::string_view name);
const lru::list_lru_ops* FindLru(std::string_view name);

#define LRUTORTURE_REGISTER(call) \
  [[maybe_unused]] static const bool lrutorture_registered = (call)

}  // namespace workloads

#endif  // LRUTORTURE_WORKLOADS_REGISTRY_H_
