// items_conserved and item_state, with one mistake at a time.
#include "workloads/oracle_testing.h"

namespace workloads {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::IsEmpty;

TEST(ItemsOracleTest, AddAndDelByTheContractAreSilent) {
  EXPECT_THAT(RunScenario([] {
                Scenario s;
                Object* object = s.ChargeAndAdd(3);
                EXPECT_FALSE(s.Add(object));
                EXPECT_TRUE(s.Del(object));
                EXPECT_FALSE(s.Del(object));
                s.ChargeAndAdd(0, 1, 1);
                s.Finish();
              }),
              IsEmpty());
}

// --- item_state
// ----------------------------------------------------------------

// Does not ask whether the item is on a list already.
bool AddTwice(lru::list_lru* lru, lru::list_head* item, int nid,
              lru::mem_cgroup* memcg) {
  if (lru::list_empty(item)) {
    return lru::node_lock_ops().list_lru_add(lru, item, nid, memcg);
  }
  lru::list_lru_node* nlru = &lru->node[nid];
  lru::spin_guard guard(&nlru->lock);
  auto* l = lru::list_lru_from_memcg_idx(lru, nid, lru::memcg_kmem_id(memcg));
  lru::list_move_tail(item, &l->list);
  lru::nr_add(l->nr_items, 1);
  lru::nr_add(nlru->nr_items, 1);
  LRU_POINT(item_linked, .memcg = memcg, .lru = lru, .item = item, .list = l,
            .owner = l->owner, .nid = nid, .lock = &nlru->lock);
  return true;
}

TEST(ItemsOracleTest, ItemLinkedTwice) {
  static lru::list_lru_ops ops = lru::node_lock_ops();
  ops.list_lru_add = AddTwice;
  Findings findings = RunScenario([] {
    Scenario s(CleanParts(ops));
    Object* object = s.ChargeAndAdd(3);
    EXPECT_EQ(harness::recorder()->nr_findings.load(), 0u);
    EXPECT_TRUE(s.Add(object));
    s.CheckTotals();
  });
  EXPECT_THAT(findings,
              Contains(Says("item_state", "while it was still on a list")));
  EXPECT_THAT(findings,
              Contains(SaysWhat("item_state", "added while on a list")));
  EXPECT_THAT(findings, Contains(Says("items_conserved",
                                      "has 1 items, but "
                                      "nr_items says 2")));
}

TEST(ItemsOracleTest, ItemTakenOffTwice) {
  EXPECT_THAT(
      RunScenario([] {
        Scenario s;
        Object* object = s.ChargeAndAdd(3);
        s.Del(object);
        s.Feed(lru::FP_item_unlinked, {.memcg = s.memcg(3),
                                       .lru = s.world().lru(0),
                                       .item = &object->lru,
                                       .nid = 0});
      }),
      AllOf(Contains(Says("item_state", "but it was on none")),
            Contains(SaysWhat("item_state", "taken off while on none"))));
}

TEST(ItemsOracleTest, NeighboursThatDoNotPointBack) {
  EXPECT_THAT(RunScenario([] {
                Scenario s;
                Object* object = s.Charge(3);
                lru::list_head elsewhere;
                object->lru.next = &elsewhere;  // whose prev is another
                s.Feed(lru::FP_item_linked, {.memcg = s.memcg(3),
                                             .lru = s.world().lru(0),
                                             .item = &object->lru,
                                             .list = s.ListOf(s.memcg(3)),
                                             .owner = s.memcg(3),
                                             .nid = 0});
              }),
              AllOf(Contains(Says("item_state", "do not point back at it")),
                    Contains(SaysWhat("item_state", "neighbours"))));
}

// A list of two whose head has the newer one next.
bool AddAtHead(lru::list_lru* lru, lru::list_head* item, int nid,
               lru::mem_cgroup* memcg) {
  lru::list_lru_node* nlru = &lru->node[nid];
  lru::spin_guard guard(&nlru->lock);
  auto* l = lru::list_lru_from_memcg_idx(lru, nid, lru::memcg_kmem_id(memcg));
  lru::list_add(item, &l->list);
  lru::nr_add(l->nr_items, 1);
  lru::nr_add(nlru->nr_items, 1);
  LRU_POINT(item_linked, .memcg = memcg, .lru = lru, .item = item, .list = l,
            .owner = l->owner, .nid = nid, .lock = &nlru->lock);
  return true;
}

TEST(ItemsOracleTest, ItemAddedAtTheHead) {
  static lru::list_lru_ops ops = lru::node_lock_ops();
  ops.list_lru_add = AddAtHead;
  Findings findings = RunScenario([] {
    Scenario s(CleanParts(ops));
    s.ChargeAndAdd(3);
    EXPECT_EQ(harness::recorder()->nr_findings.load(), 0u);
    s.ChargeAndAdd(3);
  });
  EXPECT_THAT(findings, Contains(Says("item_state", "but not at its tail")));
  EXPECT_THAT(findings, Contains(SaysWhat("item_state", "not at the tail")));
}

// What the adder and the deleter say about results that lie.
Findings RunActorsWith(const WorkloadOps& ops) {
  return RunScenario([&] {
    World::Parts parts = CleanParts();
    parts.ops = &ops;
    Scenario s(parts);
    s.Step(50, "adder");
    s.Step(50, "deleter");
  });
}

TEST(ItemsOracleTest, ResultOfAddLies) {
  WorkloadOps ops = CleanWorkloadOps();
  ops.add = [](lru::list_lru* lru, Object* object) {
    return !CleanWorkloadOps().add(lru, object);
  };
  Findings findings = RunActorsWith(ops);
  EXPECT_THAT(findings, Contains(Says("item_state",
                                      "returned false, but the item was "
                                      "linked 1 times")));
  EXPECT_THAT(findings, Contains(Says("item_state",
                                      "returned true, but the item was "
                                      "linked 0 times")));
  EXPECT_THAT(findings, Contains(SaysWhat("item_state", "add,result")));
}

TEST(ItemsOracleTest, ResultOfDelLies) {
  WorkloadOps ops = CleanWorkloadOps();
  ops.del_obj = [](lru::list_lru* lru, Object* object) {
    CleanWorkloadOps().del_obj(lru, object);
    return true;
  };
  EXPECT_THAT(RunActorsWith(ops),
              AllOf(Contains(Says("item_state", "list_lru_del of object")),
                    Contains(SaysWhat("item_state", "del,result"))));
}

// Result and list agree, but the contract wanted the item on a list (1).
TEST(ItemsOracleTest, AddThatDoesNothing) {
  static lru::list_lru_ops ops = lru::node_lock_ops();
  ops.list_lru_add = [](lru::list_lru* lru, lru::list_head* item, int nid,
                        lru::mem_cgroup* memcg) {
    lru::spin_guard guard(&lru->node[nid].lock);
    LRU_POINT(list_locked, .memcg = memcg, .lru = lru, .item = item,
              .nid = nid);
    return false;
  };
  Findings findings = RunScenario([] {
    Scenario s(CleanParts(ops));
    s.Step(50, "adder");
  });
  EXPECT_THAT(findings, Contains(Says("item_state",
                                      "returned false, but the item was "
                                      "not on a list when its lock")));
  EXPECT_THAT(findings, Contains(SaysWhat("item_state", "add,state")));
}

TEST(ItemsOracleTest, DelThatDoesNothing) {
  static lru::list_lru_ops ops = lru::node_lock_ops();
  ops.list_lru_del = [](lru::list_lru* lru, lru::list_head* item, int nid,
                        lru::mem_cgroup* memcg) {
    lru::spin_guard guard(&lru->node[nid].lock);
    LRU_POINT(list_locked, .memcg = memcg, .lru = lru, .item = item,
              .nid = nid);
    return false;
  };
  Findings findings = RunScenario([] {
    Scenario s(CleanParts(ops));
    s.Step(100, "deleter");
  });
  EXPECT_THAT(findings, Contains(Says("item_state",
                                      "returned false, but the item was on "
                                      "a list when its lock")));
  EXPECT_THAT(findings, Contains(SaysWhat("item_state", "del,state")));
}

// --- items_conserved
// -----------------------------------------------------------

// One object on a list of memcg 3, something done to it by hand, totals.
Findings TotalsAfter(void (*damage)(Scenario& s, Object* object)) {
  return RunScenario([&] {
    Scenario s;
    s.ChargeAndAdd(3);
    Object* object = s.ChargeAndAdd(3);
    s.Quiet();
    damage(s, object);
    s.CheckTotals();
  });
}

TEST(ItemsOracleTest, NothingDoneNothingSaid) {
  EXPECT_THAT(TotalsAfter([](Scenario&, Object*) {}), IsEmpty());
}

TEST(ItemsOracleTest, ItemLost) {
  Findings findings = TotalsAfter(
      [](Scenario&, Object* object) { lru::list_del_init(&object->lru); });
  EXPECT_THAT(findings, Contains(Says("items_conserved",
                                      "has 1 items, but nr_items says 2")));
  EXPECT_THAT(findings,
              Contains(Says("items_conserved",
                            "at rest 2 objects were added and not taken off "
                            "again, but 1 are to be found")));
}

// The counts agree: the sum over all objects alone tells.
TEST(ItemsOracleTest, ItemLostAndTheCountsWithIt) {
  Findings findings = TotalsAfter([](Scenario& s, Object* object) {
    lru::list_del_init(&object->lru);
    lru::nr_add(s.ListOf(s.memcg(3))->nr_items, -1);
    lru::nr_add(s.world().lru(0)->node[0].nr_items, -1);
  });
  EXPECT_THAT(findings, Contains(Says("items_conserved", "but 1 are to be")));
  EXPECT_THAT(findings,
              testing::Not(Contains(Says("items_conserved", "nr_items says"))));
}

TEST(ItemsOracleTest, ItemThatWasSeenLeavingIsStillThere) {
  EXPECT_THAT(
      TotalsAfter([](Scenario&, Object* object) { object->linked = 0; }),
      Contains(Says("items_conserved", "but was last seen leaving")));
}

TEST(ItemsOracleTest, NodeCountsOneItemMore) {
  EXPECT_THAT(TotalsAfter([](Scenario& s, Object*) {
                lru::nr_add(s.world().lru(0)->node[0].nr_items, 1);
              }),
              Contains(Says("items_conserved",
                            "have 2 items together, but the node's nr_items "
                            "says 3")));
}

TEST(ItemsOracleTest, DelForgetsTheListsCount) {
  static lru::list_lru_ops ops = lru::node_lock_ops();
  ops.list_lru_del = [](lru::list_lru* lru, lru::list_head* item, int nid,
                        lru::mem_cgroup* memcg) {
    bool done = lru::node_lock_ops().list_lru_del(lru, item, nid, memcg);
    lru::rcu_guard guard;
    auto* l = lru::list_lru_from_memcg_idx(lru, nid, lru::memcg_kmem_id(memcg));
    if (done) lru::nr_add(l->nr_items, 1);
    return done;
  };
  EXPECT_THAT(
      RunScenario([] {
        Scenario s(CleanParts(ops));
        EXPECT_TRUE(s.Del(s.ChargeAndAdd(3)));
        s.Quiet();
        s.CheckTotals();
      }),
      Contains(Says("items_conserved", "has 0 items, but nr_items says 1")));
}

// The walk is bounded, whether or not the loop comes by the head.
TEST(ItemsOracleTest, ListThatNeverComesBackToItsHead) {
  Findings findings = TotalsAfter(
      [](Scenario&, Object* object) { object->lru.next = &object->lru; });
  EXPECT_THAT(findings, Contains(Says("items_conserved",
                                      "has 3 items, but nr_items says 2")));
}

}  // namespace
}  // namespace workloads
