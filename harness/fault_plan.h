// The config's faults, compiled for the hook: by point, with their filters as
// tables, so that nothing is looked up by name while actors run.
#ifndef LRUTORTURE_HARNESS_FAULT_PLAN_H_
#define LRUTORTURE_HARNESS_FAULT_PLAN_H_

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "harness/config.h"
#include "harness/flight_recorder.h"

namespace harness {

struct CompiledFault {
  const Fault* fault = nullptr;
  uint32_t index = 0;          // in Config::faults
  std::vector<bool> of_actor;  // by TaskSlot::type_index; empty: everybody
  // An implicit point, taken apart.
  std::string outer;
  std::string function;
  // The literal that matched `function` last: compared before its letters.
  mutable std::atomic<const char*> seen_function = nullptr;

  bool MatchesTask(const TaskSlot& slot) const;
  bool MatchesSite(const lru::fault_site& site) const;
  bool MatchesFunction(const char* outer_name, const char* name) const;
};

// Constant after construction, but for the caches.
class FaultPlan {
 public:
  FaultPlan(const Config& config, uint64_t seed);
  uint64_t seed() const { return seed_; }
  using List = std::vector<const CompiledFault*>;
  const List& At(lru::fault_point fp) const { return at_[fp]; }
  const List& At(lru::sync_op op, bool done) const {
    return implicit_[op * 2 + done];
  }
  bool HoldsFor(lru::fault_point fp) const { return hold_target_[fp]; }
  bool has_implicit() const { return has_implicit_; }

 private:
  void AddImplicit(CompiledFault& compiled);

  uint64_t seed_;
  bool has_implicit_ = false;
  bool hold_target_[lru::NR_FAULT_POINTS] = {};
  List at_[lru::NR_FAULT_POINTS];
  List implicit_[lru::NR_SYNC_OPS * 2];
  std::vector<CompiledFault> faults_;
};

}  // namespace harness

#endif  // LRUTORTURE_HARNESS_FAULT_PLAN_H_
