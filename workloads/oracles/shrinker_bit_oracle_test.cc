// shrinker_bit, with one mistake at a time.
#include "workloads/oracle_testing.h"

namespace workloads {
namespace {

using lru::list_lru_one;
using lru::mem_cgroup;
using testing::Contains;
using testing::IsEmpty;

constexpr const char* kBit = "shrinker_bit";

World::Parts WithRescan(unsigned long (*rescan)(lru::shrink_control*,
                                                lru::shrinker*, int)) {
  static lru::teardown_steps steps;
  steps = lru::clean_teardown_steps();
  steps.shrink_rescan = rescan;
  World::Parts parts = CleanParts();
  parts.steps = &steps;
  return parts;
}

bool BitIsSet(Scenario& s, mem_cgroup* memcg) {
  return lru::shrinker_bit_is_set(memcg, 0, s.world().lru(0)->shrinker_id);
}

void ClearBits(mem_cgroup* memcg) {
  memcg->shrinker_info[0].load()->unit[0]->map = 0;
}

// A stale bit: set by an item that has gone.
void LeaveBit(Scenario& s, uint32_t memcg) { s.Del(s.ChargeAndAdd(memcg)); }

TEST(ShrinkerBitOracleTest, CleanOneIsSilent) {
  EXPECT_THAT(RunScenario([] {
                Scenario s;
                s.Step(400);
                s.Finish();
              }),
              IsEmpty());
}

// --- the first item
// -------------------------------------------------------------------

struct SetsOnPassed : lru::node_lock_steps {
  static mem_cgroup* shrinker_bit_owner(const list_lru_one*,
                                        mem_cgroup* memcg) {
    return memcg;
  }
};
struct SetsNothing : lru::node_lock_steps {
  static mem_cgroup* shrinker_bit_owner(const list_lru_one*, mem_cgroup*) {
    return nullptr;
  }
};

// Memcg 3 is gone, and somebody still adds with it: memcg 2 owns the list.
Findings LateAdd(const lru::list_lru_ops& ops) {
  return RunScenario([&] {
    Scenario s(CleanParts(ops));
    s.Charge(3);
    Object* object = s.Charge(2);
    mem_cgroup* memcg = s.world().GetMemcg(3);
    s.Destroy(3);
    s.world().lru_ops().list_lru_add(s.world().lru(0), &object->lru, 0, memcg);
  });
}

TEST(ShrinkerBitOracleTest, BitOfTheMemcgPassedIn) {
  static constexpr lru::list_lru_ops kOps =
      lru::make_node_lock_ops<SetsOnPassed>("node-lock", "");
  EXPECT_THAT(LateAdd(kOps),
              Contains(Says(kBit, "which does not own the list")));
  EXPECT_THAT(LateAdd(lru::node_lock_ops()), IsEmpty());
}

TEST(ShrinkerBitOracleTest, NoBitAtAll) {
  static constexpr lru::list_lru_ops kOps =
      lru::make_node_lock_ops<SetsNothing>("node-lock", "");
  EXPECT_THAT(RunScenario([] {
                Scenario s(CleanParts(kOps));
                s.ChargeAndAdd(3);
              }),
              Contains(Says(kBit, "an add gave the first item to memcg")));
}

TEST(ShrinkerBitOracleTest, AnAddSetsTheBitBeforeTheCount) {
  EXPECT_THAT(RunScenario([] {
                Scenario s;
                Object* object = s.Charge(3);
                list_lru_one* list = s.ListOf(s.memcg(3));
                lru::fault_site site{.memcg = s.memcg(3),
                                     .lru = s.world().lru(0),
                                     .item = &object->lru,
                                     .list = list,
                                     .owner = s.memcg(3),
                                     .nid = 0,
                                     .lock = &s.world().lru(0)->node[0].lock};
                s.Feed(lru::FP_item_linked, site);
                lru::set_shrinker_bit(s.memcg(3), 0,
                                      s.world().lru(0)->shrinker_id);
                list->nr_items = 1;
                s.Feed(lru::FP_count_changed, site);
              }),
              Contains(Says(kBit, "was set before they were counted")));
}

// (N3): the splice that follows sets it.
TEST(ShrinkerBitOracleTest, FromMinusOneToNothingOwesNoBit) {
  static constexpr lru::list_lru_ops kOps =
      lru::make_node_lock_ops<SetsNothing>("node-lock", "");
  EXPECT_THAT(RunScenario([] {
                Scenario s(CleanParts(kOps));
                Object* object = s.Charge(3);
                s.ListOf(s.memcg(3))->nr_items = -1;
                s.Add(object);
              }),
              IsEmpty());
}

// --- reparent
// -------------------------------------------------------------------

void FeedSplice(Scenario& s, uint32_t child, mem_cgroup* parent,
                bool bit_first = false) {
  lru::fault_site site{.memcg = s.memcg(child),
                       .lru = s.world().lru(0),
                       .list = s.ListOf(s.memcg(child)),
                       .nid = 0,
                       .lock = &s.world().lru(0)->node[0].lock,
                       .dst = s.ListOf(parent),
                       .parent = parent};
  s.Feed(lru::FP_src_locked, site);
  list_lru_one* src = s.ListOf(s.memcg(child));
  if (bit_first) {
    lru::set_shrinker_bit(parent, 0, s.world().lru(0)->shrinker_id);
  }
  lru::list_splice_init(&src->list, &s.ListOf(parent)->list);
  lru::nr_add(s.ListOf(parent)->nr_items, src->nr_items);
  src->nr_items = 0;
  s.Feed(lru::FP_node_spliced, site);
}

TEST(ShrinkerBitOracleTest, ReparentSetsNoBit) {
  EXPECT_THAT(RunScenario([] {
                Scenario s;
                s.Charge(2);
                s.ChargeAndAdd(3);
                FeedSplice(s, 3, s.memcg(2));
              }),
              Contains(Says(kBit, "a reparent gave items to memcg")));
}

TEST(ShrinkerBitOracleTest, ReparentSetsTheBitBeforeTheCount) {
  EXPECT_THAT(RunScenario([] {
                Scenario s;
                s.Charge(2);
                s.ChargeAndAdd(3);
                FeedSplice(s, 3, s.memcg(2), /*bit_first=*/true);
              }),
              Contains(Says(kBit, "was set before they were counted")));
}

// What comes fills up what was missing: nothing is there that could be missed.
TEST(ShrinkerBitOracleTest, ReparentThatMendsTheCountOwesNothingEarlier) {
  EXPECT_THAT(Of(kBit, RunScenario([] {
                   Scenario s;
                   s.Charge(2);
                   s.Charge(3);
                   s.ListOf(s.memcg(2))->nr_items = -1;
                   s.ListOf(s.memcg(3))->nr_items = 1;
                   FeedSplice(s, 3, s.memcg(2), /*bit_first=*/true);
                 })),
              IsEmpty());
}

// Also one that is empty, but not by its count (8199be001a47).
TEST(ShrinkerBitOracleTest, ReparentOfACountAloneOwesTheBit) {
  EXPECT_THAT(RunScenario([] {
                Scenario s;
                s.Charge(2);
                s.Charge(3);
                s.ListOf(s.memcg(3))->nr_items = 1;
                FeedSplice(s, 3, s.memcg(2));
              }),
              Contains(Says(kBit, "a reparent gave items to memcg")));
}

TEST(ShrinkerBitOracleTest, BitInAnotherPartOfTheMap) {
  for (bool own : {true, false}) {
    Findings findings = RunScenario([own] {
      Scenario s;
      lru::mem_cgroup* memcg = s.memcg(3);
      const void* unit = memcg->shrinker_info[0].load()->unit[0];
      s.Feed(lru::FP_shrinker_bit_set,
             {.memcg = memcg, .nid = 0, .nr = 1, .memory = own ? unit : &s});
    });
    if (own) {
      EXPECT_THAT(findings, IsEmpty());
    } else {
      EXPECT_THAT(findings, Contains(Says(kBit, "other shrinkers' bits")));
    }
  }
}

TEST(ShrinkerBitOracleTest, NothingIsOwedToTheRootOrByAnEmptyList) {
  // Fed, with no lock held.
  EXPECT_THAT(Of(kBit, RunScenario([] {
                   Scenario s;
                   s.ChargeAndAdd(0);
                   FeedSplice(s, 0, lru::root_mem_cgroup);
                   s.Charge(3);
                   FeedSplice(s, 3, s.memcg(2));
                 })),
              IsEmpty());
}

// --- clear, ask again, restore
// -------------------------------------------------------------------

TEST(ShrinkerBitOracleTest, BitOfAnEmptyListIsClearedInSilence) {
  EXPECT_THAT(RunScenario([] {
                Scenario s;
                LeaveBit(s, 3);
                EXPECT_TRUE(BitIsSet(s, s.memcg(3)));
                lru::shrink_slab(0, s.memcg(3), 0);
                EXPECT_FALSE(BitIsSet(s, s.memcg(3)));
              }),
              IsEmpty());
}

TEST(ShrinkerBitOracleTest, NotAskedAgain) {
  EXPECT_THAT(RunScenario([] {
                Scenario s(WithRescan([](lru::shrink_control*, lru::shrinker*,
                                         int) { return 0ul; }));
                LeaveBit(s, 3);
                lru::shrink_slab(0, s.memcg(3), 0);
              }),
              Contains(Says(kBit, "and the shrinker not asked again")));
}

TEST(ShrinkerBitOracleTest, SecondRunLeftOutWithItsPoint) {
  EXPECT_THAT(RunScenario([] {
                Scenario s;
                lru::fault_site site{.memcg = s.memcg(3), .nid = 0, .nr = 0};
                s.Feed(lru::FP_shrink_counted_empty, site);
                s.Feed(lru::FP_shrinker_bit_cleared, site);
                s.Feed(lru::FP_shrinker_looked_up, site);
              }),
              Contains(Says(kBit, "and the shrinker not asked again")));
}

TEST(ShrinkerBitOracleTest, ItemsFoundButBitNotRestored) {
  static list_lru_one* list;
  EXPECT_THAT(RunScenario([] {
                Scenario s(WithRescan(
                    [](lru::shrink_control* sc, lru::shrinker* shrinker, int) {
                      list->nr_items = 1;
                      shrinker->count_objects(shrinker, sc);
                      return 0ul;
                    }));
                LeaveBit(s, 3);
                list = s.ListOf(s.memcg(3));
                lru::shrink_slab(0, s.memcg(3), 0);
              }),
              Contains(Says(kBit, "but the bit was not set again")));
}

TEST(ShrinkerBitOracleTest, ClearedThoughNotEmpty) {
  EXPECT_THAT(RunScenario([] {
                Scenario s;
                s.Feed(lru::FP_shrinker_bit_cleared,
                       {.memcg = s.memcg(3), .nid = 0, .nr = 0});
              }),
              Contains(Says(kBit, "had not said that there is nothing")));
}

// --- at rest
// -------------------------------------------------------------------

TEST(ShrinkerBitOracleTest, BitLostAtRest) {
  EXPECT_THAT(RunScenario([] {
                Scenario s;
                s.ChargeAndAdd(3);
                ClearBits(s.memcg(3));
                s.Quiet();
                s.CheckTotals();
              }),
              Contains(Says(kBit, "at rest list")));
}

// Told apart: the add that set another's bit was seen (79a031583ca5).
TEST(ShrinkerBitOracleTest, BitLostAtRestSinceAnothersWasSet) {
  auto lose = [](bool misset) {
    return RunScenario([misset] {
      Scenario s;
      Object* object = s.ChargeAndAdd(3);
      lru::list_lru_one* list = s.ListOf(s.memcg(3));
      list->nr_items = 0;
      lru::fault_site site = {.memcg = s.memcg(3),
                              .lru = s.world().lru(0),
                              .item = &object->lru,
                              .list = list,
                              .owner = s.memcg(3),
                              .nid = 0};
      if (misset) {
        s.Feed(lru::FP_item_linked, site);
        s.Feed(lru::FP_shrinker_bit_set, {.memcg = s.memcg(2),
                                          .nid = 0,
                                          .nr = s.world().lru(0)->shrinker_id});
        s.Feed(lru::FP_count_changed, site);
      }
      list->nr_items = 1;
      ClearBits(s.memcg(3));
      s.Quiet();
      s.CheckTotals();
    });
  };
  EXPECT_THAT(lose(false), Contains(SaysWhat(kBit, "at rest")));
  Findings misset = lose(true);
  EXPECT_THAT(misset, Contains(SaysWhat(kBit, "another's bit")));
  EXPECT_THAT(misset, Contains(SaysWhat(kBit, "at rest, another's bit")));
}

TEST(ShrinkerBitOracleTest, WithoutItsShrinkerTheBitMayBeClear) {
  EXPECT_THAT(RunScenario([] {
                Scenario s;
                s.ChargeAndAdd(3);
                ClearBits(s.memcg(3));
                s.world().FreeShrinker(0);
                s.Quiet();
                s.CheckTotals();
              }),
              IsEmpty());
}

// A shrinker that reclaim does not come by, here because it is off its list.
TEST(ShrinkerBitOracleTest, AShrinkerLeftOutAtRest) {
  EXPECT_THAT(RunScenario([] {
                Scenario s;
                s.ChargeAndAdd(3);
                lru::list_del_init(&s.world().shrinker(0)->list);
                s.Quiet();
                s.CheckTotals();
              }),
              testing::ElementsAre(Says(kBit, "left out shrinker"),
                                   Says(kBit, "left out shrinker")));
}

// Those whose bits are there are gone by then.
TEST(ShrinkerBitOracleTest, ThePartOfTheMapThatHasGrownLeftOut) {
  auto rest = [](bool looked_at) {
    return RunScenario([looked_at] {
      World::Parts parts = CleanParts();
      lru::teardown_steps steps = lru::clean_teardown_steps();
      steps.shrinker_map_size = [](const lru::shrinker_info* info) {
        return std::min(info->map_nr_max, lru::kShrinkerUnitBits);
      };
      if (!looked_at) parts.steps = &steps;
      Scenario s(parts, ChainConfig(1));
      std::vector<lru::shrinker*> many;
      for (int i = 0; i < lru::kShrinkerUnitBits; i++) {
        many.push_back(lru::shrinker_alloc(/*memcg_aware=*/true));
      }
      for (lru::shrinker* shrinker : many) lru::shrinker_free(shrinker);
      s.Quiet();
      s.CheckTotals();
      if (looked_at) s.TearDown();
    });
  };
  EXPECT_THAT(rest(true), IsEmpty());
  EXPECT_THAT(rest(false),
              testing::ElementsAre(Says(kBit, "left out shrinker 64"),
                                   Says(kBit, "left out shrinker 64")));
}

TEST(ShrinkerBitOracleTest, ABitThatReclaimLeavesSetAtRest) {
  EXPECT_THAT(
      RunScenario([] {
        Scenario s(WithRescan(
            [](lru::shrink_control* sc, lru::shrinker* shrinker, int priority) {
              lru::set_shrinker_bit(sc->memcg, sc->nid, shrinker->id);
              return lru::shrink_rescan(sc, shrinker, priority);
            }));
        LeaveBit(s, 2);
        s.Quiet();
        s.CheckTotals();
      }),
      Contains(Says(kBit, "its bit is still set")));
}

TEST(ShrinkerBitOracleTest, AShrinkerWithoutAnIdAtRest) {
  EXPECT_THAT(RunScenario([] {
                Scenario s;
                lru::shrinker* shrinker = s.world().shrinker(1);
                int id = std::exchange(shrinker->id, -1);
                s.CheckTotals();
                shrinker->id = id;
              }),
              Contains(Says(kBit, "no bit leads to the shrinker of lru 2")));
  // Of one that goes earlier, while it is still registered.
  EXPECT_THAT(RunScenario([] {
                Scenario s;
                lru::shrinker_publish(s.world().shrinker(0), nullptr);
                s.world().FreeShrinker(0);
              }),
              Contains(Says(kBit, "but no bit leads to it")));
}

// Being asked at rest takes no item away.
TEST(ShrinkerBitOracleTest, AskingAtRestTakesNothingAway) {
  EXPECT_THAT(RunScenario([] {
                Scenario s;
                s.ChargeAndAdd(3);
                LeaveBit(s, 2);
                s.Quiet();
                s.CheckTotals();
                EXPECT_TRUE(BitIsSet(s, s.memcg(3)));
                EXPECT_FALSE(BitIsSet(s, s.memcg(2)));  // its list is empty
                EXPECT_EQ(s.ListOf(s.memcg(3))->nr_items.load(), 1);
                s.TearDown();
              }),
              IsEmpty());
}

}  // namespace
}  // namespace workloads
