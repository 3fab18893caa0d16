// no_leak: something is left behind on purpose.
#include "lru/sync/alloc.h"
#include "workloads/oracle_testing.h"

namespace workloads {
namespace {

using testing::Contains;
using testing::IsEmpty;

TEST(LeaksOracleTest, NothingIsLeft) {
  EXPECT_THAT(RunScenario([] {
                Scenario s;
                s.ChargeAndAdd(3);
                s.TearDown();
              }),
              IsEmpty());
}

struct MlruNeverFreed : lru::node_lock_steps {
  static void free_mlru(lru::list_lru_memcg*) {}
};
constexpr lru::list_lru_ops kLeakyOps =
    lru::make_node_lock_ops<MlruNeverFreed>("node-lock", "leaks every mlru");

TEST(LeaksOracleTest, ListsOfAMemcg) {
  std::string name = lru::alloc_type_name(lru::ALLOC_MLRU);
  EXPECT_THAT(RunScenario([] {
                World::Parts parts = CleanParts();
                parts.lru_ops = &kLeakyOps;
                Scenario s(parts);
                s.ChargeAndAdd(0);
                s.TearDown();
              }),
              testing::ElementsAre(Says("no_leak", "1 " + name + " left")));
}

TEST(LeaksOracleTest, ObjectAndWithItItsObjcg) {
  Findings findings = RunScenario([] {
    Scenario s;
    s.world().ops().charge(s.world(), 3, 0, 0);  // nobody keeps it
    s.TearDown();
  });
  for (lru::alloc_type type : {lru::ALLOC_SLAB_OBJ, lru::ALLOC_OBJCG}) {
    std::string name = lru::alloc_type_name(type);
    EXPECT_THAT(findings, Contains(Says("no_leak", "1 " + name + " left")));
  }
}

TEST(LeaksOracleTest, WhatHasGoneIsStillListed) {
  Findings findings = RunScenario([] {
    Scenario s;
    s.world().TearDown();
    lru::list_lru gone;
    {
      lru::mutex_guard guard(&lru::list_lrus_mutex);
      lru::list_add(&gone.list, &lru::memcg_list_lrus);
    }
    lru::shrinker* shrinker = lru::shrinker_alloc(/*memcg_aware=*/false);
    lru::shrinker_register(shrinker);
    Scenario::AfterTeardown();
    lru::list_del_init(&gone.list);
    lru::shrinker_free(shrinker);
  });
  EXPECT_THAT(findings, Contains(Says("no_leak", "a list_lru is still")));
  EXPECT_THAT(findings, Contains(Says("no_leak", "a shrinker is still")));
}

// A memcg that is never freed keeps the world from settling: the watchdog says
// so first. The oracle would count it all the same.
TEST(LeaksOracleTest, Memcg) {
  static lru::teardown_steps steps;
  steps = lru::clean_teardown_steps();
  steps.css_free_after_rcu = [](lru::css*) {};
  std::string name = lru::alloc_type_name(lru::ALLOC_MEMCG);
  EXPECT_THAT(RunScenario([] {
                World::Parts parts = CleanParts();
                parts.steps = &steps;
                Scenario s(parts);
                s.Destroy(3);
                EXPECT_FALSE(s.world().Settle());
                EXPECT_FALSE(s.world().Settle());
                s.AfterTeardown();
              }),
              Contains(Says("no_leak", name + " left")));
}

TEST(LeaksOracleTest, IdOfAShrinker) {
  EXPECT_THAT(RunScenario([] {
                Scenario s;
                lru::shrinker_alloc(/*memcg_aware=*/true);
                s.TearDown();
              }),
              Contains(Says("no_leak", "shrinker id 2 is still taken")));
}

}  // namespace
}  // namespace workloads
