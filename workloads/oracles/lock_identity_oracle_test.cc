// lock_identity, with one mistake at a time.
#include "workloads/oracle_testing.h"

namespace workloads {
namespace {

using testing::Contains;
using testing::IsEmpty;
using testing::Not;

constexpr const char* kIdentity = "lock_identity";

lru::lru_status TakeAll(lru::list_head* item, lru::list_lru_one* list,
                        lru::spinlock_t*, void*) {
  lru::current_lru_ops().list_lru_isolate(list, item);
  return lru::LRU_REMOVED;
}

unsigned long WalkAll(Scenario& s, lru::mem_cgroup* memcg) {
  unsigned long nr_to_walk = 100;
  return s.world().lru_ops().list_lru_walk_one(s.world().lru(0), 0, memcg,
                                               TakeAll, nullptr, &nr_to_walk);
}

// Spliced once, twice, four times: each object still knows where it is.
TEST(LockIdentityOracleTest, ItemsThatWereReparentedAreSilent) {
  EXPECT_THAT(RunScenario([] {
                Scenario s;
                std::vector<Object*> objects;
                for (int i = 0; i < 8; i++) {
                  objects.push_back(s.ChargeAndAdd(3 - i % 4, i % 2, i / 4));
                }
                s.Destroy(3);
                EXPECT_TRUE(s.Del(objects[0]));
                s.Destroy(1);
                EXPECT_TRUE(s.Add(objects[0]));
                EXPECT_TRUE(s.Del(objects[1]));
                s.Destroy(0);
                EXPECT_EQ(WalkAll(s, nullptr), 2u);
                for (Object* object : objects) s.Del(object);
                s.Finish();
              }),
              IsEmpty());
}

// (N3) A del while the objcgs or the ids name the parent, and the item is on
// the child's list: done by the task that reparents, at that very point.
void DelIn(lru::fault_point at) {
  static Scenario* scenario;
  static Object* object;
  Scenario s;
  scenario = &s;
  object = s.ChargeAndAdd(3);
  s.ChargeAndAdd(3);
  harness::Observe(at, [](lru::fault_point, const lru::fault_site&) {
    if (!object) return;
    Object* item = object;
    object = nullptr;
    EXPECT_TRUE(scenario->Del(item));
  });
  s.Destroy(3);
  EXPECT_EQ(object, nullptr);
  s.Finish();
}
TEST(LockIdentityOracleTest, DelDuringReparentIsSilent) {
  for (lru::fault_point at :
       {lru::FP_objcgs_reparented, lru::FP_kmemcg_ids_changed}) {
    EXPECT_THAT(RunScenario([&] { DelIn(at); }), IsEmpty());
  }
}

// The other way round: one task looks the child up, another adds the item by
// its objcg, which names the parent by now, then the first one deletes it.
TEST(LockIdentityOracleTest, DelByAnOldLookupIsSilent) {
  static Scenario* scenario;
  static Object* object;
  static lru::mem_cgroup* memcg;
  EXPECT_THAT(RunScenario([] {
                Scenario s;
                scenario = &s;
                object = s.Charge(3);
                memcg = s.memcg(3);
                harness::Observe(
                    lru::FP_objcgs_reparented,
                    [](lru::fault_point, const lru::fault_site&) {
                      if (!memcg) return;
                      EXPECT_TRUE(scenario->Add(object));
                      EXPECT_TRUE(lru::current_lru_ops().list_lru_del(
                          scenario->world().lru(0), &object->lru, 0, memcg));
                      memcg = nullptr;
                    });
                s.Destroy(3);
                EXPECT_EQ(memcg, nullptr);
                s.Finish();
              }),
              IsEmpty());
}

TEST(LockIdentityOracleTest, DelWithAnotherNid) {
  static lru::list_lru_ops ops = lru::node_lock_ops();
  ops.list_lru_del = [](lru::list_lru* lru, lru::list_head* item, int nid,
                        lru::mem_cgroup* memcg) {
    return lru::node_lock_ops().list_lru_del(lru, item, 1 - nid, memcg);
  };
  Findings findings = RunScenario([] {
    Scenario s(CleanParts(ops));
    s.Del(s.ChargeAndAdd(3));
  });
  // Before and after the damage.
  EXPECT_THAT(findings, Contains(Says(kIdentity,
                                      "list_lru_del took another lock (lru 1, "
                                      "nid 1) than the one that guards")));
  EXPECT_THAT(findings, Contains(Says(kIdentity, "was taken off list")));
}

// The add is refused, but by a look under the wrong lock.
TEST(LockIdentityOracleTest, SecondAddWithAnotherNid) {
  static lru::list_lru_ops ops = lru::node_lock_ops();
  ops.list_lru_add = [](lru::list_lru* lru, lru::list_head* item, int nid,
                        lru::mem_cgroup* memcg) {
    return lru::node_lock_ops().list_lru_add(
        lru, item, list_empty(item) ? nid : 1 - nid, memcg);
  };
  EXPECT_THAT(RunScenario([] {
                Scenario s(CleanParts(ops));
                EXPECT_FALSE(s.Add(s.ChargeAndAdd(3)));
              }),
              Contains(Says(kIdentity, "list_lru_add took another lock")));
}

struct NoLock : lru::node_lock_steps {
  static void lock(lru::list_lru_node* nlru)
      ABSL_EXCLUSIVE_LOCK_FUNCTION(nlru->lock) ABSL_NO_THREAD_SAFETY_ANALYSIS {
    (void)nlru;
  }
  static void unlock(lru::list_lru_node* nlru)
      ABSL_UNLOCK_FUNCTION(nlru->lock) ABSL_NO_THREAD_SAFETY_ANALYSIS {
    (void)nlru;
  }
};

struct ReparentUnlocked : lru::node_lock_steps {
  static void lock_for_reparent(lru::list_lru_node* nlru)
      ABSL_EXCLUSIVE_LOCK_FUNCTION(nlru->lock) ABSL_NO_THREAD_SAFETY_ANALYSIS {
    (void)nlru;
    lru::detail::rcu_enter();
  }
  static void unlock_after_reparent(lru::list_lru_node* nlru)
      ABSL_UNLOCK_FUNCTION(nlru->lock) ABSL_NO_THREAD_SAFETY_ANALYSIS {
    (void)nlru;
    lru::detail::rcu_leave();
  }
};

TEST(LockIdentityOracleTest, AddAndDelWithoutALock) {
  static const lru::list_lru_ops kOps =
      lru::make_node_lock_ops<NoLock>("node-lock", "no lock");
  Findings findings = RunScenario([] {
    Scenario s(CleanParts(kOps));
    s.Del(s.ChargeAndAdd(3));
  });
  EXPECT_THAT(findings, Contains(Says(kIdentity, "was linked to list")));
  EXPECT_THAT(findings, Contains(Says(kIdentity, "took another lock")));
}

// The lock of the node, but the list of another memcg: what it counts on.
TEST(LockIdentityOracleTest, DelWithAnotherMemcg) {
  static lru::list_lru_ops ops = lru::node_lock_ops();
  ops.list_lru_del = [](lru::list_lru* lru, lru::list_head* item, int nid,
                        lru::mem_cgroup* memcg) {
    return lru::node_lock_ops().list_lru_del(lru, item, nid,
                                             lru::parent_mem_cgroup(memcg));
  };
  Findings findings = RunScenario([] {
    Scenario s(CleanParts(ops));
    s.Del(s.ChargeAndAdd(3));
  });
  EXPECT_THAT(findings, Contains(Says(kIdentity, "was taken off as one of")));
  EXPECT_THAT(findings, Not(Contains(Says(kIdentity, "another lock"))));
}

TEST(LockIdentityOracleTest, IsolateCountsOnAnotherList) {
  static lru::list_lru_ops ops = lru::node_lock_ops();
  static lru::list_lru_one* other;
  ops.list_lru_isolate = [](lru::list_lru_one*, lru::list_head* item) {
    lru::node_lock_ops().list_lru_isolate(other, item);
  };
  EXPECT_THAT(RunScenario([] {
                Scenario s(CleanParts(ops));
                s.ChargeAndAdd(3);
                other = s.ListOf(s.memcg(2));
                EXPECT_EQ(WalkAll(s, s.memcg(3)), 1u);
              }),
              Contains(Says(kIdentity, "was taken off as one of list")));
}

// A record that names node 1's lock for a list of node 0.
TEST(LockIdentityOracleTest, SplicedUnderAnotherNodesLock) {
  EXPECT_THAT(
      RunScenario([] {
        Scenario s;
        s.ChargeAndAdd(3);
        lru::list_lru* lru = s.world().lru(0);
        s.Feed(lru::FP_node_spliced, {.memcg = s.memcg(3),
                                      .lru = lru,
                                      .list = s.ListOf(s.memcg(3)),
                                      .nid = 0,
                                      .lock = &lru->node[1].lock,
                                      .dst = s.ListOf(s.memcg(2)),
                                      .parent = s.memcg(2)});
      }),
      Contains(Says(kIdentity,
                    "was spliced by a task that does not hold its lock")));
}

// Told before anything is moved, and before anybody can run into it.
TEST(LockIdentityOracleTest, ReparentWithoutALock) {
  static const lru::list_lru_ops kOps =
      lru::make_node_lock_ops<ReparentUnlocked>("node-lock", "no lock");
  Findings findings = RunScenario([] {
    Scenario s(CleanParts(kOps));
    s.ChargeAndAdd(3);
    s.Destroy(3);
  });
  ASSERT_FALSE(findings.empty());
  EXPECT_THAT(findings[0], Says(kIdentity, "is to be spliced by a task"));
  EXPECT_THAT(findings[0], SaysWhat(kIdentity, "splice"));
}

// The splice moves nothing, but the oracle believes it: the item is now held
// to be the parent's, and its own memcg's list the wrong one.
TEST(LockIdentityOracleTest, ItemsFollowTheSplice) {
  Findings findings = RunScenario([] {
    Scenario s;
    Object* object = s.ChargeAndAdd(3);
    lru::list_lru* lru = s.world().lru(0);
    s.Feed(lru::FP_node_spliced, {.memcg = s.memcg(3),
                                  .lru = lru,
                                  .list = s.ListOf(s.memcg(3)),
                                  .nid = 0,
                                  .lock = &lru->node[0].lock,
                                  .dst = s.ListOf(s.memcg(2)),
                                  .parent = s.memcg(2)});
    EXPECT_TRUE(s.Del(object));
  });
  EXPECT_THAT(findings, Contains(Says(kIdentity, "was taken off as one of")));
}

// While a memcg is reparented a del may count on either list (N3); on the one
// that has been drained it may not.
TEST(LockIdentityOracleTest, DelCountsOnADrainedList) {
  Findings findings = RunScenario([] {
    Scenario s;
    Object* object = s.ChargeAndAdd(3);
    lru::list_lru* lru = s.world().lru(0);
    s.Feed(lru::FP_objcg_unpublished,
           {.memcg = s.memcg(3), .parent = s.memcg(2)});
    s.Feed(lru::FP_node_spliced, {.memcg = s.memcg(3),
                                  .lru = lru,
                                  .list = s.ListOf(s.memcg(3)),
                                  .nid = 0,
                                  .lock = &lru->node[0].lock,
                                  .dst = s.ListOf(s.memcg(2)),
                                  .parent = s.memcg(2)});
    EXPECT_TRUE(s.Del(object));
  });
  EXPECT_THAT(findings, Contains(Says(kIdentity, "was taken off as one of")));
}

}  // namespace
}  // namespace workloads
