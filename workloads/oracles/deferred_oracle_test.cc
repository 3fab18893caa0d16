// deferred_conserved, with one mistake at a time.
#include "workloads/oracle_testing.h"

namespace workloads {
namespace {

using lru::mem_cgroup;
using testing::Contains;
using testing::IsEmpty;

constexpr const char* kDeferred = "deferred_conserved";

World::Parts With(const lru::teardown_steps& steps) {
  World::Parts parts = CleanParts();
  parts.steps = &steps;
  return parts;
}

long DeferredOn(Scenario& s, mem_cgroup* memcg) {
  return lru::nr_deferred_of(memcg, 0, s.world().lru(0)->shrinker_id);
}

// 20 items at priority 2 are less than one batch: 10 are put off.
void Defer(Scenario& s, uint32_t index) {
  for (int i = 0; i < 20; i++) s.ChargeAndAdd(index);
  lru::shrink_slab(0, s.memcg(index), 2);
  ASSERT_GT(DeferredOn(s, s.memcg(index)), 0);
}

Findings DeferAndDestroy(const lru::teardown_steps& steps) {
  return RunScenario([&] {
    Scenario s(With(steps));
    Defer(s, 3);
    s.Destroy(3);
  });
}

TEST(DeferredOracleTest, ParentInherits) {
  EXPECT_THAT(RunScenario([] {
                Scenario s;
                Defer(s, 3);
                long deferred = DeferredOn(s, s.memcg(3));
                s.Destroy(3);
                EXPECT_EQ(DeferredOn(s, s.memcg(2)), deferred);
                lru::shrink_slab(0, s.memcg(2), 2);  // takes and adds
                s.Finish();
              }),
              IsEmpty());
}

TEST(DeferredOracleTest, NothingInherited) {
  static lru::teardown_steps steps = lru::clean_teardown_steps();
  steps.reparent_shrinker_deferred = [](mem_cgroup*) {};
  EXPECT_THAT(DeferAndDestroy(steps), Contains(Says(kDeferred, "inherited 0")));
}

TEST(DeferredOracleTest, InheritedTwice) {
  static lru::teardown_steps steps = lru::clean_teardown_steps();
  steps.reparent_shrinker_deferred = [](mem_cgroup* memcg) {
    lru::reparent_shrinker_deferred(memcg);
    lru::reparent_shrinker_deferred(memcg);
  };
  EXPECT_THAT(DeferAndDestroy(steps),
              Contains(Says(kDeferred, "inherited 20")));
}

TEST(DeferredOracleTest, SomeOfItLost) {
  static lru::teardown_steps steps = lru::clean_teardown_steps();
  steps.add_nr_deferred = [](std::atomic<long>& nr_deferred, long nr) {
    nr_deferred += nr - 1;
  };
  EXPECT_THAT(DeferAndDestroy(steps),
              Contains(Says(kDeferred, "when it was freed memcg")));
  EXPECT_THAT(RunScenario([] {
                Scenario s(With(steps));
                Defer(s, 3);
                s.Quiet();
                s.CheckTotals();
              }),
              Contains(Says(kDeferred, "at rest memcg")));
}

// Said to be the parent's, and added to nobody.
TEST(DeferredOracleTest, ParentGetsNothingOfWhatItInherits) {
  static lru::teardown_steps steps = lru::clean_teardown_steps();
  steps.reparent_shrinker_deferred = [](mem_cgroup* memcg) {
    LRU_POINT(nr_deferred_changed, .memcg = memcg, .nid = 0,
              .nr = lru::nr_deferred_of(memcg, 0, 0),
              .parent = lru::parent_mem_cgroup(memcg), .shrinker_id = 0);
  };
  EXPECT_THAT(RunScenario([] {
                Scenario s(With(steps));
                Defer(s, 3);
                s.Destroy(2);
              }),
              Contains(Says(kDeferred, "has 0 objects deferred")));
}

// A shrinker that kept its reference: what it adds after offline is lost.
TEST(DeferredOracleTest, LateDeferralIsLostInSilence) {
  EXPECT_THAT(RunScenario([] {
                Scenario s;
                Defer(s, 3);
                s.Charge(2);
                mem_cgroup* memcg = s.world().GetMemcg(3);
                s.Destroy(3);
                long before = DeferredOn(s, memcg);
                lru::shrink_slab(0, memcg, 2);
                EXPECT_NE(DeferredOn(s, memcg), before);
                lru::mem_cgroup_put(memcg);
                s.Finish();
              }),
              IsEmpty());
}

// The word of a memcg is taken over by one that is much younger.
TEST(DeferredOracleTest, ManyMemcgs) {
  EXPECT_THAT(RunScenario([] {
                Scenario s;
                mem_cgroup* old = s.world().GetMemcg(0);
                for (int i = 0; i < 700; i++) {
                  s.Destroy(2);
                  s.world().CreateMissing();
                  if (i % 10 == 0) s.Step(3, "shrinker");
                  if (i % 10 == 0) s.Step(20, "adder");
                }
                lru::mem_cgroup_put(old);
                s.Finish();
              }),
              IsEmpty());
}

}  // namespace
}  // namespace workloads
