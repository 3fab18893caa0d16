// The destroyer: takes memcgs down, with all below them, and makes new ones.
#include "harness/flight_recorder.h"
#include "workloads/registry.h"

namespace workloads::destroyer_actor {
namespace {

constexpr int kDraws = 12;

class Destroyer : public harness::Actor {
 public:
  explicit Destroyer(World& world) : world_(world) {}

  void Step(harness::Prng& prng) override {
    notes_.prng = &prng;
    lru::current_task()->user = &notes_;
    // As many dying as living, not more: a backlog would only queue.
    if (world_.InFlight() > world_.nr_memcgs()) {
      lru::sleep_ns(100'000);
      harness::NoteSleep();
      return;
    }
    world_.DestroySubtree(MostUsed(prng));
    world_.CreateMissing();
  }

 private:
  // Random, but seldom one that nobody has had the time to use: there would be
  // nothing to reparent.
  uint32_t MostUsed(harness::Prng& prng) {
    uint32_t best = 0;
    uint64_t best_uses = 0;
    for (int draw = 0; draw < kDraws; draw++) {
      auto index = static_cast<uint32_t>(prng.Below(world_.nr_memcgs()));
      uint64_t uses = world_.UsesOf(index);
      if (draw > 0 && uses <= best_uses) continue;
      best = index;
      best_uses = uses;
    }
    return best;
  }

  World& world_;
  TaskNotes notes_;
};

LRUTORTURE_REGISTER(RegisterActor(
    {.name = "destroyer",
     .doc = "kills memcgs, children first, and creates new ones",
     .ops_per_schedule = 4},
    [](World& world,
       const harness::ActorSpec&) -> std::unique_ptr<harness::Actor> {
      return std::make_unique<Destroyer>(world);
    }));

}  // namespace
}  // namespace workloads::destroyer_actor
