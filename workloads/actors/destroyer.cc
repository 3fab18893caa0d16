// The destroyer: takes memcgs down, with all below them, and makes new ones.
#include "workloads/registry.h"

namespace workloads {
namespace {

class Destroyer : public harness::Actor {
 public:
  explicit Destroyer(World& world) : world_(world) {}

  void Step(harness::Prng& prng) override {
    notes_.prng = &prng;
    lru::current_task()->user = &notes_;
    // As many dying as living, not more: a backlog would only queue.
    if (world_.InFlight() > world_.nr_memcgs()) {
      lru::sleep_ns(50'000);
      return;
    }
    world_.DestroySubtree(OlderOfTwo(prng));
    world_.CreateMissing();
  }

 private:
  // Random, but seldom one that nobody has had the time to use.
  uint32_t OlderOfTwo(harness::Prng& prng) {
    auto first = static_cast<uint32_t>(prng.Below(world_.nr_memcgs()));
    auto second = static_cast<uint32_t>(prng.Below(world_.nr_memcgs()));
    return world_.SerialAt(first) <= world_.SerialAt(second) ? first : second;
  }

  World& world_;
  TaskNotes notes_;
};

LRUTORTURE_REGISTER(RegisterActor(
    {"destroyer", "kills memcgs, children first, and creates new ones"},
    [](World& world,
       const harness::ActorSpec&) -> std::unique_ptr<harness::Actor> {
      return std::make_unique<Destroyer>(world);
    }));

}  // namespace
}  // namespace workloads
