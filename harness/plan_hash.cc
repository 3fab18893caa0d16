#include "absl/strings/str_format.h"
#include "harness/plan.h"
#include "nlohmann/json.hpp"

namespace harness {
namespace {

constexpr int kDecisionsHashed = 1000;

// What does not change what happens at a point is no part of the plan.
std::string Canonical(const Config& config) {
  nlohmann::ordered_json json = ToJson(config);
  for (const char* key : {"$schema", "name", "description", "seed", "engine"}) {
    json.erase(key);
  }
  return json.dump();
}

}  // namespace

std::string PlanHash(const Config& config, uint64_t seed,
                     const std::vector<std::string>& task_names) {
  uint64_t hash = Fold(HashName(Canonical(config)), seed);
  for (const std::string& name : task_names) {
    uint64_t task_hash = HashName(name);
    for (uint32_t index = 0; index < config.faults.size(); ++index) {
      FaultVisits visits;
      for (int i = 0; i < kDecisionsHashed; ++i) {
        Decision decision =
            Decide(seed, config.faults[index], index, task_hash, visits);
        // Both in one word: delays are below 2^34 ns.
        hash = Fold(hash, decision.delay_ns << 1 | decision.fire);
        if (decision.draw != 0) hash = Fold(hash, decision.draw);
      }
    }
  }
  return absl::StrFormat("%016x", hash);
}

}  // namespace harness
