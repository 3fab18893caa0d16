// The workload of this program: puts world, actors, oracles and the chosen
// control together for one run.
#ifndef LRUTORTURE_WORKLOADS_TORTURE_H_
#define LRUTORTURE_WORKLOADS_TORTURE_H_

#include <memory>

#include "harness/workload.h"
#include "workloads/world.h"

namespace workloads {

class Torture : public harness::Workload {
 public:
  void Setup(const harness::Config& config, uint64_t seed) override;
  std::unique_ptr<harness::Actor> MakeActor(const harness::ActorSpec& spec,
                                            uint32_t index) override;
  void Bust() override;
  void Reclaim(harness::Prng& prng) override;
  bool Quiesce() override;
  void CheckTotals() override;
  void Teardown() override;

 private:
  std::unique_ptr<World> world_;
  World::Parts parts_;  // with the control, if there is one
  harness::Prng setup_prng_{0};
  TaskNotes setup_notes_;
};

}  // namespace workloads

#endif  // LRUTORTURE_WORKLOADS_TORTURE_H_
