#include "workloads/torture.h"

#include "workloads/registry.h"

namespace workloads {

namespace {

// The teardown that the config asks for.
const lru::teardown_steps* StepsOf(const harness::Model& model) {
  static lru::teardown_steps steps;
  steps = lru::clean_teardown_steps();
  if (model.unlink == harness::Unlink::kRelease) {
    steps.css_unlink_at_release = lru::css_unlink;
  }
  if (model.id_release == harness::IdRelease::kOffline) {
    steps.mem_cgroup_id_release = lru::mem_cgroup_id_release_at_once;
  }
  return &steps;
}

}  // namespace

void Torture::Setup(const harness::Config& config, uint64_t seed) {
  setup_prng_.state = harness::Mix64(seed);
  setup_notes_.prng = &setup_prng_;
  lru::current_task()->user = &setup_notes_;
  World::Parts clean = {.lru_ops = FindLru(config.lru),
                        .steps = StepsOf(config.model),
                        .ops = &CleanWorkloadOps()};
  parts_ = clean;
  if (const Control* control = FindControl(config.busted)) {
    control->break_it(parts_);
  }
  clean.lru_ops = Watched(clean.lru_ops);
  parts_.lru_ops = Watched(parts_.lru_ops);
  world_ = StartWorld(config, config.busted_after_ms ? clean : parts_);
}

std::unique_ptr<harness::Actor> Torture::MakeActor(
    const harness::ActorSpec& spec, uint32_t) {
  return FindActor(spec.type)(*world_, spec);
}

void Torture::Bust() { world_->Replace(parts_); }

void Torture::Reclaim(harness::Prng& prng) { world_->Reclaim(prng); }

bool Torture::Quiesce() { return world_->Settle(); }

void Torture::CheckTotals() { workloads::CheckTotals(*world_); }

void Torture::Teardown() {
  world_->TearDown();
  for (const Oracle& oracle : Oracles()) {
    if (oracle.after_teardown) oracle.after_teardown();
  }
  world_.reset();
}

}  // namespace workloads
