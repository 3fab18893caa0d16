// callback_lock_state, single_isolation and walk_contract: first the clean lru
// with every lru_status, then a walk written out here, with one flaw at a time.
#include "workloads/oracle_testing.h"

namespace workloads {
namespace {

using lru::lru_status;
using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Not;

constexpr const char* kLockState = "callback_lock_state";
constexpr const char* kSingle = "single_isolation";
constexpr const char* kContract = "walk_contract";

// --- a callback that says what it is told to

std::vector<lru_status> script;
size_t at = 0;

lru_status Scripted(lru::list_head* item, lru::list_lru_one* list,
                    lru::spinlock_t* lock,
                    void*) ABSL_NO_THREAD_SAFETY_ANALYSIS {
  lru_status status = at < script.size() ? script[at] : lru::LRU_SKIP;
  at++;
  if (status == lru::LRU_REMOVED || status == lru::LRU_REMOVED_RETRY) {
    lru::current_lru_ops().list_lru_isolate(list, item);
  }
  if (status == lru::LRU_RETRY || status == lru::LRU_REMOVED_RETRY) {
    lru::spin_unlock(lock);
    lru::spin_lock(lock);
  }
  return status;
}

constexpr lru_status kEvery[] = {
    lru::LRU_SKIP,    lru::LRU_ROTATE,        lru::LRU_RETRY,  lru::LRU_REMOVED,
    lru::LRU_SKIP,    lru::LRU_REMOVED_RETRY, lru::LRU_ROTATE, lru::LRU_ROTATE,
    lru::LRU_REMOVED, lru::LRU_RETRY,         lru::LRU_STOP};

enum class How { kOne, kNode, kShrink, kAll };

unsigned long WalkBy(Scenario& s, How how, unsigned long nr_to_walk,
                     lru::list_lru_walk_cb isolate = Scripted) {
  lru::list_lru* lru = s.world().lru(0);
  lru::shrink_control sc{
      .nid = 0, .memcg = s.memcg(3), .nr_to_scan = nr_to_walk};
  switch (how) {
    case How::kOne:
      return s.world().lru_ops().list_lru_walk_one(lru, 0, s.memcg(3), isolate,
                                                   nullptr, &nr_to_walk);
    case How::kNode:
      return s.world().lru_ops().list_lru_walk_node(lru, 0, isolate, nullptr,
                                                    &nr_to_walk);
    case How::kShrink:
      return lru::list_lru_shrink_walk(lru, &sc, isolate, nullptr);
    case How::kAll:
      return lru::list_lru_walk(lru, isolate, nullptr, nr_to_walk);
  }
  return 0;
}

Findings WalkWith(const World::Parts& parts, How how,
                  const std::vector<lru_status>& wanted,
                  unsigned long nr_to_walk = 20) {
  return RunScenario([&] {
    script = wanted;
    at = 0;
    Scenario s(parts);
    for (int i = 0; i < 5; i++) s.ChargeAndAdd(3);
    for (int i = 0; i < 3; i++) s.ChargeAndAdd(1);
    WalkBy(s, how, nr_to_walk);
    EXPECT_GT(at, 0u);
  });
}

// Every length of walk, so that each status is the last one once.
TEST(WalksOracleTest, EveryStatusInEveryWalkIsSilent) {
  EXPECT_THAT(
      RunScenario([] {
        script.assign(std::begin(kEvery), std::end(kEvery));
        Scenario s;
        std::vector<Object*> objects;
        for (int i = 0; i < 8; i++) {
          objects.push_back(s.Charge(i < 5 ? 3 : 1, i / 7));
        }
        for (How how : {How::kOne, How::kNode, How::kShrink, How::kAll}) {
          for (unsigned long nr = 0; nr <= script.size(); nr++) {
            for (Object* object : objects) s.Add(object);
            at = 0;
            WalkBy(s, how, nr);
            WalkBy(s, how, nr);
          }
        }
        s.Finish();
      }),
      IsEmpty());
}

// --- the clean lru with one step replaced

template <class Steps>
World::Parts WithSteps() {
  static const lru::list_lru_ops kOps =
      lru::make_node_lock_ops<Steps>("node-lock", "broken");
  World::Parts parts = CleanParts();
  parts.lru_ops = &kOps;
  return parts;
}

struct GoesOn : lru::node_lock_steps {
  static bool may_go_on_after_retry() { return true; }
};
TEST(WalksOracleTest, GoesOnAfterRetry) {
  for (How how : {How::kOne, How::kNode, How::kShrink, How::kAll}) {
    EXPECT_THAT(WalkWith(WithSteps<GoesOn>(), how, {lru::LRU_RETRY}),
                Contains(Says(kSingle, "went on in the middle of list")));
  }
  // The first item removed: the next one is the head, as it must be.
  EXPECT_THAT(WalkWith(WithSteps<GoesOn>(), How::kOne,
                       {lru::LRU_SKIP, lru::LRU_REMOVED_RETRY}),
              Contains(Says(kSingle, "after LRU_REMOVED_RETRY")));
}

struct FreeSkip : lru::node_lock_steps {
  static bool visit_is_free(lru_status status) {
    return status == lru::LRU_SKIP;
  }
};
TEST(WalksOracleTest, AStatusThatIsNotCounted) {
  Findings findings = WalkWith(WithSteps<FreeSkip>(), How::kNode,
                               {lru::LRU_REMOVED, lru::LRU_SKIP});
  EXPECT_THAT(findings, Contains(Says(kContract, "at callback 3 of")));
  EXPECT_THAT(findings, Contains(Says(kContract, "but left nr_to_walk at")));
}

// A control that is switched on later: until then the clean lru walks.
TEST(WalksOracleTest, WatchesTheLruThatIsCurrent) {
  EXPECT_THAT(RunScenario([] {
                Scenario s;
                const lru::list_lru_ops* broken =
                    Watched(WithSteps<GoesOn>().lru_ops);
                s.ChargeAndAdd(3);
                s.ChargeAndAdd(3);
                script = {lru::LRU_RETRY};
                at = 0;
                WalkBy(s, How::kOne, 5);
                EXPECT_EQ(harness::recorder()->nr_findings.load(), 0u);
                lru::set_lru_ops(broken);
                at = 0;
                WalkBy(s, How::kOne, 5);
              }),
              Contains(Says(kSingle, "went on in the middle of list")));
}

// --- a walk of its own, over one list

struct WalkFlaws {
  bool no_lock = false;
  bool keeps_lock = false;    // to the end, and beyond
  bool counts_late = false;   // down, after the callback
  bool one_too_many = false;  // callbacks
  bool from_tail = false;
  bool skips_one = false;
  bool leaves_early = false;
  bool rotates_skipped = false;
  bool leaves_rotated = false;
  bool ignores_stop = false;
  bool forgets_node_count = false;
  unsigned long result_off = 0;
};
WalkFlaws walk_flaws;

void Settle(lru::list_head* item, lru::list_lru_one* l, lru_status status,
            lru::list_lru_node* nlru) {
  bool removed = status == lru::LRU_REMOVED || status == lru::LRU_REMOVED_RETRY;
  if (removed && !walk_flaws.forgets_node_count) {
    long nr = lru::nr_add(nlru->nr_items, -1);
    LRU_POINT(count_changed, .lru = lru::serial_ref::of(l->lru_serial),
              .nid = 0, .nr = nr);
  }
  if (status == lru::LRU_ROTATE && !walk_flaws.leaves_rotated) {
    lru::list_move_tail(item, &l->list);
  }
  if (status == lru::LRU_SKIP && walk_flaws.rotates_skipped) {
    lru::list_move_tail(item, &l->list);
  }
}

lru::list_head* NextOf(lru::list_head* item, lru::list_lru_one* l) {
  bool jump = walk_flaws.skips_one && item->next->next != &l->list;
  return jump ? item->next->next : item->next;
}

unsigned long WalkList(lru::list_lru_one* l, lru::list_lru_node* nlru,
                       lru::list_lru_walk_cb isolate, void* cb_arg,
                       unsigned long* nr_to_walk)
    ABSL_NO_THREAD_SAFETY_ANALYSIS {
  unsigned long removed = 0;
  lru::list_head* next;
  lru::list_head* item = walk_flaws.from_tail ? l->list.prev : l->list.next;
  for (; item != &l->list; item = next) {
    if (walk_flaws.leaves_early && l->list.prev == item) break;
    next = NextOf(item, l);
    if (*nr_to_walk == 0 && !walk_flaws.one_too_many) break;
    if (*nr_to_walk && !walk_flaws.counts_late) --*nr_to_walk;
    lru_status status = isolate(item, l, &nlru->lock, cb_arg);
    if (!lru::lock_is_held(&nlru->lock)) lru::spin_lock(&nlru->lock);
    if (walk_flaws.counts_late) --*nr_to_walk;
    Settle(item, l, status, nlru);
    if (status == lru::LRU_REMOVED || status == lru::LRU_REMOVED_RETRY) {
      removed++;
    }
    if (status == lru::LRU_STOP && !walk_flaws.ignores_stop) break;
    if (status == lru::LRU_RETRY || status == lru::LRU_REMOVED_RETRY) {
      next = l->list.next;
    }
  }
  return removed;
}

unsigned long WalkByHand(lru::list_lru* lru, int nid, lru::mem_cgroup* memcg,
                         lru::list_lru_walk_cb isolate, void* cb_arg,
                         unsigned long* nr_to_walk)
    ABSL_NO_THREAD_SAFETY_ANALYSIS {
  lru::list_lru_node* nlru = &lru->node[nid];
  lru::rcu_guard guard;
  auto* l = lru::list_lru_from_memcg_idx(lru, nid, lru::memcg_kmem_id(memcg));
  if (!walk_flaws.no_lock) lru::spin_lock(&nlru->lock);
  LRU_POINT(walk_list_locked, .memcg = memcg, .lru = lru, .list = l,
            .nid = nid);
  unsigned long removed = WalkList(l, nlru, isolate, cb_arg, nr_to_walk);
  if (lru::lock_is_held(&nlru->lock) && !walk_flaws.keeps_lock) {
    lru::spin_unlock(&nlru->lock);
  }
  return removed + walk_flaws.result_off;
}

std::vector<lru::mem_cgroup*> of_walk_node;

World::Parts WalksByHand() {
  static const lru::list_lru_ops kOps = [] {
    lru::list_lru_ops ops = lru::node_lock_ops();
    ops.list_lru_walk_one = WalkByHand;
    return ops;
  }();
  World::Parts parts = CleanParts();
  parts.lru_ops = &kOps;
  return parts;
}

Findings WalkFlawed(const WalkFlaws& wanted,
                    const std::vector<lru_status>& says,
                    unsigned long nr_to_walk = 20) {
  walk_flaws = wanted;
  return WalkWith(WalksByHand(), How::kOne, says, nr_to_walk);
}

TEST(WalksOracleTest, WithoutAFlawNothingIsSaid) {
  EXPECT_THAT(WalkFlawed({}, {std::begin(kEvery), std::end(kEvery)}),
              IsEmpty());
}

TEST(WalksOracleTest, CalledBackWithoutTheLock) {
  EXPECT_THAT(WalkFlawed({.no_lock = true}, {}),
              Contains(Says(kLockState, "without holding the list's lock")));
}

TEST(WalksOracleTest, ReturnedWithTheLock) {
  EXPECT_THAT(
      WalkFlawed({.keeps_lock = true}, {}),
      Contains(Says(kLockState, "with 0 locks held and returned with 1")));
}

TEST(WalksOracleTest, CountsDownAfterTheCallback) {
  EXPECT_THAT(WalkFlawed({.counts_late = true}, {}),
              Contains(Says(kContract, "at callback 1 of list_lru_walk_one")));
}

TEST(WalksOracleTest, CallsBackTooOften) {
  EXPECT_THAT(WalkFlawed({.one_too_many = true}, {}, 3),
              Contains(Says(kContract, "which was to make at most 3")));
}

TEST(WalksOracleTest, BeginsAtTheTail) {
  EXPECT_THAT(WalkFlawed({.from_tail = true}, {}),
              Contains(Says(kContract, "did not begin list")));
}

TEST(WalksOracleTest, LeavesOneOut) {
  EXPECT_THAT(WalkFlawed({.skips_one = true}, {}),
              Contains(Says(kContract, "did not go on with the next item")));
}

TEST(WalksOracleTest, LeavesBeforeTheEnd) {
  EXPECT_THAT(WalkFlawed({.leaves_early = true}, {}),
              Contains(Says(kContract, "before its end, after LRU_SKIP")));
  // Asked for no more, or told to stop.
  EXPECT_THAT(WalkFlawed({.leaves_early = true}, {}, 4), IsEmpty());
  EXPECT_THAT(WalkFlawed({.leaves_early = true}, {lru::LRU_STOP}), IsEmpty());
}

// The lists behind it are empty.
TEST(WalksOracleTest, AListLeftBeforeItsEndIsToldOnce) {
  lru::list_lru_ops ops = lru::node_lock_ops();
  ops.list_lru_walk_node = [](lru::list_lru* lru, int nid,
                              lru::list_lru_walk_cb isolate, void* cb_arg,
                              unsigned long* nr_to_walk) {
    unsigned long removed = 0;
    for (lru::mem_cgroup* memcg : of_walk_node) {
      removed += WalkByHand(lru, nid, memcg, isolate, cb_arg, nr_to_walk);
    }
    return removed;
  };
  EXPECT_THAT(RunScenario([&] {
                walk_flaws = {.leaves_early = true};
                script = {};
                at = 0;
                Scenario s(CleanParts(ops));
                s.ChargeAndAdd(3);
                s.ChargeAndAdd(3);
                s.Charge(1);
                s.Charge(2);
                of_walk_node = {s.memcg(3), s.memcg(1), s.memcg(2)};
                WalkBy(s, How::kNode, 20);
                EXPECT_EQ(at, 1u);
              }),
              ElementsAre(Says(kContract, "before its end, after LRU_SKIP")));
}

TEST(WalksOracleTest, MovesWhatWasSkipped) {
  EXPECT_THAT(WalkFlawed({.rotates_skipped = true}, {}),
              Contains(Says(kContract, "did not leave the item where it was")));
}

TEST(WalksOracleTest, LeavesWhatIsToRotate) {
  EXPECT_THAT(WalkFlawed({.leaves_rotated = true}, {lru::LRU_ROTATE}),
              Contains(Says(kContract, "did not move the item to the tail")));
}

TEST(WalksOracleTest, GoesOnAfterStop) {
  EXPECT_THAT(WalkFlawed({.ignores_stop = true}, {lru::LRU_STOP}),
              Contains(Says(kContract, "after LRU_STOP on list")));
}

TEST(WalksOracleTest, ForgetsTheNodesCount) {
  EXPECT_THAT(
      WalkFlawed({.forgets_node_count = true}, {lru::LRU_REMOVED}),
      Contains(Says(kContract, "but changed the node's count 0 times")));
}

TEST(WalksOracleTest, ResultIsWrong) {
  EXPECT_THAT(
      WalkFlawed({.result_off = 1}, {lru::LRU_REMOVED, lru::LRU_SKIP}),
      Contains(Says(kContract, "returned 2, but 1 callbacks returned")));
}

// --- callbacks that do not keep their side

Findings WalkCalling(lru::list_lru_walk_cb isolate) {
  return RunScenario([&] {
    walk_flaws = {};
    Scenario s(WalksByHand());
    s.ChargeAndAdd(3);
    s.ChargeAndAdd(3);
    WalkBy(s, How::kOne, 2, isolate);
  });
}

TEST(WalksOracleTest, CallbackReturnsUnlocked) {
  EXPECT_THAT(
      WalkCalling([](lru::list_head*, lru::list_lru_one*, lru::spinlock_t* lock,
                     void*) ABSL_NO_THREAD_SAFETY_ANALYSIS {
        lru::spin_unlock(lock);
        return lru::LRU_RETRY;
      }),
      Contains(Says(kLockState,
                    "returned LRU_RETRY with the list's lock "
                    "dropped; on node-lock it must hold it")));
}

// As from Linux 6.13 on.
TEST(WalksOracleTest, CallbackReturnsLockedWhereItMustNot) {
  static lru::list_lru_ops ops = *WalksByHand().lru_ops;
  ops.returns_unlocked = true;
  for (lru_status status : {lru::LRU_RETRY, lru::LRU_STOP, lru::LRU_SKIP}) {
    Findings findings = RunScenario([&] {
      walk_flaws = {};
      script = {status};
      at = 0;
      Scenario s(CleanParts(ops));
      s.ChargeAndAdd(3);
      WalkBy(s, How::kOne, 1);
    });
    if (status == lru::LRU_SKIP) {
      EXPECT_THAT(findings, IsEmpty());
    } else {
      EXPECT_THAT(findings, Contains(Says(kLockState, "must have dropped it")));
    }
  }
}

TEST(WalksOracleTest, CallbackSaysRemovedAndRemovesNothing) {
  EXPECT_THAT(
      WalkCalling([](lru::list_head*, lru::list_lru_one*, lru::spinlock_t*,
                     void*) { return lru::LRU_REMOVED; }),
      Contains(Says(kContract, "returned LRU_REMOVED, but took 0")));
}

// 89dc77bcdabf: one list_head, two lists.
TEST(WalksOracleTest, CallbackMovesWhatItSaysItLeaves) {
  static lru::list_head dispose;
  EXPECT_THAT(WalkCalling([](lru::list_head* item, lru::list_lru_one*,
                             lru::spinlock_t*, void*) {
                lru::list_move(item, &dispose);
                return lru::LRU_SKIP;
              }),
              Contains(Says(kContract, "returned LRU_SKIP for object 1, but")));
  EXPECT_THAT(WalkCalling([](lru::list_head* item, lru::list_lru_one*,
                             lru::spinlock_t*, void*) {
                lru::list_del_init(item);
                return lru::LRU_ROTATE;
              }),
              Contains(Says(kContract, "returned LRU_ROTATE for object 1")));
}

TEST(WalksOracleTest, CallbackIsolatesTwice) {
  Findings findings =
      WalkCalling([](lru::list_head* item, lru::list_lru_one* list,
                     lru::spinlock_t*, void*) {
        lru::current_lru_ops().list_lru_isolate(list, item);
        lru::current_lru_ops().list_lru_isolate(list, item);
        return lru::LRU_REMOVED;
      });
  EXPECT_THAT(findings,
              Contains(Says(kSingle, "but had been isolated before")));
  EXPECT_THAT(findings, Not(Contains(Says("item_state", ""))));
}

// (18) The item stays on the list it was taken off.
TEST(WalksOracleTest, IsolatedAndFoundAgain) {
  static lru::list_lru_ops ops = lru::node_lock_ops();
  ops.list_lru_isolate = [](lru::list_lru_one* list, lru::list_head* item) {
    LRU_POINT(item_unlinked, .lru = lru::serial_ref::of(list->lru_serial),
              .item = item, .list = list, .owner = list->owner, .nid = 0);
  };
  Findings findings = WalkWith(CleanParts(ops), How::kOne,
                               {lru::LRU_REMOVED_RETRY, lru::LRU_SKIP});
  EXPECT_THAT(findings,
              Contains(Says(kSingle, "which has been isolated before")));
}

// An item that a del has taken off, or that is on another list.
TEST(WalksOracleTest, ComesToAnItemThatIsElsewhere) {
  auto walk_over = [](uint32_t on_list) {
    return RunScenario([&] {
      Scenario s;
      Object* object = s.ChargeAndAdd(3);
      object->on_list = on_list ? s.ListOf(s.memcg(2))->serial : 0;
      if (on_list) s.ChargeAndAdd(2);  // the oracle knows that list
      script = {};
      at = 0;
      WalkBy(s, How::kOne, 1);
    });
  };
  EXPECT_THAT(walk_over(0), Contains(Says(kSingle, "which is on no list")));
  EXPECT_THAT(walk_over(1), Contains(Says(kSingle, "which is on another")));
}

// Isolated, added, isolated: as it should be.
TEST(WalksOracleTest, IsolatedOnceForEachAddIsSilent) {
  EXPECT_THAT(RunScenario([] {
                Scenario s;
                Object* object = s.ChargeAndAdd(3);
                for (int i = 0; i < 3; i++) {
                  script = {lru::LRU_REMOVED};
                  at = 0;
                  EXPECT_EQ(WalkBy(s, How::kNode, 3), 1u);
                  EXPECT_TRUE(s.Add(object));
                }
                s.Finish();
              }),
              IsEmpty());
}

// It looks right from the callback: who is not visited has nothing to say.
unsigned long WalkNodeOfRootOnly(lru::list_lru* lru, int nid,
                                 lru::list_lru_walk_cb isolate, void* cb_arg,
                                 unsigned long* nr_to_walk) {
  return lru::node_lock_ops().list_lru_walk_one(lru, nid, nullptr, isolate,
                                                cb_arg, nr_to_walk);
}

// What is said at rest of two items on lists of two memcgs and nodes.
Findings AtRest(const lru::list_lru_ops& ops) {
  return RunScenario([&] {
    Scenario s(CleanParts(ops));
    s.ChargeAndAdd(1);
    s.ChargeAndAdd(3, /*nid=*/1);
    s.Quiet();
    s.CheckTotals();
  });
}

TEST(WalksOracleTest, AtRestWalksComeToEveryItem) {
  for (const lru::list_lru_ops* ops : CleanLrus()) {
    EXPECT_THAT(AtRest(*ops), IsEmpty());
  }
  lru::list_lru_ops ops = lru::node_lock_ops();
  ops.list_lru_walk_node = WalkNodeOfRootOnly;
  EXPECT_THAT(AtRest(ops),
              Contains(Says(kContract,
                            "list_lru_walk_node called back 0 times "
                            "for the 1 items there are")));
}

// Two items on lists of one node, and one on another node's.
Findings AtRestWhereAWalkRemoves(const lru::list_lru_ops& ops) {
  return RunScenario([&] {
    Scenario s(CleanParts(ops));
    s.ChargeAndAdd(3);
    s.ChargeAndAdd(1);
    s.ChargeAndAdd(1, 1);
    s.Finish();
  });
}

TEST(WalksOracleTest, AtRestAWalkGoesOnWhereItHasRemovedSomething) {
  for (const lru::list_lru_ops* ops : CleanLrus()) {
    EXPECT_THAT(AtRestWhereAWalkRemoves(*ops), IsEmpty());
  }
  lru::list_lru_ops ops = lru::node_lock_ops();
  ops.list_lru_walk_node = [](lru::list_lru* lru, int nid,
                              lru::list_lru_walk_cb isolate, void* cb_arg,
                              unsigned long* nr_to_walk) {
    for (auto* memcg =
             lru::mem_cgroup_iter(lru::root_mem_cgroup, nullptr, nullptr);
         memcg;
         memcg = lru::mem_cgroup_iter(lru::root_mem_cgroup, memcg, nullptr)) {
      unsigned long removed = lru::node_lock_ops().list_lru_walk_one(
          lru, nid, memcg, isolate, cb_arg, nr_to_walk);
      if (!removed) continue;
      lru::mem_cgroup_put(memcg);
      return removed;
    }
    return 0ul;
  };
  EXPECT_THAT(AtRestWhereAWalkRemoves(ops),
              ElementsAre(Says(kContract,
                               "list_lru_walk called back 2 times "
                               "for the 3 items there are")));
}

TEST(WalksOracleTest, AtRestWalkOneAndCountOneAreOfTheMemcgsOwnList) {
  lru::list_lru_ops ops = lru::node_lock_ops();
  ops.list_lru_walk_one = [](lru::list_lru* lru, int nid, lru::mem_cgroup*,
                             lru::list_lru_walk_cb isolate, void* arg,
                             unsigned long* nr) {
    return lru::node_lock_ops().list_lru_walk_one(lru, nid, nullptr, isolate,
                                                  arg, nr);
  };
  EXPECT_THAT(AtRest(ops),
              Contains(Says(kContract,
                            "list_lru_walk_one called back 0 times "
                            "and list_lru_count_one says 1")));
  ops = lru::node_lock_ops();
  ops.list_lru_count_one = [](lru::list_lru* lru, int, lru::mem_cgroup* memcg) {
    return lru::node_lock_ops().list_lru_count_one(lru, 0, memcg);
  };
  EXPECT_THAT(AtRest(ops),
              Contains(Says(kContract,
                            "list_lru_walk_one called back 1 times "
                            "and list_lru_count_one says 0")));
}

TEST(WalksOracleTest, AtRestAShrinkerComesToAllThatItAsksFor) {
  lru::list_lru_ops ops = lru::node_lock_ops();
  ops.list_lru_walk_one =
      [](lru::list_lru* lru, int nid, lru::mem_cgroup* memcg,
         lru::list_lru_walk_cb isolate, void* arg, unsigned long* nr) {
        unsigned long too_few = *nr ? *nr - 1 : 0;
        return lru::node_lock_ops().list_lru_walk_one(lru, nid, memcg, isolate,
                                                      arg, &too_few);
      };
  EXPECT_THAT(AtRest(ops),
              Contains(Says(kContract,
                            "list_lru_shrink_walk for 1 called back 0 times")));
}

TEST(WalksOracleTest, AtRestIterationComesToEveryMemcg) {
  lru::teardown_steps steps = lru::clean_teardown_steps();
  steps.mem_cgroup_tryget = [](lru::mem_cgroup* memcg) {
    return memcg->css.level != 2 &&
           lru::clean_teardown_steps().mem_cgroup_tryget(memcg);
  };
  World::Parts parts = CleanParts(lru::node_lock_ops());
  parts.steps = &steps;
  Findings findings = RunScenario([&] {
    Scenario s(parts);
    s.CheckTotals();
  });
  EXPECT_THAT(findings, Contains(Says(kContract, "in one walk of the tree")));
  EXPECT_THAT(findings,
              Contains(Says(kContract, "round that reclaimers share")));
}

}  // namespace
}  // namespace workloads
