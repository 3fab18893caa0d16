// tryget_online_fails_after_confirm and no_resurrection: references taken too
// late, of a memcg whose last one the test holds, and of a bare count.
#include "workloads/oracle_testing.h"

namespace workloads {
namespace {

using lru::mem_cgroup;
using testing::Contains;
using testing::IsEmpty;

constexpr const char* kTryget = "tryget_online_fails_after_confirm";
constexpr const char* kResurrection = "no_resurrection";

// Runs `body` in a scenario with these steps.
Findings RunWith(void (*break_it)(lru::teardown_steps& steps),
                 void (*body)(Scenario& s)) {
  static lru::teardown_steps steps;
  steps = lru::clean_teardown_steps();
  break_it(steps);
  return RunScenario([body] {
    World::Parts parts = CleanParts();
    parts.steps = &steps;
    Scenario s(parts);
    body(s);
  });
}
void Clean(lru::teardown_steps&) {}

// Torn down as far as the reference held here allows: offline.
mem_cgroup* DestroyReferenced(Scenario& s) {
  mem_cgroup* memcg = s.memcg(3);
  lru::css_get(&memcg->css);
  s.Destroy(3);
  return memcg;
}

// --- tryget_online
// ------------------------------------------------------------------

template <class T>
bool InSection(bool (*tryget)(T*), T* of) {
  lru::rcu_guard guard;
  return tryget(of);
}

void TryWhileAliveAndAfter(Scenario& s) {
  EXPECT_TRUE(lru::css_tryget_online(&s.memcg(3)->css));
  lru::css_put(&s.memcg(3)->css);
  mem_cgroup* memcg = DestroyReferenced(s);
  if (lru::css_tryget_online(&memcg->css)) lru::css_put(&memcg->css);
  // Any reference at all may still be had.
  EXPECT_TRUE(InSection(lru::css_tryget, &memcg->css));
  lru::css_put(&memcg->css);
  lru::css_put(&memcg->css);
}

TEST(ReferencesOracleTest, TrygetOnlineOfTheLivingAndTheDead) {
  EXPECT_THAT(RunWith(Clean, TryWhileAliveAndAfter), IsEmpty());
}

TEST(ReferencesOracleTest, TrygetOnlineThatAsksForAnyReference) {
  EXPECT_THAT(RunWith(
                  [](lru::teardown_steps& steps) {
                    steps.css_tryget_online = lru::css_tryget;
                  },
                  TryWhileAliveAndAfter),
              testing::ElementsAre(Says(kTryget, "had been confirmed")));
}

TEST(ReferencesOracleTest, BetweenKillAndConfirmationIsSilent) {
  lru::fault_site site;
  site.memcg = lru::serial_ref::of(9);
  EXPECT_THAT(RunScenario([&] {
                Scenario s;
                s.Feed(lru::FP_css_dying_set, site);
                s.Feed(lru::FP_ref_killed, site);
                lru::rcu_guard guard;
                s.Feed(lru::FP_css_got_online, site);
              }),
              IsEmpty());
  EXPECT_THAT(RunScenario([&] {
                Scenario s;
                s.Feed(lru::FP_css_dying_set, site);
                s.Feed(lru::FP_ref_killed, site);
                lru::synchronize_rcu();
                s.Feed(lru::FP_ref_switch_confirmed, site);
                s.Feed(lru::FP_kill_confirmed, site);
                lru::rcu_guard guard;
                s.Feed(lru::FP_css_got_online, site);
              }),
              testing::ElementsAre(Says(kTryget, "memcg 9")));
}

// --- resurrection
// -------------------------------------------------------------------

// A reader finds the memcg when its last reference goes.
void TryAtZero(Scenario& s) {
  mem_cgroup* memcg = DestroyReferenced(s);
  lru::rcu_guard guard;
  lru::css_put(&memcg->css);
  lru::mem_cgroup_tryget(memcg);
}

TEST(ReferencesOracleTest, TrygetAtZeroFails) {
  EXPECT_THAT(RunWith(Clean, TryAtZero), IsEmpty());
}

TEST(ReferencesOracleTest, GetInsteadOfTryget) {
  EXPECT_THAT(RunWith(
                  [](lru::teardown_steps& steps) {
                    steps.mem_cgroup_tryget = [](mem_cgroup* memcg) {
                      lru::css_get(&memcg->css);
                      return true;
                    };
                  },
                  TryAtZero),
              testing::ElementsAre(Says(kResurrection, "its count was 0")));
}

TEST(ReferencesOracleTest, TreeWalkPassesTheReleasedOver) {
  EXPECT_THAT(
      RunScenario([] {
        Scenario s;
        mem_cgroup* referenced = DestroyReferenced(s);
        lru::rcu_guard guard;  // keeps it linked
        lru::css_put(&referenced->css);
        int found = 0;
        for (mem_cgroup* memcg = nullptr;
             (memcg = lru::mem_cgroup_iter(lru::root_mem_cgroup, memcg));) {
          EXPECT_NE(memcg, referenced);
          found++;
        }
        EXPECT_EQ(found, 4);  // the root and the other three
      }),
      IsEmpty());
}

// The test has one reference and puts two; the other is the id's.
TEST(ReferencesOracleTest, PutByWhoHadNone) {
  EXPECT_THAT(RunWith(Clean,
                      [](Scenario& s) {
                        mem_cgroup* memcg = DestroyReferenced(s);
                        lru::rcu_guard guard;
                        lru::css_put(&memcg->css);
                        lru::css_put(&memcg->css);
                      }),
              testing::ElementsAre(Says(kResurrection, "its count is -1")));
}

// A count of its own, as an obj_cgroup's: no memcg to name.
TEST(ReferencesOracleTest, BareCount) {
  auto get_at_zero = [](bool broken) {
    return RunScenario([broken] {
      Scenario s;
      static lru::percpu_ref ref;
      lru::percpu_ref_init(&ref, [](lru::percpu_ref*) {}, /*serial=*/0);
      lru::percpu_ref_get(&ref);
      lru::percpu_ref_kill_and_confirm(&ref, nullptr);
      // Biased still, or counted.
      EXPECT_TRUE(InSection(lru::percpu_ref_tryget, &ref));
      lru::percpu_ref_put(&ref);
      lru::rcu_barrier();
      EXPECT_TRUE(InSection(lru::percpu_ref_tryget, &ref));
      lru::percpu_ref_put(&ref);
      lru::percpu_ref_put(&ref);
      EXPECT_TRUE(lru::percpu_ref_is_zero(&ref));
      if (broken) {
        lru::percpu_ref_get(&ref);
      } else {
        EXPECT_FALSE(InSection(lru::percpu_ref_tryget, &ref));
      }
    });
  };
  EXPECT_THAT(get_at_zero(false), IsEmpty());
  EXPECT_THAT(get_at_zero(true),
              testing::ElementsAre(Says(kResurrection, "obj_cgroup")));
}

}  // namespace
}  // namespace workloads
