// ctest: torture
// All oracles stay silent on each clean lru: every actor, teardown, totals; a
// deep tree, a flat one, each way of reusing slabs, memory running out at every
// error point. A torture in small, driven by one task.
#include "workloads/oracle_testing.h"

namespace workloads {
namespace {

using testing::IsEmpty;

constexpr int kSteps = 800;  // of each actor
constexpr int kMoreSteps = 100'000;
constexpr uint64_t kTeardowns = 50;

Findings RunClean(const harness::Config& config,
                  const std::function<void(Scenario&)>& also = {}) {
  Findings all;
  for (const lru::list_lru_ops* ops : CleanLrus()) {
    Findings findings = RunScenario([&] {
      Scenario s(CleanParts(*ops), config);
      harness::ArmFaults();
      s.Step(kSteps);
      // Where others have the processors, workers come to less meanwhile.
      const auto& teardowns = harness::recorder()->teardowns;
      for (int i = 0; i < kMoreSteps && teardowns.load() <= kTeardowns; i++) {
        s.Step(1);
        lru::task_yield();
      }
      if (also) also(s);
      s.Finish();
      EXPECT_GT(teardowns.load(), kTeardowns);
    });
    for (Said& said : findings) {
      said.message += std::string(" (") + ops->name + ")";
      all.push_back(said);
    }
  }
  return all;
}

TEST(SilenceTest, EverySlabReuse) {
  for (harness::SlabReuse reuse :
       {harness::SlabReuse::kNever, harness::SlabReuse::kAfterGracePeriod,
        harness::SlabReuse::kImmediate}) {
    harness::Config config = ChainConfig();
    config.topology.slab_reuse = reuse;
    EXPECT_THAT(RunClean(config), IsEmpty());
  }
}

TEST(SilenceTest, OwnObjectsAloneAndSharedOnesAlone) {
  for (harness::Objects objects :
       {harness::Objects::kOwn, harness::Objects::kShared}) {
    harness::Config config = ChainConfig();
    for (harness::ActorSpec& spec : config.actors) spec.objects = objects;
    EXPECT_THAT(RunClean(config), IsEmpty());
  }
}

// Each of the others beside the usual four, on a tree wide enough for pins.
TEST(SilenceTest, EveryActor) {
  for (const harness::ActorInfo& actor : harness::Catalog::Get().actors()) {
    harness::Config config = ChainConfig(8);
    config.topology.depth = 4;
    config.actors.push_back({.type = actor.name});
    EXPECT_THAT(RunClean(config), IsEmpty()) << actor.name;
  }
}

TEST(SilenceTest, AllActorsUnderEverySlabReuse) {
  for (harness::SlabReuse reuse :
       {harness::SlabReuse::kNever, harness::SlabReuse::kAfterGracePeriod,
        harness::SlabReuse::kImmediate}) {
    harness::Config config = ChainConfig(8);
    config.topology.depth = 4;
    config.topology.slab_reuse = reuse;
    config.actors.clear();
    for (const harness::ActorInfo& actor : harness::Catalog::Get().actors()) {
      config.actors.push_back({.type = actor.name});
    }
    EXPECT_THAT(RunClean(config), IsEmpty());
  }
}

TEST(SilenceTest, DeepTree) {
  EXPECT_THAT(RunClean(ChainConfig(16)), IsEmpty());
}

TEST(SilenceTest, FlatTreeOneNodeManyLrus) {
  harness::Config config = ChainConfig(8);
  config.topology.depth = 1;
  config.topology.nids = 1;
  config.topology.lrus = 6;  // two of them know no memcg
  EXPECT_THAT(RunClean(config), IsEmpty());
}

std::atomic<uint32_t> short_paths = 0;

TEST(SilenceTest, MemoryRunsOutEverywhere) {
  harness::Config config = ChainConfig();
  config.actors.push_back({.type = "registrar"});
  for (const lru::fault_point_info& info : lru::fault_points()) {
    if (!info.error) continue;
    harness::Fault fault;
    fault.at = info.fp;
    fault.enomem = true;
    fault.one_in = 6;
    config.faults.push_back(fault);
  }
  auto all_fired = [&](Scenario&) {
    for (size_t i = 0; i < config.faults.size(); i++) {
      EXPECT_GT(harness::CurrentSlot()->fired[i].load(), 0u)
          << lru::fault_point_at(config.faults[i].at).name;
    }
    EXPECT_GT(short_paths.load(), 0u);
  };
  EXPECT_THAT(RunScenario([&] {
                Scenario s(CleanParts(), config);
                harness::Observe(lru::FP_css_online_failed,
                                 [](lru::fault_point, const lru::fault_site&) {
                                   short_paths.fetch_add(
                                       1, std::memory_order_relaxed);
                                 });
                harness::ArmFaults();
                s.Step(2 * kSteps);
                all_fired(s);
                s.Finish();
              }),
              IsEmpty());
}

}  // namespace
}  // namespace workloads
