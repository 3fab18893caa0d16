// id_unique: the table of ids broken by steps, and by records as lru/ would
// write them.
#include "workloads/oracle_testing.h"

namespace workloads {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr const char* kUnique = "id_unique";

Findings RecreateWith(void (*idr_remove)(lru::mem_cgroup* memcg)) {
  static lru::teardown_steps steps;
  steps = lru::clean_teardown_steps();
  if (idr_remove) steps.mem_cgroup_idr_remove = idr_remove;
  return RunScenario([] {
    World::Parts parts = CleanParts();
    parts.steps = &steps;
    Scenario s(parts);
    for (int round = 0; round < 3; round++) {
      s.Destroy(2);
      EXPECT_TRUE(s.world().CreateMissing());
    }
  });
}

TEST(IdsOracleTest, TakenGivenBackAndTakenAgain) {
  EXPECT_THAT(RecreateWith(nullptr), IsEmpty());
}

TEST(IdsOracleTest, GivenBackTwice) {
  EXPECT_THAT(RecreateWith([](lru::mem_cgroup* memcg) {
                lru::mem_cgroup_idr_remove(memcg);
                lru::mem_cgroup_idr_remove(memcg);
              }),
              Contains(Says(kUnique, "which nobody had")));
}

// What a lost update leaves: another's id is free while its owner lives.
TEST(IdsOracleTest, AnothersIdGivenBack) {
  Findings findings = RecreateWith([](lru::mem_cgroup* memcg) {
    lru::mem_cgroup_idr_remove(memcg);
    lru::mem_cgroup* parent = lru::parent_mem_cgroup(memcg);
    if (!parent || lru::mem_cgroup_is_root(parent)) return;
    int own = memcg->id.id;
    memcg->id.id = parent->id.id;
    lru::mem_cgroup_idr_remove(memcg);
    memcg->id.id = own;
  });
  EXPECT_THAT(findings, Contains(Says(kUnique, "gave back id")));
}

lru::fault_site Site(uint32_t memcg, int id) {
  lru::fault_site site;
  site.memcg = lru::serial_ref::of(memcg);
  site.nr = id;
  return site;
}

TEST(IdsOracleTest, GivenBackWithoutAGracePeriod) {
  auto give_back = [](bool waits) {
    // Nobody has killed it.
    return Of(kUnique, RunScenario([waits] {
                Scenario s;
                s.Feed(lru::FP_id_taken, Site(71, 500));
                {
                  lru::rcu_guard guard;
                  s.Feed(lru::FP_id_put, Site(71, 500));
                  if (!waits) return s.Feed(lru::FP_id_removed, Site(71, 500));
                }
                lru::synchronize_rcu();
                s.Feed(lru::FP_id_removed, Site(71, 500));
              }));
  };
  EXPECT_THAT(give_back(true), IsEmpty());
  EXPECT_THAT(give_back(false),
              ElementsAre(Says(kUnique, "without a grace period")));
}

TEST(IdsOracleTest, GivenBackWhileItStillFindsItsMemcg) {
  EXPECT_THAT(RunScenario([] {
                Scenario s;
                lru::fault_site site;
                site.memcg = s.memcg(3);
                site.nr = s.memcg(3)->id.id;
                s.Feed(lru::FP_id_removed, site);
              }),
              ElementsAre(Says(kUnique, "gives back id")));
}

TEST(IdsOracleTest, StillFoundWhenNobodyRefersToIt) {
  EXPECT_THAT(Of(kUnique, RunScenario([] {
                   Scenario s;
                   lru::fault_site site;
                   site.memcg = s.memcg(3);
                   site.nr = s.memcg(3)->id.id;
                   s.Feed(lru::FP_id_put, site);
                 })),
              ElementsAre(Says(kUnique, "puts the last reference of id")));
}

TEST(IdsOracleTest, ListsOfAnotherAreStillFound) {
  EXPECT_THAT(RunScenario([] {
                Scenario s;
                s.ChargeAndAdd(3);
                int id = s.memcg(3)->id.id;
                s.Feed(lru::FP_id_removed,
                       Site(lru::serial_of(s.memcg(3)), id));
                s.Feed(lru::FP_id_taken, Site(9000, id));
              }),
              ElementsAre(Says(kUnique, "still finds list")));
}

TEST(IdsOracleTest, OneIdForTwo) {
  EXPECT_THAT(RunScenario([] {
                Scenario s;
                s.Feed(lru::FP_id_taken, Site(71, 500));
                s.Feed(lru::FP_id_taken, Site(72, 501));
                s.Feed(lru::FP_id_removed, Site(71, 500));
                s.Feed(lru::FP_id_taken, Site(73, 500));
              }),
              IsEmpty());
  EXPECT_THAT(RunScenario([] {
                Scenario s;
                s.Feed(lru::FP_id_taken, Site(71, 500));
                s.Feed(lru::FP_id_taken, Site(72, 500));
              }),
              ElementsAre(Says(kUnique,
                               "memcg 72 was given id 500, which "
                               "memcg 71 still has")));
}

TEST(IdsOracleTest, OneIdForAMemcgFromBeforeTheRun) {
  EXPECT_THAT(RunScenario([] {
                Scenario s;
                s.Feed(lru::FP_id_taken, Site(71, s.memcg(0)->id.id));
              }),
              ElementsAre(Says(kUnique, "still has")));
}

TEST(IdsOracleTest, NoIdAtAll) {
  EXPECT_THAT(RunScenario([] {
                Scenario s;
                s.Feed(lru::FP_id_taken, Site(71, 0));
                s.Feed(lru::FP_id_taken, Site(71, lru::MEM_CGROUP_ID_MAX + 1));
              }),
              ElementsAre(Says(kUnique, "which is none"),
                          Says(kUnique, "which is none")));
}

TEST(IdsOracleTest, NeverGivenBack) {
  EXPECT_THAT(RunScenario([] {
                Scenario s;
                s.Finish();
                s.Feed(lru::FP_id_taken, Site(71, 500));
                s.AfterTeardown();
              }),
              ElementsAre(Says("no_leak", "id 500 was given to memcg 71")));
}

TEST(IdsOracleTest, AtRestEachFindsItselfByItsId) {
  EXPECT_THAT(RunScenario([] {
                Scenario s;
                // As if the number had been given back before its pointer.
                int id = s.memcg(3)->id.id;
                s.memcg(3)->id.id = s.memcg(2)->id.id;
                s.Quiet();
                s.CheckTotals();
                s.memcg(3)->id.id = id;
              }),
              testing::Contains(Says("id_unique", "finds another one")));
}

}  // namespace
}  // namespace workloads
