// empty_after_reparent and reparent_target: a reparenting done by hand, with
// one mistake at a time.
#include "workloads/oracle_testing.h"

namespace workloads {
namespace {

using lru::list_lru;
using lru::list_lru_memcg;
using lru::list_lru_node;
using lru::list_lru_one;
using lru::mem_cgroup;
using testing::Contains;
using testing::Each;
using testing::ElementsAre;
using testing::IsEmpty;

using NodeLock = lru::node_lock<lru::node_lock_steps>;

struct ReparentFlaws {
  bool nothing_done = false;
  bool to_root = false;
  bool ids_unchanged = false;
  bool own_id_only = false;  // not those of descendants
  uint32_t skip_lru = 0;     // a serial
  int skip_nid = -1;
  bool leave_item = false;
  bool leave_nr_items = false;
  bool erase_first = false;  // before the lists are drained
  bool free_first = false;   // before they are out of the xarray
  bool keep = false;         // neither erased nor freed
};
ReparentFlaws reparent_flaws;  // written before the world exists

void MoveItems(list_lru_one* src, list_lru_one* dst) {
  lru::list_head* kept = reparent_flaws.leave_item ? src->list.next : nullptr;
  if (kept) lru::list_del_init(kept);
  lru::list_splice_init(&src->list, &dst->list);
  if (kept) lru::list_add(kept, &src->list);
  long moved = src->nr_items;
  lru::nr_add(dst->nr_items, moved);
  if (!reparent_flaws.leave_nr_items) lru::nr_add(src->nr_items, -moved);
}

void SpliceNode(list_lru* lru, int nid, list_lru_memcg* mlru, mem_cgroup* memcg,
                mem_cgroup* parent) {
  list_lru_node* nlru = &lru->node[nid];
  lru::spin_guard guard(&nlru->lock);
  list_lru_one* src = &mlru->node[nid];
  list_lru_one* dst =
      lru::list_lru_from_memcg_idx(lru, nid, lru::memcg_kmem_id(parent));
  MoveItems(src, dst);
  lru::set_shrinker_bit(parent, nid, lru->shrinker_id);
  LRU_POINT(node_spliced, .memcg = memcg, .lru = lru, .list = src, .nid = nid,
            .lock = &nlru->lock, .dst = dst, .parent = parent,
            .depth = memcg->css.level);
}

void Erase(list_lru* lru, int src_idx, mem_cgroup* memcg) {
  lru::xa_erase_irq(&lru->xa, src_idx);
  LRU_POINT(xa_erased, .memcg = memcg, .lru = lru, .nr = src_idx);
}

void ReparentLru(list_lru* lru, int src_idx, mem_cgroup* memcg,
                 mem_cgroup* parent) {
  auto* mlru = static_cast<list_lru_memcg*>(lru::xa_load(&lru->xa, src_idx));
  if (reparent_flaws.erase_first) Erase(lru, src_idx, memcg);
  for (int nid = 0; mlru && nid < lru::nr_node_ids; nid++) {
    if (nid != reparent_flaws.skip_nid)
      SpliceNode(lru, nid, mlru, memcg, parent);
  }
  LRU_POINT(lists_drained, .memcg = memcg, .lru = lru, .parent = parent);
  if (reparent_flaws.keep) return;
  if (reparent_flaws.free_first)
    LRU_POINT(mlru_free_queued, .memcg = memcg, .lru = lru);
  if (!reparent_flaws.erase_first) Erase(lru, src_idx, memcg);
  if (!mlru) return;
  lru::node_lock_steps::free_mlru(mlru);
  if (!reparent_flaws.free_first) {
    LRU_POINT(mlru_free_queued, .memcg = memcg, .lru = lru);
  }
}

void ChangeIds(mem_cgroup* memcg, const mem_cgroup* parent) {
  lru::rcu_guard guard;
  for (lru::css* c = nullptr;
       (c = lru::css_next_descendant_pre(c, &memcg->css));) {
    lru::mem_cgroup_from_css(c)->kmemcg_id = lru::memcg_kmem_id(parent);
    if (reparent_flaws.own_id_only) return;
  }
}

void ReparentByHand(mem_cgroup* memcg, mem_cgroup* parent) {
  if (reparent_flaws.nothing_done) return;
  if (reparent_flaws.to_root) parent = lru::root_mem_cgroup;
  int src_idx = lru::memcg_kmem_id(memcg);
  if (!reparent_flaws.ids_unchanged) ChangeIds(memcg, parent);
  LRU_POINT(kmemcg_ids_changed, .memcg = memcg, .parent = parent);
  for (uint32_t i = 0; i < TheWorld().nr_lrus(); i++) {
    list_lru* lru = TheWorld().lru(i);
    if (!lru->memcg_aware || lru->serial == reparent_flaws.skip_lru) continue;
    ReparentLru(lru, src_idx, memcg, parent);
  }
}

World::Parts ReparentsByHand() {
  static const lru::list_lru_ops kOps = [] {
    lru::list_lru_ops ops = lru::node_lock_ops();
    ops.memcg_reparent_list_lrus = ReparentByHand;
    return ops;
  }();
  World::Parts parts = CleanParts();
  parts.lru_ops = &kOps;
  return parts;
}

// Memcg 3 has an item on either node of either lru, and is destroyed.
Findings DestroyWith(const ReparentFlaws& wanted) {
  return RunScenario([&] {
    reparent_flaws = wanted;
    Scenario s(ReparentsByHand());
    for (int nid : {0, 1}) {
      for (uint32_t lru : {0, 1}) s.ChargeAndAdd(3, nid, lru);
    }
    s.Destroy(3);
  });
}

TEST(ReparentOracleTest, WithoutAMistakeNothingIsSaid) {
  EXPECT_THAT(RunScenario([] {
                reparent_flaws = {};
                Scenario s(ReparentsByHand());
                s.Step(300);
                s.Destroy(2);
                s.Finish();
              }),
              IsEmpty());
}

TEST(ReparentOracleTest, SplicedToTheRootNotTheParent) {
  EXPECT_THAT(DestroyWith({.to_root = true}),
              Contains(Says("reparent_target", "which is not its parent")));
}

TEST(ReparentOracleTest, NodeForgotten) {
  EXPECT_THAT(DestroyWith({.skip_nid = 1}),
              Contains(Says("empty_after_reparent",
                            "its list of lru 1 on node 1, which has had "
                            "items, was left out")));
}

// It had items, and lost them before: nothing stays behind.
TEST(ReparentOracleTest, EmptyNodeLeftOutIsSilent) {
  EXPECT_THAT(RunScenario([] {
                reparent_flaws = {.skip_nid = 1};
                Scenario s(ReparentsByHand());
                Object* first = s.ChargeAndAdd(3, 1);
                Object* second = s.ChargeAndAdd(3, 1);
                s.Del(first);
                s.Del(second);
                s.Destroy(3);
              }),
              IsEmpty());
}

TEST(ReparentOracleTest, NodeLeftOutWithOneOfTwoItems) {
  EXPECT_THAT(RunScenario([] {
                reparent_flaws = {.skip_nid = 1};
                Scenario s(ReparentsByHand());
                s.ChargeAndAdd(3, 1);
                s.Del(s.ChargeAndAdd(3, 1));
                s.Destroy(3);
              }),
              Contains(Says("empty_after_reparent", "was left out")));
}

TEST(ReparentOracleTest, LruForgotten) {
  EXPECT_THAT(DestroyWith({.skip_lru = 2}),
              Contains(Says("empty_after_reparent", "its list of lru 2 on")));
}

TEST(ReparentOracleTest, NeverDone) {
  Findings findings = DestroyWith({.nothing_done = true});
  EXPECT_THAT(findings, Contains(Says("empty_after_reparent", "of lru 1")));
  EXPECT_THAT(findings, Contains(Says("empty_after_reparent", "of lru 2")));
  EXPECT_THAT(findings,
              Contains(Says("teardown_order", "before kmemcg_ids_changed")));
}

TEST(ReparentOracleTest, ItemLeftBehind) {
  EXPECT_THAT(
      DestroyWith({.leave_item = true}),
      Contains(Says("empty_after_reparent", "is not empty after its splice")));
}

TEST(ReparentOracleTest, CountLeftBehind) {
  EXPECT_THAT(DestroyWith({.leave_nr_items = true}),
              Contains(Says("empty_after_reparent", "nr_items 1)")));
}

TEST(ReparentOracleTest, ErasedBeforeDrained) {
  EXPECT_THAT(DestroyWith({.erase_first = true}),
              Contains(Says("empty_after_reparent",
                            "taken out of the xarray before they were "
                            "drained")));
}

TEST(ReparentOracleTest, FreedBeforeErased) {
  EXPECT_THAT(DestroyWith({.free_first = true}),
              Contains(Says("empty_after_reparent",
                            "freed before they were out of the xarray")));
}

TEST(ReparentOracleTest, ListStillFoundAtRest) {
  EXPECT_THAT(RunScenario([] {
                reparent_flaws = {.keep = true};
                Scenario s(ReparentsByHand());
                s.ChargeAndAdd(3);
                s.Destroy(3);
                EXPECT_EQ(harness::recorder()->nr_findings.load(), 0u);
                s.Quiet();
                s.CheckTotals();
              }),
              Contains(Says("empty_after_reparent",
                            "whose memcg has been torn down, is still")));
}

// --- a late add, whose memcg was looked up before
// ------------------------------------------------

Findings LateAddWith(const ReparentFlaws& wanted, bool used,
                     uint32_t destroyed = 3) {
  return RunScenario([&] {
    reparent_flaws = wanted;
    Scenario s(ReparentsByHand());
    if (used) s.ChargeAndAdd(destroyed);
    s.Charge(3);  // allocates the lists
    Object* object = s.Charge(1);
    mem_cgroup* memcg = s.world().GetMemcg(3);  // and keeps it
    s.Destroy(destroyed);
    s.world().lru_ops().list_lru_add(s.world().lru(0), &object->lru, 0, memcg);
  });
}

TEST(ReparentOracleTest, LateAddFindsTheParentsList) {
  EXPECT_THAT(LateAddWith({}, true), IsEmpty());
  EXPECT_THAT(LateAddWith({}, true, 2), IsEmpty());
}

TEST(ReparentOracleTest, LateAddToADrainedList) {
  EXPECT_THAT(
      LateAddWith({.ids_unchanged = true, .keep = true}, true),
      Contains(Says("empty_after_reparent", "had been drained for ever")));
}

TEST(ReparentOracleTest, LateAddToAListThatNobodyDrained) {
  EXPECT_THAT(
      LateAddWith({.nothing_done = true}, false),
      Contains(Says("empty_after_reparent", "had been drained for ever")));
}

// Memcg 3 is below 2; its id followed 2's while it lived, then no more.
TEST(ReparentOracleTest, IdsOfDescendantsNotChanged) {
  EXPECT_THAT(
      LateAddWith({.own_id_only = true, .keep = true}, true, 2),
      Contains(Says("empty_after_reparent", "had been drained for ever")));
}

// --- lrus that come and go
// --------------------------------------------------------

// One item of memcg 3 is on its list, or has been.
Object* UseLru(Scenario& s, uint32_t lru, bool leave) {
  Object* object = s.ChargeAndAdd(3, 0, lru);
  if (leave) s.Del(object);
  return object;
}

TEST(ReparentOracleTest, AnLruThatHasGoneIsNotMissed) {
  for (bool another : {false, true}) {
    EXPECT_THAT(RunScenario([&] {
                  Scenario s;
                  uint32_t lru = s.world().ReserveLru();
                  EXPECT_TRUE(s.world().CreateLru(lru, true));
                  UseLru(s, lru, true);
                  EndLru(s, lru);
                  if (another) {
                    EXPECT_TRUE(s.world().CreateLru(lru, true));
                  }
                  s.Destroy(3);
                  if (another) EndLru(s, lru);
                  s.Finish();
                }),
                IsEmpty());
  }
}

TEST(ReparentOracleTest, AnLruThatHasComeIsNotLeftOut) {
  EXPECT_THAT(RunScenario([] {
                Scenario s;
                uint32_t lru = s.world().ReserveLru();
                for (int i = 0; i < 100; i++) {  // far above 64 serials
                  EXPECT_TRUE(s.world().CreateLru(lru, true));
                  if (i < 99) EndLru(s, lru);
                }
                UseLru(s, lru, false);
                s.Feed(lru::FP_nr_deferred_reparented,
                       {.memcg = s.memcg(3), .parent = s.memcg(2)});
              }),
              Contains(Says("empty_after_reparent", "was left out")));
}

// --- the wrong list
// --------------------------------------------------------------

TEST(ReparentOracleTest, LinkedToAnAncestorTooFarUp) {
  EXPECT_THAT(RunScenario([] {
                Scenario s;
                Object* object = s.Charge(3);
                s.Feed(lru::FP_item_linked, {.memcg = s.memcg(3),
                                             .lru = s.world().lru(0),
                                             .item = &object->lru,
                                             .list = s.ListOf(s.memcg(1)),
                                             .owner = s.memcg(1),
                                             .nid = 0});
              }),
              Contains(Says("reparent_target",
                            "not its nearest ancestor that still has a list")));
}

// The point says what was passed in: only the objects themselves know.
TEST(ReparentOracleTest, OnAStrangersListAtRest) {
  static WorkloadOps ops = CleanWorkloadOps();
  ops.add = [](list_lru* lru, Object* object) {
    return lru::current_lru_ops().list_lru_add(lru, &object->lru, object->nid,
                                               TheWorld().memcg(1).load());
  };
  EXPECT_THAT(RunScenario([] {
                World::Parts parts = CleanParts();
                parts.ops = &ops;
                Scenario s(parts);
                s.ChargeAndAdd(3);
                EXPECT_EQ(harness::recorder()->nr_findings.load(), 0u);
                s.Quiet();
                s.CheckTotals();
              }),
              Contains(Says("reparent_target", "but belongs to memcg")));
}

// --- by whom an object is found
// ------------------------------------------------------------

// An object charged to memcg `of` of a chain (-1: to nobody) is found by memcg
// `found` (-1: by none), after the objcgs of memcgs 3 to `given_up` have been
// given to their parents.
Findings FindObject(int of, int found, int given_up = 4) {
  return RunScenario([=] {
    reparent_flaws = {};
    Scenario s;
    lru::mem_cgroup* memcg = found < 0 ? nullptr : s.memcg(found);
    Object* object = s.Charge(3);
    object->charged = {};
    if (of >= 0) object->charged.serial = lru::serial_of(s.memcg(of));
    for (int i = 3; i >= given_up; i--) {
      Scenario::Feed(
          lru::FP_objcg_unpublished,
          {.memcg = s.memcg(i), .parent = lru::parent_mem_cgroup(s.memcg(i))});
    }
    lru::rcu_guard guard;
    Scenario::Feed(lru::FP_memcg_looked_up, {.memcg = memcg,
                                             .lru = s.world().lru(0),
                                             .item = &object->lru,
                                             .nid = 0});
  });
}

TEST(ReparentOracleTest, FoundByItsMemcgOrAnHeir) {
  auto silent = testing::Not(Contains(Says("reparent_target", "was found by")));
  EXPECT_THAT(FindObject(3, 3), silent);
  EXPECT_THAT(FindObject(3, 2, 3), silent);
  EXPECT_THAT(FindObject(3, 0, 1), silent);
  EXPECT_THAT(FindObject(3, -1), silent);
  EXPECT_THAT(FindObject(-1, -1), silent);
}

TEST(ReparentOracleTest, FoundByAMemcgItWasNotChargedTo) {
  auto found = Contains(Says("reparent_target", "were not reparented to that"));
  EXPECT_THAT(FindObject(2, 3), found);
  EXPECT_THAT(FindObject(3, 2), found);  // its parent, but not yet
  EXPECT_THAT(FindObject(3, 0, 3), found);
  EXPECT_THAT(FindObject(-1, 3),
              Contains(Says("reparent_target", "charged to nobody")));
}

// A memcg that has come since, and one that has gone.
TEST(ReparentOracleTest, FoundByHeirsOfTheGone) {
  EXPECT_THAT(RunScenario([] {
                reparent_flaws = {};
                Scenario s;
                for (int i = 0; i < 3; i++) {
                  s.ChargeAndAdd(3);
                  s.Destroy(2);
                  s.world().CreateMissing();
                }
                for (uint32_t i = 0; i < 3; i++) {
                  EXPECT_TRUE(s.Del(s.world().shared(i).load()));
                }
                s.Finish();
              }),
              IsEmpty());
}

// (L5) One by one, to the tail of what the parent has.
void SpliceAtTheTail(Scenario& s) {
  list_lru_one* src = s.ListOf(s.memcg(3));
  list_lru_one* dst = s.ListOf(s.memcg(2));
  lru::fault_site site{.memcg = s.memcg(3),
                       .lru = s.world().lru(0),
                       .list = src,
                       .nid = 0,
                       .lock = &s.world().lru(0)->node[0].lock,
                       .dst = dst,
                       .parent = s.memcg(2)};
  s.Feed(lru::FP_src_locked, site);
  while (!lru::list_empty(&src->list)) {
    lru::list_move_tail(src->list.next, &dst->list);
  }
  lru::nr_add(dst->nr_items, src->nr_items);
  src->nr_items = 0;
  s.Feed(lru::FP_node_spliced, site);
}
void AddThree(Scenario& s) {
  s.ChargeAndAdd(2);
  s.ChargeAndAdd(3);
  s.ChargeAndAdd(3);
}
TEST(ReparentOracleTest, SplicedAtTheTail) {
  Findings findings = RunScenario([] {
    Scenario s;
    AddThree(s);
    lru::spin_guard guard(&s.world().lru(0)->node[0].lock);
    SpliceAtTheTail(s);
  });
  EXPECT_THAT(findings, ElementsAre(Says("empty_after_reparent",
                                         "in order, to the head of list")));
}

// What is not locked may change while it is looked at: no more is said of it
// than that.
TEST(ReparentOracleTest, SplicedWithoutALock) {
  Findings findings = RunScenario([] {
    Scenario s;
    AddThree(s);
    SpliceAtTheTail(s);
  });
  EXPECT_THAT(findings, Each(SaysWhat("lock_identity", "splice")));
  EXPECT_THAT(findings, Contains(Says("lock_identity", "is to be spliced")));
}

// --- whose list a walk is of

TEST(ReparentOracleTest, AWalkLedToAnothersList) {
  EXPECT_THAT(RunScenario([] {
                Scenario s;
                s.ChargeAndAdd(2);
                lru::list_lru* lru = s.world().lru(0);
                lru::fault_site site{.memcg = s.memcg(3),
                                     .lru = lru,
                                     .list = s.ListOf(s.memcg(2)),
                                     .owner = s.memcg(2),
                                     .nid = 0};
                Scenario::Feed(lru::FP_walk_list_locked, site);
                // One that was overtaken may come to a stranger's (d6).
                Scenario::Feed(lru::FP_walk_restarted, site);
                Scenario::Feed(lru::FP_walk_list_locked, site);
              }),
              testing::ElementsAre(Says("reparent_target", "was led to list")));
}

// --- memcg-lock

struct NotMarkedDead : lru::memcg_lock_steps {
  static void mark_dead(list_lru_one*) {}
};

TEST(ReparentOracleTest, AListThatIsNotMarkedDead) {
  static constexpr lru::list_lru_ops kOps =
      lru::make_memcg_lock_ops<NotMarkedDead>("memcg-lock", "");
  auto destroy = [](const lru::list_lru_ops& ops) {
    return RunScenario([&] {
      Scenario s(CleanParts(ops));
      s.ChargeAndAdd(3);
      s.Destroy(3);
    });
  };
  EXPECT_THAT(destroy(kOps),
              Contains(Says("empty_after_reparent", "is not marked dead")));
  EXPECT_THAT(destroy(lru::memcg_lock_ops()), IsEmpty());
}

// A climb past a list that is alive; past a dead one; from one that has none.
TEST(ReparentOracleTest, WhoseListMayBePassedOver) {
  for (bool destroyed : {false, true}) {
    Findings findings = RunScenario([&] {
      Scenario s(CleanParts(lru::memcg_lock_ops()));
      s.ChargeAndAdd(3);
      Object* object = s.ChargeAndAdd(2);
      mem_cgroup* memcg = s.memcg(3);
      lru::css_get(&memcg->css);
      if (destroyed) s.Destroy(3);
      Scenario::Feed(lru::FP_item_linked, {.memcg = memcg,
                                           .lru = s.world().lru(0),
                                           .item = &object->lru,
                                           .list = s.ListOf(s.memcg(2)),
                                           .owner = s.memcg(2),
                                           .nid = 0});
    });
    auto says =
        Contains(Says("reparent_target", "is not its nearest ancestor"));
    if (destroyed) {
      EXPECT_THAT(findings, testing::Not(says));
    } else {
      EXPECT_THAT(findings, says);
    }
  }
}

// --- lists that nobody will drain
// ---------------------------------------------------------------

TEST(ReparentOracleTest, ListsStoredForTheReparented) {
  for (const lru::list_lru_ops* ops : CleanLrus()) {
    for (bool late : {false, true}) {
      Findings findings = RunScenario([&] {
        Scenario s(CleanParts(*ops));
        lru::fault_site site = {.memcg = s.memcg(3), .lru = s.world().lru(0)};
        site.memcg.ptr = nullptr;  // freed by then
        if (late) s.Destroy(3);
        s.Feed(lru::FP_mlru_stored, site);
      });
      EXPECT_EQ(findings.size(), late ? 1u : 0u) << ops->name;
      for (const Said& said : findings) {
        EXPECT_THAT(said, Says("empty_after_reparent", "nobody will drain"));
      }
    }
  }
}

// 6.12: an allocation that takes an id that it had read before it let xa_lock
// go; the memcg may be offline by then, and its id given back.
TEST(ReparentOracleTest, ListsStoredAtNobodysId) {
  Findings findings = RunScenario([&] {
    Scenario s(CleanParts(lru::node_lock_ops()));
    s.Feed(lru::FP_mlru_stored, {.lru = s.world().lru(0), .nr = 77});
  });
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_THAT(findings[0], Says("empty_after_reparent", "no memcg's id"));
}

}  // namespace
}  // namespace workloads
