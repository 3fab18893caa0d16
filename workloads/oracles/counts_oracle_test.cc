// counts_sane, with one mistake at a time.
#include "workloads/oracle_testing.h"

namespace workloads {
namespace {

using testing::Contains;
using testing::IsEmpty;
using testing::Not;

// The node's count is not taken down.
bool DelForgetsNode(lru::list_lru* lru, lru::list_head* item, int nid,
                    lru::mem_cgroup* memcg) {
  bool done = lru::node_lock_ops().list_lru_del(lru, item, nid, memcg);
  if (done) lru::nr_add(lru->node[nid].nr_items, 1);
  return done;
}

TEST(CountsOracleTest, DelForgetsTheNodesCount) {
  static lru::list_lru_ops ops = lru::node_lock_ops();
  ops.list_lru_del = DelForgetsNode;
  auto add_and_del = [](int times) {
    Scenario s(CleanParts(ops));
    Object* object = s.Charge(3);
    for (int i = 0; i < times; i++) {
      s.Add(object);
      s.Del(object);
    }
    s.Quiet();
    s.CheckTotals();
  };
  // Once could be an isolation in flight; at rest it is none.
  Findings once = RunScenario([&] { add_and_del(1); });
  EXPECT_THAT(once, Contains(Says("counts_sane",
                                  "at rest count_node of lru 1, node 0 says 1, "
                                  "but 0 items")));
  EXPECT_THAT(once, Not(Contains(Says("counts_sane", "under its lock"))));
  // More than tasks that could be walking.
  EXPECT_THAT(RunScenario([&] { add_and_del(6); }),
              Contains(Says("counts_sane", "says nr_items 5 under its lock")));
}

TEST(CountsOracleTest, AddForgetsTheNodesCount) {
  static lru::list_lru_ops ops = lru::node_lock_ops();
  ops.list_lru_add = [](lru::list_lru* lru, lru::list_head* item, int nid,
                        lru::mem_cgroup* memcg) {
    bool done = lru::node_lock_ops().list_lru_add(lru, item, nid, memcg);
    if (done) lru::nr_add(lru->node[nid].nr_items, -1);
    return done;
  };
  // Fewer than there are: never legal, not even in flight.
  EXPECT_THAT(RunScenario([] {
                Scenario s(CleanParts(ops));
                s.ChargeAndAdd(3);
                s.ChargeAndAdd(3);
              }),
              Contains(Says("counts_sane",
                            "says nr_items 1 under its lock, but 2 items")));
}

TEST(CountsOracleTest, NegativeAtRest) {
  EXPECT_THAT(RunScenario([] {
                Scenario s;
                s.Charge(3);  // so that there are lists
                s.Quiet();
                s.ListOf(s.memcg(3))->nr_items = -1;
                s.CheckTotals();
              }),
              Contains(Says("counts_sane", "has nr_items -1")));
}

TEST(CountsOracleTest, HugeCountRead) {
  EXPECT_THAT(RunScenario([] {
                Scenario s;
                s.Charge(3);
                s.ListOf(s.memcg(3))->nr_items = 1L << 40;
                lru::shrink_control sc{.nid = 0, .memcg = s.memcg(3)};
                lru::list_lru_shrink_count(s.world().lru(0), &sc);
              }),
              Contains(Says("counts_sane", "there never were so many")));
}

// 41d17431df4a: a negative count is a huge one to the caller.
TEST(CountsOracleTest, NegativeCountReturned) {
  static lru::list_lru_ops ops = lru::node_lock_ops();
  ops.list_lru_count_one = [](lru::list_lru*, int, lru::mem_cgroup*) {
    return static_cast<unsigned long>(-3L);
  };
  EXPECT_THAT(RunScenario([] {
                Scenario s(CleanParts(ops));
                lru::shrink_slab(0, nullptr, 12);
              }),
              Contains(Says("counts_sane", "there never were so many")));
}

// What a count_node may return where eight items are: four actors,
// the rest of the world and callbacks may each have one in flight.
TEST(CountsOracleTest, CountNodeOfItemsThatWereNeverThere) {
  static long lie = 0;
  auto count_eight = [](long difference) {
    lie = difference;
    return RunScenario([] {
      static lru::list_lru_ops ops = lru::node_lock_ops();
      ops.list_lru_count_node = [](lru::list_lru* lru, int nid) {
        return lru::node_lock_ops().list_lru_count_node(lru, nid) +
               static_cast<unsigned long>(lie);
      };
      Scenario s(CleanParts(ops));
      for (int i = 0; i < 8; i++) s.ChargeAndAdd(3);
      s.world().lru_ops().list_lru_count_node(s.world().lru(0), 0);
    });
  };
  EXPECT_THAT(count_eight(6), IsEmpty());
  EXPECT_THAT(count_eight(-6), IsEmpty());
  EXPECT_THAT(count_eight(7),
              Contains(Says("counts_sane",
                            "returned 15 items, but at no moment "
                            "of the call were fewer than 2 or "
                            "more than 14")));
  EXPECT_THAT(count_eight(-7),
              Contains(Says("counts_sane", "returned 1 items")));
}

// What comes and goes during the call may be in the count, or not.
TEST(CountsOracleTest, CountNodeWhileItemsComeAndGo) {
  for (const lru::list_lru_ops* clean : CleanLrus()) {
    EXPECT_THAT(
        RunScenario([clean] {
          static Scenario* scenario = nullptr;
          static const lru::list_lru_ops* real = clean;
          static lru::list_lru_ops ops = *clean;
          ops.list_lru_count_node = [](lru::list_lru* lru, int nid) {
            auto before = real->list_lru_count_node(lru, nid);
            Object* added[10];
            for (Object*& object : added) {
              object = scenario->ChargeAndAdd(0);
            }
            auto after = real->list_lru_count_node(lru, nid);
            for (Object* object : added) scenario->Del(object);
            return before ? before : after;
          };
          Scenario s(CleanParts(ops));
          scenario = &s;
          const lru::list_lru_ops& watched = s.world().lru_ops();
          EXPECT_EQ(watched.list_lru_count_node(s.world().lru(0), 0), 10u);
          s.ChargeAndAdd(2);
          EXPECT_EQ(watched.list_lru_count_node(s.world().lru(0), 0), 1u);
          s.Destroy(1);  // what moves between lists is still there
          EXPECT_EQ(watched.list_lru_count_node(s.world().lru(0), 0), 1u);
        }),
        IsEmpty())
        << clean->name;
  }
}

// Whatever the oracle has counted for another lru at the same index.
TEST(CountsOracleTest, AnLruThatComesHasNoItems) {
  EXPECT_THAT(RunScenario([] {
                Scenario s;
                uint32_t lru = s.world().ReserveLru();
                EXPECT_TRUE(s.world().CreateLru(lru, true));
                Object* object = s.Charge(3, 0, lru);
                s.Feed(lru::FP_item_linked,
                       {.memcg = s.memcg(3),
                        .lru = s.world().lru(lru),
                        .item = &object->lru,
                        .list = s.ListOf(s.memcg(3), 0, lru),
                        .owner = s.memcg(3),
                        .nid = 0});
                EndLru(s, lru);
                EXPECT_TRUE(s.world().CreateLru(lru, true));
                s.ChargeAndAdd(3, 0, lru);
                EndLru(s, lru);
                s.Finish();
              }),
              Not(Contains(Says("counts_sane", ""))));
}

// (N3): taken off the wrong list's count for a moment; no finding.
TEST(CountsOracleTest, NegativeBetweenTwoStagesIsLegal) {
  EXPECT_THAT(RunScenario([] {
                Scenario s;
                s.Charge(3);
                s.ListOf(s.memcg(3))->nr_items = -1;
                lru::shrink_control sc{.nid = 0, .memcg = s.memcg(3)};
                EXPECT_EQ(lru::list_lru_shrink_count(s.world().lru(0), &sc),
                          0u);
              }),
              IsEmpty());
}

}  // namespace
}  // namespace workloads
