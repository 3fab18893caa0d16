// The implicit points (lru/sync/engine.h) that runs pass: what the checked-in
// lists of our lrus are made of, and what a plug-in, whose text is anybody's,
// can be said to have.
#ifndef LRUTORTURE_WORKLOADS_IMPLICIT_POINTS_H_
#define LRUTORTURE_WORKLOADS_IMPLICIT_POINTS_H_

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "harness/catalog.h"
#include "harness/config.h"
#include "workloads/torture.h"

namespace workloads {

// All actors, two of each, on worlds that come to everything there is.
std::vector<harness::Config> ConfigsThatVisitAll(const std::string& lru);

// Collects from its construction on: of the torture processes that its owner
// forks, one after another. One at a time is alive.
class ImplicitVisits {
 public:
  ImplicitVisits();
  ~ImplicitVisits();
  ImplicitVisits(const ImplicitVisits&) = delete;
  ImplicitVisits& operator=(const ImplicitVisits&) = delete;

  // `OUTER/FUNCTION>OP`.
  std::set<std::string> Names() const;
  // Sites for which there was no room.
  uint64_t nr_lost() const;
};

// A torture whose sync operations are collected, not delayed, for as long as
// the faults of its config are armed: one of them must be at an implicit point.
class VisitingTorture : public Torture {
 public:
  void Setup(const harness::Config& config, uint64_t seed) override;
};

// Those that a loaded lru passes in a second of `explore`, the same each time.
// What a finding that ends a run keeps it from is missing; it says so.
harness::PassedPoints ExploreImplicitPoints(const std::string& lru);

}  // namespace workloads

#endif  // LRUTORTURE_WORKLOADS_IMPLICIT_POINTS_H_
