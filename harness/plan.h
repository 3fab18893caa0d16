// The plan: what the seed and the config's faults do at each visit of a point.
// A pure function of (seed, task, fault, visit), in integer arithmetic, so it
// is the same in every build. Tasks are named by their id in creation order.
#ifndef LRUTORTURE_HARNESS_PLAN_H_
#define LRUTORTURE_HARNESS_PLAN_H_

#include <cstdint>
#include <string>
#include <vector>

#include "harness/config.h"

namespace harness {

// splitmix64 finaliser over a running state; the project's only hash/PRNG.
uint64_t Mix64(uint64_t x);
// The hash of a sequence, a word at a time.
uint64_t Fold(uint64_t hash, uint64_t word);
struct Prng {
  uint64_t state;
  uint64_t Next();
  // Uniform in [0, bound); bound > 0. Multiply-shift, no modulo bias to speak
  // of for the small bounds used here.
  uint64_t Below(uint64_t bound);
};

// What one task remembers of one fault. Task-local.
struct FaultVisits {
  uint64_t visits = 0;  // that matched actor, nid, depth
  int64_t fired = 0;
};

struct Decision {
  bool fire = false;
  uint64_t delay_ns = 0;  // of a delay fault that fires
  uint64_t draw = 0;      // of a reclaim that fires: what its Prng starts from
};

// Decides the next visit of `fault` (index `index` of the plan) by the task
// called `task_name`, whose hash is `task_hash` = HashName(task_name).
uint64_t HashName(std::string_view name);
Decision Decide(uint64_t seed, const Fault& fault, uint32_t index,
                uint64_t task_hash, FaultVisits& visits);

// 16 hex digits: the canonical effective config (without engine), the seed and
// the first 1,000 decisions of each (task, fault).
std::string PlanHash(const Config& config, uint64_t seed,
                     const std::vector<std::string>& task_names);

}  // namespace harness

#endif  // LRUTORTURE_HARNESS_PLAN_H_
