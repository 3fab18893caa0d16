// teardown_order: steps left out, done twice, too early, without their grace
// period; through the steps where there is one, else by records as lru/ would
// write them.
#include "lru/css.h"
#include "workloads/oracle_testing.h"

namespace workloads {
namespace {

using lru::fault_point;
using testing::AnyOf;
using testing::Contains;
using testing::IsEmpty;

constexpr const char* kOrder = "teardown_order";

// --- through steps
// --------------------------------------------------------------

// `destroyed` memcgs, the deepest first.
Findings DestroyWith(void (*break_it)(lru::teardown_steps& steps),
                     uint32_t destroyed = 1) {
  static lru::teardown_steps steps;
  steps = lru::clean_teardown_steps();
  break_it(steps);
  return RunScenario([destroyed] {
    World::Parts parts = CleanParts();
    parts.steps = &steps;
    Scenario s(parts);
    s.ChargeAndAdd(3);
    for (uint32_t i = 0; i < destroyed; i++) s.Destroy(3 - i);
  });
}

TEST(TeardownOracleTest, CleanStepsAreSilent) {
  EXPECT_THAT(DestroyWith([](lru::teardown_steps&) {}), IsEmpty());
}

TEST(TeardownOracleTest, ConfirmedTwice) {
  EXPECT_THAT(DestroyWith([](lru::teardown_steps& steps) {
                steps.css_kill_confirmed = [](lru::css* c) {
                  lru::clean_teardown_steps().css_kill_confirmed(c);
                  lru::clean_teardown_steps().css_kill_confirmed(c);
                };
              }),
              Contains(Says(kOrder, "reached kill_confirmed a second time")));
}

// Offline need not wait for a reference that is not yet killed.
TEST(TeardownOracleTest, ConfirmedBeforeKilled) {
  EXPECT_THAT(DestroyWith([](lru::teardown_steps& steps) {
                steps.css_set_dying = [](lru::css* c) {
                  lru::clean_teardown_steps().css_kill_confirmed(c);
                };
                steps.css_kill_confirmed = [](lru::css*) {};
              }),
              Contains(Says(kOrder,
                            "reached kill_confirmed without having passed "
                            "css_dying_set")));
}

TEST(TeardownOracleTest, ObjcgsNotReparented) {
  EXPECT_THAT(DestroyWith([](lru::teardown_steps& steps) {
                steps.memcg_offline_kmem = [](lru::mem_cgroup* memcg) {
                  lru::current_lru_ops().memcg_reparent_list_lrus(
                      memcg, lru::parent_mem_cgroup(memcg));
                };
              }),
              Contains(Says(kOrder,
                            "reached kmemcg_ids_changed before "
                            "objcgs_reparented")));
}

TEST(TeardownOracleTest, OfflineKmemLeftOut) {
  EXPECT_THAT(DestroyWith([](lru::teardown_steps& steps) {
                steps.memcg_offline_kmem = [](lru::mem_cgroup*) {};
              }),
              Contains(Says(kOrder,
                            "reached nr_deferred_reparented before "
                            "kmemcg_ids_changed")));
}

TEST(TeardownOracleTest, UnlinkedAtRelease) {
  EXPECT_THAT(
      DestroyWith([](lru::teardown_steps& steps) {
        steps.css_unlink_at_release = [](lru::css* c) {
          LRU_POINT(sibling_unlinked, .memcg = c, .parent = c->parent);
        };
      }),
      Contains(Says(kOrder, "reached sibling_unlinked before css_released")));
}

// Of three: now and then somebody else's grace period comes just in time.
TEST(TeardownOracleTest, FreedWithoutAGracePeriod) {
  EXPECT_THAT(DestroyWith(
                  [](lru::teardown_steps& steps) {
                    steps.css_free_after_rcu = [](lru::css* c) {
                      lru::css* parent = c->parent;
                      LRU_POINT(css_free, .memcg = c, .parent = parent);
                      LRU_POINT(parent_ref_put, .memcg = c, .parent = parent);
                      lru::percpu_ref_exit(&c->refcnt);
                      lru::mem_cgroup_css_free(c);
                      lru::css_put(parent);
                    };
                  },
                  /*destroyed=*/3),
              Contains(Says(kOrder,
                            "reached css_free without a grace period since "
                            "sibling_unlinked")));
}

// --- through records
// ------------------------------------------------------------

constexpr uint32_t kMemcg = 9000;
constexpr uint32_t kParent = 9001;

lru::fault_site SiteOf(uint32_t memcg) {
  lru::fault_site site;
  site.memcg = lru::serial_ref::of(memcg);
  if (memcg == kMemcg) site.parent.serial = kParent;
  return site;
}

std::vector<lru::stage_info> OwnStages() {
  std::vector<lru::stage_info> own;
  for (const lru::stage_info& stage : lru::node_lock_ops().stages) {
    if (!stage.per_list) own.push_back(stage);
  }
  return own;
}

struct Script {
  fault_point left_out = lru::NR_FAULT_POINTS;
  fault_point twice = lru::NR_FAULT_POINTS;
  fault_point hurried = lru::NR_FAULT_POINTS;  // no grace period before it
};

void FeedStages(const Script& script, uint32_t memcg = kMemcg) {
  for (const lru::stage_info& stage : OwnStages()) {
    if (stage.fp == script.left_out) continue;
    if (stage.after_gp && stage.fp != script.hurried) lru::synchronize_rcu();
    Scenario::Feed(stage.fp, SiteOf(memcg));
    if (stage.fp == script.twice) Scenario::Feed(stage.fp, SiteOf(memcg));
  }
}

Findings Play(const Script& script) {
  return RunScenario([&] {
    Scenario s;
    lru::css_flush();
    FeedStages(script);
  });
}

TEST(TeardownOracleTest, AllStagesInOrderAreSilent) {
  EXPECT_THAT(Play({}), IsEmpty());
}

TEST(TeardownOracleTest, AnyStageLeftOutIsNamedByTheNext) {
  std::vector<lru::stage_info> stages = OwnStages();
  for (size_t i = 1; i + 1 < stages.size(); i++) {
    std::string left_out = lru::fault_point_at(stages[i].fp).name;
    std::string next = lru::fault_point_at(stages[i + 1].fp).name;
    EXPECT_THAT(
        Play({.left_out = stages[i].fp}),
        Contains(Says(kOrder, "reached " + next + " before " + left_out)));
  }
}

TEST(TeardownOracleTest, NeverDying) {
  EXPECT_THAT(Play({.left_out = lru::FP_css_dying_set}),
              Contains(Says(kOrder, "without having passed css_dying_set")));
}

TEST(TeardownOracleTest, AnyStageTwice) {
  for (const lru::stage_info& stage : OwnStages()) {
    std::string name = lru::fault_point_at(stage.fp).name;
    EXPECT_THAT(Play({.twice = stage.fp}),
                Contains(Says(kOrder, "reached " + name + " a second time")));
  }
}

TEST(TeardownOracleTest, AnyStageWithoutItsGracePeriod) {
  int judged = 0;
  for (const lru::stage_info& stage : OwnStages()) {
    // Else another stage's grace period lies in between as well.
    if (!stage.after_gp || stage.since == lru::FP_css_dying_set) continue;
    std::string name = lru::fault_point_at(stage.fp).name;
    EXPECT_THAT(Play({.hurried = stage.fp}),
                Contains(Says(kOrder, "reached " + name +
                                          " without a grace period since")));
    judged++;
  }
  EXPECT_GE(judged, 4);
}

TEST(TeardownOracleTest, OfflineWithNoGracePeriodSinceDying) {
  EXPECT_THAT(RunScenario([] {
                Scenario s;
                lru::css_flush();
                for (fault_point fp :
                     {lru::FP_css_dying_set, lru::FP_ref_killed,
                      lru::FP_ref_switch_confirmed, lru::FP_kill_confirmed,
                      lru::FP_online_cnt_zero, lru::FP_offline_begin}) {
                  s.Feed(fp, SiteOf(kMemcg));
                }
              }),
              Contains(Says(kOrder,
                            "reached offline_begin without a grace period "
                            "since css_dying_set")));
}

TEST(TeardownOracleTest, StageAfterOneThatFollowsIt) {
  EXPECT_THAT(
      RunScenario([] {
        Scenario s;
        s.Feed(lru::FP_css_dying_set, SiteOf(kMemcg));
        s.Feed(lru::FP_id_put, SiteOf(kMemcg));
        s.Feed(lru::FP_nr_deferred_reparented, SiteOf(kMemcg));
      }),
      Contains(Says(kOrder, "reached nr_deferred_reparented after id_put")));
}

TEST(TeardownOracleTest, ParentBeforeItsChild) {
  Findings findings = RunScenario([] {
    Scenario s;
    lru::css_flush();
    FeedStages({}, kParent);
    FeedStages({}, kMemcg);
  });
  for (const char* what : {"offline_begin", "css_free"}) {
    EXPECT_THAT(findings, Contains(Says(kOrder, std::string(what) +
                                                    " after its parent 9001")));
  }
}

TEST(TeardownOracleTest, ParentAfterItsChildIsSilent) {
  EXPECT_THAT(RunScenario([] {
                Scenario s;
                lru::css_flush();
                FeedStages({}, kMemcg);
                FeedStages({}, kParent);
              }),
              IsEmpty());
}

// The short path after a failed css_online.
TEST(TeardownOracleTest, FreedButNeitherDyingNorFailed) {
  EXPECT_THAT(RunScenario([] {
                Scenario s;
                s.Feed(lru::FP_css_free, SiteOf(kMemcg));
              }),
              Contains(Says(kOrder, "reached css_free without having passed")));
  EXPECT_THAT(
      RunScenario([] {
        Scenario s;
        s.Feed(lru::FP_css_online_failed, SiteOf(kMemcg));
        s.Feed(lru::FP_css_free, SiteOf(kMemcg));
      }),
      Contains(Says(kOrder, "reached css_free before sibling_unlinked")));
  EXPECT_THAT(RunScenario([] {
                Scenario s;
                s.Feed(lru::FP_css_online_failed, SiteOf(kMemcg));
                s.Feed(lru::FP_sibling_unlinked, SiteOf(kMemcg));
                s.Feed(lru::FP_css_free, SiteOf(kMemcg));
              }),
              IsEmpty());
}

// --- a point says that something has been done
// ------------------------------------------------

TEST(TeardownOracleTest, NotMarkedDying) {
  EXPECT_THAT(DestroyWith([](lru::teardown_steps& steps) {
                steps.css_set_dying = [](lru::css*) {};
              }),
              Contains(Says(kOrder, "but is not marked dying")));
}

TEST(TeardownOracleTest, KilledOrOfflineAboveAChildThatIsNot) {
  for (lru::fault_point fp : {lru::FP_css_dying_set, lru::FP_offline_begin}) {
    EXPECT_THAT(RunScenario([fp] {
                  Scenario s;
                  s.memcg(2)->css.flags.fetch_or(lru::CSS_DYING);
                  s.Feed(fp, {.memcg = s.memcg(2), .parent = s.memcg(1)});
                }),
                Contains(Says(kOrder, "a child of it")));
  }
}

TEST(TeardownOracleTest, UnlinkedButStillItsParentsChild) {
  EXPECT_THAT(RunScenario([] {
                Scenario s;
                s.Feed(lru::FP_sibling_unlinked,
                       {.memcg = s.memcg(2), .parent = s.memcg(1)});
              }),
              Contains(Says(kOrder, "is still among its parent's children")));
}

// Whoever else has one may be late to put it: then the count alone tells. What
// is released too early is not freed here.
TEST(TeardownOracleTest, OfflineOrIdWithoutAReferenceOfItsOwn) {
  auto told = Contains(AnyOf(Says(kOrder, "has fewer references than"),
                             Says("no_resurrection", "its count is -1")));
  EXPECT_THAT(DestroyWith([](lru::teardown_steps& steps) {
                steps.css_get_for_offline = [](lru::css*) {};
                steps.css_free_after_rcu = [](lru::css*) {};
              }),
              told);
  EXPECT_THAT(DestroyWith([](lru::teardown_steps& steps) {
                steps.mem_cgroup_id_pin = [](lru::mem_cgroup*) {};
                steps.css_free_after_rcu = [](lru::css*) {};
              }),
              told);
}

TEST(TeardownOracleTest, OfflineButStillChargedOrMarkedOnline) {
  EXPECT_THAT(RunScenario([] {
                Scenario s;
                s.Feed(lru::FP_objcg_unpublished, {.memcg = s.memcg(3)});
              }),
              Contains(Says(kOrder, "new objects are still charged to it")));
  EXPECT_THAT(RunScenario([] {
                Scenario s;
                s.Feed(lru::FP_offline_end, {.memcg = s.memcg(3)});
              }),
              Contains(Says(kOrder, "is still marked online")));
}

// (C5)
TEST(TeardownOracleTest, RootOfAHierarchyFreedBeforeWhatWasKilledIsOffline) {
  for (bool drained : {true, false}) {
    Findings findings = RunScenario([drained] {
      Scenario s;
      lru::fault_site root = {.memcg = s.memcg(0)};
      ASSERT_TRUE(s.memcg(0)->css.flags.load() & lru::CSS_HIERARCHY);
      s.Feed(lru::FP_css_dying_set, {.memcg = lru::serial_ref::of(kMemcg)});
      s.Feed(lru::FP_sibling_unlinked, root);
      if (drained) {
        s.Feed(lru::FP_offline_end, {.memcg = lru::serial_ref::of(kMemcg)});
      }
      s.Feed(lru::FP_css_free, root);
    });
    auto told = Contains(Says(kOrder, "the root of a hierarchy, is freed"));
    if (drained) {
      EXPECT_THAT(findings, testing::Not(told));
    } else {
      EXPECT_THAT(findings, told);
    }
  }
}

}  // namespace
}  // namespace workloads
