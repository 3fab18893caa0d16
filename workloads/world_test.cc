#include "workloads/world.h"

#include "lru/sync/alloc.h"
#include "workloads/oracle_testing.h"

namespace workloads {
namespace {

using testing::IsEmpty;

TEST(WorldTest, LevelsAreAsWideAsEachOther) {
  EXPECT_THAT(RunScenario([] {
                harness::Config config = ChainConfig(5);
                config.topology.depth = 2;  // levels of 3 and 2
                Scenario s(CleanParts(), config);
                World& w = s.world();
                for (uint32_t i : {0, 1, 2}) EXPECT_EQ(w.ParentIndex(i), 5u);
                EXPECT_EQ(w.ParentIndex(3), 0u);
                EXPECT_EQ(w.ParentIndex(4), 1u);
                EXPECT_EQ(lru::parent_mem_cgroup(s.memcg(4)), s.memcg(1));
                s.Finish();
              }),
              IsEmpty());
}

TEST(WorldTest, ASubtreeDiesAndIsMadeAnew) {
  EXPECT_THAT(RunScenario([] {
                Scenario s;
                uint32_t top = s.world().SerialAt(0);
                uint32_t leaf = s.world().SerialAt(3);
                s.Destroy(1);
                EXPECT_EQ(s.world().SerialAt(0), top);
                for (uint32_t i : {1, 2, 3}) {
                  EXPECT_EQ(s.world().SerialAt(i), 0u);
                  EXPECT_EQ(s.world().GetMemcg(i), nullptr);
                }
                EXPECT_EQ(harness::recorder()->teardowns.load(), 3u);
                EXPECT_EQ(s.world().InFlight(), 0u);
                EXPECT_TRUE(s.world().CreateMissing());
                EXPECT_GT(s.world().SerialAt(3), leaf);
                EXPECT_FALSE(s.world().CreateMissing());  // nothing missing
                s.Finish();
              }),
              IsEmpty());
}

// Direct reclaim frees objects, and leaves the task's own draws alone.
TEST(WorldTest, ReclaimShrinksAndDrawsFromItsOwnSource) {
  EXPECT_THAT(
      RunScenario([] {
        Scenario s;
        for (int i = 0; i < 8; i++) {
          s.ChargeAndAdd(static_cast<uint32_t>(i % 4));
        }
        harness::Prng* own = CurrentNotes()->prng;
        uint64_t state = own->state;
        harness::Prng draws{7};
        for (int i = 0; i < 200; i++) s.world().Reclaim(draws);
        EXPECT_EQ(CurrentNotes()->prng, own);
        EXPECT_EQ(own->state, state);
        EXPECT_LT(s.world().lru_ops().list_lru_count_node(s.world().lru(0), 0),
                  4u);
        s.Finish();
      }),
      IsEmpty());
}

TEST(WorldTest, SettledOnlyWhenEveryDestructionHasEnded) {
  EXPECT_THAT(RunScenario([] {
                Scenario s;
                EXPECT_TRUE(s.world().Settle());
                lru::mem_cgroup* pinned = s.world().GetMemcg(3);
                s.Destroy(3);
                EXPECT_FALSE(s.world().Settle());
                EXPECT_EQ(s.world().InFlight(), 1u);
                lru::mem_cgroup_put(pinned);
                EXPECT_TRUE(s.world().Settle());
                s.Finish();
              }),
              IsEmpty());
}

TEST(WorldTest, NoMemoryLeavesTheIndexEmpty) {
  EXPECT_THAT(RunScenario([] {
                harness::Config config = ChainConfig();
                harness::Fault fault;
                fault.at = lru::FP_objcg_allocated;
                fault.enomem = true;
                fault.times = 1;
                config.faults.push_back(fault);
                Scenario s(CleanParts(), config);
                s.Destroy(3);
                harness::ArmFaults();
                EXPECT_FALSE(s.world().CreateMissing());
                EXPECT_EQ(s.world().SerialAt(3), 0u);
                EXPECT_TRUE(s.world().CreateMissing());
                EXPECT_NE(s.world().SerialAt(3), 0u);
                s.Finish();
              }),
              IsEmpty());
}

TEST(WorldTest, ARetiredObjectLivesUntilItsReadersHaveGone) {
  EXPECT_THAT(
      RunScenario([] {
        harness::Config config = ChainConfig();
        config.topology.slab_reuse = harness::SlabReuse::kNever;
        Scenario s(CleanParts(), config);
        Object* object = s.ChargeAndAdd(3);
        {
          lru::rcu_guard guard;
          s.world().RetireShared(0);
          EXPECT_EQ(s.world().shared(0).load(), nullptr);
          EXPECT_EQ(lru::live_allocs(lru::ALLOC_SLAB_OBJ), 1);
          EXPECT_EQ(object->linked.load(), 1u);
        }
        lru::rcu_barrier();
        EXPECT_EQ(lru::live_allocs(lru::ALLOC_SLAB_OBJ), 0);
        EXPECT_EQ(s.world().lru_ops().list_lru_count_node(s.world().lru(0), 0),
                  0u);
        s.world().RetireShared(0);  // nothing there: nothing done
        s.Finish();
      }),
      IsEmpty());
}

TEST(WorldTest, UsesOfAMemcgAreTheFewestBelowIt) {
  EXPECT_THAT(RunScenario([] {
                Scenario s;
                for (int i = 0; i < 3; i++) s.Charge(2);
                s.Charge(3);
                EXPECT_EQ(s.world().UsesOf(3), 1u);
                EXPECT_EQ(s.world().UsesOf(2), 1u);
                EXPECT_EQ(s.world().UsesOf(0), 0u);
                s.Finish();
              }),
              IsEmpty());
}

TEST(WorldTest, EveryThirdLruKnowsNoMemcg) {
  EXPECT_THAT(RunScenario([] {
                harness::Config config = ChainConfig();
                config.topology.lrus = 3;
                Scenario s(CleanParts(), config);
                EXPECT_TRUE(s.world().lru(0)->memcg_aware);
                EXPECT_TRUE(s.world().lru(1)->memcg_aware);
                EXPECT_FALSE(s.world().lru(2)->memcg_aware);
                EXPECT_EQ(s.world().LruIndex(s.world().lru(2)->serial), 2);
                EXPECT_EQ(s.world().LruSerial(2), s.world().lru(2)->serial);
                EXPECT_EQ(s.world().LruIndex(99), -1);
                EXPECT_EQ(s.world().LruIndex(0), -1);
                s.Finish();
              }),
              IsEmpty());
}

}  // namespace
}  // namespace workloads
