// What every lock scope keeps, of the contract in list_lru.h.
#include "lru/list_lru.h"

#include "lru/memcg_lock.h"
#include "lru/sync/completion.h"
#include "lru/test_support.h"

namespace lru {
namespace {

class ListLruTest : public subject_test,
                    public testing::WithParamInterface<const list_lru_ops*> {
 protected:
  void SetUp() override {
    task_test::SetUp();
    s.emplace(nullptr, ops);
    bit = shrinker_alloc(true);
    ASSERT_EQ(ops.list_lru_init(&lru, true, bit), 0);
    parent = mem_cgroup_create(root_mem_cgroup);
    memcg = mem_cgroup_create(parent);
  }
  void TearDown() override {
    for (slab_obj* obj : objects) {
      ops.list_lru_del_obj(&lru, &obj->lru);
      s->free_object(obj);
    }
    EXPECT_EQ(sums_of(&lru).linked, 0);
    if (memcg) subject::destroy(memcg);
    if (parent) subject::destroy(parent);
    css_flush();
    ops.list_lru_destroy(&lru);
    shrinker_free(bit);
    subject_test::TearDown();
  }
  // Charged to owner, its lists allocated, not on a list.
  slab_obj* object(mem_cgroup* owner, int nid = 0) {
    EXPECT_EQ(ops.memcg_list_lru_alloc(owner, &lru), 0);
    objects.push_back(s->new_object(owner, nid));
    return objects.back();
  }
  slab_obj* added(mem_cgroup* owner, int nid = 0) {
    slab_obj* obj = object(owner, nid);
    EXPECT_TRUE(ops.list_lru_add_obj(&lru, &obj->lru));
    return obj;
  }
  items on(mem_cgroup* owner, int nid = 0) {
    return items_of(list_of(&lru, nid, owner));
  }
  void offline(mem_cgroup** which) {
    subject::destroy(*which);
    *which = nullptr;
    css_flush();
  }
  unsigned long count(mem_cgroup* owner, int nid = 0) {
    return ops.list_lru_count_one(&lru, nid, owner);
  }

  const list_lru_ops& ops = *GetParam();
  list_lru lru;
  shrinker* bit;
  mem_cgroup* parent;
  mem_cgroup* memcg;
  std::vector<slab_obj*> objects;
};

// --- add, del, count ---------------------------------------------------------

TEST_P(ListLruTest, AddAndDelSayWhetherTheyChangedSomething) {  // (L1)
  slab_obj* obj = object(memcg);
  EXPECT_FALSE(ops.list_lru_del_obj(&lru, &obj->lru));
  EXPECT_TRUE(ops.list_lru_add_obj(&lru, &obj->lru));
  EXPECT_FALSE(ops.list_lru_add_obj(&lru, &obj->lru));
  EXPECT_EQ(on(memcg), items{obj});
  EXPECT_TRUE(ops.list_lru_del_obj(&lru, &obj->lru));
  EXPECT_FALSE(ops.list_lru_del_obj(&lru, &obj->lru));
  EXPECT_TRUE(list_empty(&obj->lru));
}

TEST_P(ListLruTest, AnItemGoesToTheListOfItsNodeAndMemcg) {  // (L2)
  slab_obj *a = added(memcg, 0), *b = added(memcg, 1), *c = added(parent, 1);
  slab_obj* d = added(root_mem_cgroup, 0);
  EXPECT_EQ(on(memcg, 0), items{a});
  EXPECT_EQ(on(memcg, 1), items{b});
  EXPECT_EQ(on(parent, 1), items{c});
  EXPECT_EQ(on(root_mem_cgroup, 0), items{d});
  EXPECT_TRUE(on(parent, 0).empty());
  EXPECT_EQ(sums_of(&lru).linked, 4);
}

TEST_P(ListLruTest, AddPutsAtTheTail) {
  slab_obj *a = added(memcg), *b = added(memcg), *c = added(memcg);
  EXPECT_EQ(on(memcg), (items{a, b, c}));
}

TEST_P(ListLruTest, TheFirstItemSetsTheShrinkerBitOfTheOwner) {
  added(memcg, 1);
  EXPECT_TRUE(shrinker_bit_is_set(memcg, 1, bit->id));
  EXPECT_FALSE(shrinker_bit_is_set(memcg, 0, bit->id));
  EXPECT_FALSE(shrinker_bit_is_set(parent, 1, bit->id));
}

TEST_P(ListLruTest, CountsFollowOnEveryLevel) {  // (L6)
  added(memcg), added(memcg), added(memcg, 1), added(parent);
  EXPECT_EQ(count(memcg), 2u);
  EXPECT_EQ(count(memcg, 1), 1u);
  EXPECT_EQ(count(parent), 1u);
  EXPECT_EQ(count(nullptr), 0u);
  EXPECT_EQ(ops.list_lru_count_node(&lru, 0), 3u);
  EXPECT_EQ(ops.list_lru_count_node(&lru, 1), 1u);
  EXPECT_EQ(list_lru_count(&lru), 4u);
  shrink_control sc{.nid = 0, .memcg = memcg};
  EXPECT_EQ(list_lru_shrink_count(&lru, &sc), 2u);
  EXPECT_EQ(sums_of(&lru).linked, 4);
}

TEST_P(ListLruTest, AMemcgWithoutListsCountsNothing) {
  EXPECT_EQ(count(memcg), 0u);
  unsigned long nr = 10;
  EXPECT_EQ(ops.list_lru_walk_one(&lru, 0, memcg, nullptr, nullptr, &nr), 0u);
  EXPECT_EQ(nr, 10u);
}

TEST_P(ListLruTest, AnItemKeepsItsMemcgNeitherOnlineNorInMemory) {  // (L3)
  fault_log log;
  slab_obj* obj = added(memcg);
  u32 serial = memcg->css.serial;
  offline(&memcg);
  EXPECT_EQ(log.count(FP_css_free, serial), 1);
  EXPECT_EQ(on(parent), items{obj});
}

// --- alloc -------------------------------------------------------------------

TEST_P(ListLruTest, AllocBringsTheAncestors) {  // (L4)
  EXPECT_EQ(list_of(&lru, 0, parent), nullptr);
  EXPECT_EQ(ops.memcg_list_lru_alloc(memcg, &lru), 0);
  EXPECT_NE(list_of(&lru, 0, memcg), nullptr);
  EXPECT_NE(list_of(&lru, 0, parent), nullptr);
  EXPECT_EQ(list_of(&lru, 0, memcg)->owner, memcg);
  EXPECT_EQ(list_of(&lru, 1, parent)->owner, parent);
  s64 mlrus = live_allocs(ALLOC_MLRU);
  EXPECT_EQ(ops.memcg_list_lru_alloc(memcg, &lru), 0);
  EXPECT_EQ(live_allocs(ALLOC_MLRU), mlrus);
}

TEST_P(ListLruTest, AllocForTheRootOrAnUnawareLruIsNothing) {
  s64 mlrus = live_allocs(ALLOC_MLRU);
  EXPECT_EQ(ops.memcg_list_lru_alloc(root_mem_cgroup, &lru), 0);
  list_lru unaware;
  ASSERT_EQ(ops.list_lru_init(&unaware, false, nullptr), 0);
  EXPECT_EQ(ops.memcg_list_lru_alloc(memcg, &unaware), 0);
  ops.list_lru_destroy(&unaware);
  EXPECT_EQ(live_allocs(ALLOC_MLRU), mlrus);
}

TEST_P(ListLruTest, AllocFailsAtEveryAllocationAndLeavesNoHalf) {
  for (fault_point fp : {FP_mlru_allocated, FP_xa_stored}) {
    for (int nth : {1, 2}) {
      SCOPED_TRACE(fault_point_at(fp).name);
      s64 mlrus = live_allocs(ALLOC_MLRU);
      mem_cgroup* p = mem_cgroup_create(root_mem_cgroup);
      mem_cgroup* c = mem_cgroup_create(p);
      {
        fault_log log;
        log.fail(fp, nth);
        EXPECT_EQ(ops.memcg_list_lru_alloc(c, &lru), -ENOMEM);
      }
      EXPECT_EQ(list_of(&lru, 0, c), nullptr);
      // An ancestor that was stored already stays: it does no harm. memcg-lock
      // stores one before it makes the next.
      bool parent_stored = nth == 2 && (fp == FP_xa_stored || ops.climbs);
      EXPECT_EQ(list_of(&lru, 0, p) != nullptr, parent_stored);
      EXPECT_EQ(live_allocs(ALLOC_MLRU), mlrus + parent_stored);
      EXPECT_EQ(ops.memcg_list_lru_alloc(c, &lru), 0);
      EXPECT_EQ(live_allocs(ALLOC_MLRU), mlrus + 2);
      subject::destroy(c);
      subject::destroy(p);
      css_flush();
      EXPECT_EQ(live_allocs(ALLOC_MLRU), mlrus);
    }
  }
}

// --- reparent ----------------------------------------------------------------

TEST_P(ListLruTest, ReparentPutsAllAtTheHeadOfTheParentsInOrder) {  // (L5)
  slab_obj* old = added(parent);
  slab_obj *a = added(memcg), *b = added(memcg), *c = added(memcg, 1);
  offline(&memcg);
  EXPECT_EQ(on(parent, 0), (items{a, b, old}));
  EXPECT_EQ(on(parent, 1), items{c});
  EXPECT_EQ(count(parent), 3u);
  EXPECT_TRUE(shrinker_bit_is_set(parent, 1, bit->id));
  EXPECT_EQ(sums_of(&lru).linked, 4);
}

TEST_P(ListLruTest, AReparentedItemIsDeletedAndAddedInTheParent) {
  slab_obj* obj = added(memcg);
  offline(&memcg);
  EXPECT_TRUE(ops.list_lru_del_obj(&lru, &obj->lru));
  EXPECT_EQ(count(parent), 0u);
  EXPECT_TRUE(ops.list_lru_add_obj(&lru, &obj->lru));
  EXPECT_EQ(on(parent), items{obj});
}

TEST_P(ListLruTest, AnEmptyListSetsNoBitOfTheParent) {
  ASSERT_EQ(ops.memcg_list_lru_alloc(memcg, &lru), 0);
  offline(&memcg);
  EXPECT_FALSE(shrinker_bit_is_set(parent, 0, bit->id));
}

TEST_P(ListLruTest, ItemsClimbToTheRootsOwnList) {
  slab_obj* obj = added(memcg);
  offline(&memcg);
  offline(&parent);
  EXPECT_EQ(on(root_mem_cgroup), items{obj});
  EXPECT_EQ(count(nullptr), 1u);
}

TEST_P(ListLruTest, EveryRegisteredLruIsReparented) {
  list_lru other;
  ASSERT_EQ(ops.list_lru_init(&other, true, nullptr), 0);
  slab_obj *a = added(memcg), *b = object(memcg);
  ASSERT_EQ(ops.memcg_list_lru_alloc(memcg, &other), 0);
  EXPECT_TRUE(ops.list_lru_add_obj(&other, &b->lru));
  offline(&memcg);
  EXPECT_EQ(on(parent), items{a});
  EXPECT_EQ(items_of(list_of(&other, 0, parent)), items{b});
  EXPECT_TRUE(ops.list_lru_del_obj(&other, &b->lru));
  ops.list_lru_destroy(&other);
}

// --- walk --------------------------------------------------------------------

// What the callback is to answer for each item in turn; the rest is skipped.
// It may drop the lock before it answers.
struct walk_script {
  std::vector<lru_status> answers;
  bool drops_lock = false;
  items seen = {};
  bool lock_was_held = true;
};

bool drops_lock(lru_status status) {
  return status == LRU_RETRY || status == LRU_REMOVED_RETRY ||
         status == LRU_STOP;
}

lru_status scripted_isolate(list_head* item, list_lru_one* l, spinlock_t* lock,
                            void* arg) ABSL_NO_THREAD_SAFETY_ANALYSIS {
  auto* script = static_cast<walk_script*>(arg);
  script->lock_was_held &= lock_is_held(lock);
  size_t nr = script->seen.size();
  script->seen.push_back(slab_obj_of(item));
  lru_status answer =
      nr < script->answers.size() ? script->answers[nr] : LRU_SKIP;
  if (answer == LRU_REMOVED || answer == LRU_REMOVED_RETRY) {
    current_lru_ops().list_lru_isolate(l, item);
  }
  if (current_lru_ops().returns_unlocked && drops_lock(answer)) {
    spin_unlock(lock);
  } else if (script->drops_lock) {
    spin_unlock(lock);
    spin_lock(lock);
  }
  return answer;
}

class WalkTest : public ListLruTest {
 protected:
  void SetUp() override {
    ListLruTest::SetUp();
    a = added(memcg), b = added(memcg), c = added(memcg);
  }
  unsigned long walk(walk_script* script) {
    unsigned long isolated = ops.list_lru_walk_one(
        &lru, 0, memcg, scripted_isolate, script, &nr_to_walk);
    EXPECT_TRUE(script->lock_was_held);
    EXPECT_EQ(current_task()->nr_held.load(), 0u);
    EXPECT_EQ(sums_of(&lru).linked, static_cast<long>(on(memcg).size()));
    return isolated;
  }
  unsigned long nr_to_walk = 100;
  slab_obj *a, *b, *c;
};

TEST_P(WalkTest, RemovedIsCountedAndLeavesTheList) {
  walk_script script{{LRU_REMOVED, LRU_SKIP, LRU_REMOVED}};
  EXPECT_EQ(walk(&script), 2u);
  EXPECT_EQ(script.seen, (items{a, b, c}));
  EXPECT_EQ(on(memcg), items{b});
  EXPECT_EQ(nr_to_walk, 97u);
}

TEST_P(WalkTest, RemovedRetryIsCountedAndBeginsAgain) {
  walk_script script{{LRU_SKIP, LRU_REMOVED_RETRY}, true};
  EXPECT_EQ(walk(&script), 1u);
  EXPECT_EQ(script.seen, (items{a, b, a, c}));
  EXPECT_EQ(on(memcg), (items{a, c}));
}

TEST_P(WalkTest, RetryBeginsAgainAndKeepsTheItem) {
  walk_script script{{LRU_SKIP, LRU_RETRY}, true};
  EXPECT_EQ(walk(&script), 0u);
  EXPECT_EQ(script.seen, (items{a, b, a, b, c}));
  EXPECT_EQ(nr_to_walk, 95u);
}

TEST_P(WalkTest, RotateMovesToTheTail) {
  walk_script script{{LRU_ROTATE}};
  nr_to_walk = 2;
  EXPECT_EQ(walk(&script), 0u);
  EXPECT_EQ(on(memcg), (items{b, c, a}));
}

TEST_P(WalkTest, SkipLeavesTheItemWhereItIs) {
  walk_script script{{LRU_SKIP}};
  EXPECT_EQ(walk(&script), 0u);
  EXPECT_EQ(on(memcg), (items{a, b, c}));
  EXPECT_EQ(script.seen, (items{a, b, c}));
}

TEST_P(WalkTest, StopEndsTheWalk) {
  walk_script script{{LRU_REMOVED, LRU_STOP}};
  EXPECT_EQ(walk(&script), 1u);
  EXPECT_EQ(script.seen, (items{a, b}));
  EXPECT_EQ(nr_to_walk, 98u);
}

TEST_P(WalkTest, NoMoreCallsThanAskedForEvenWithRetries) {  // (L7)
  walk_script script{{LRU_RETRY, LRU_RETRY, LRU_RETRY, LRU_RETRY}, true};
  nr_to_walk = 3;
  EXPECT_EQ(walk(&script), 0u);
  EXPECT_EQ(script.seen, (items{a, a, a}));
  EXPECT_EQ(nr_to_walk, 0u);
  EXPECT_EQ(walk(&script), 0u);
  EXPECT_EQ(script.seen.size(), 3u);
}

TEST_P(WalkTest, IsolateMoveTakesTheItemToTheCallersList) {
  list_head taken;
  auto isolate = [](list_head* item, list_lru_one* l, spinlock_t*, void* arg) {
    current_lru_ops().list_lru_isolate_move(l, item,
                                            static_cast<list_head*>(arg));
    return LRU_REMOVED;
  };
  EXPECT_EQ(ops.list_lru_walk_one(&lru, 0, memcg, isolate, &taken, &nr_to_walk),
            3u);
  EXPECT_TRUE(on(memcg).empty());
  EXPECT_EQ(sums_of(&lru).linked, 0);
  EXPECT_EQ(list_length(&taken), 3);
  while (!list_empty(&taken)) list_del_init(taken.next);
}

TEST_P(WalkTest, ACallbackThatReturnsWithoutTheLockAborts) {
  if (ops.returns_unlocked) GTEST_SKIP() << "it must";
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  auto isolate = [](list_head*, list_lru_one*, spinlock_t* lock, void*)
                     ABSL_NO_THREAD_SAFETY_ANALYSIS -> lru_status {
    spin_unlock(lock);
    return LRU_RETRY;
  };
  EXPECT_DEATH(
      ops.list_lru_walk_one(&lru, 0, memcg, isolate, nullptr, &nr_to_walk),
      "nlru->lock is not held");
}

TEST_P(WalkTest, WalkNodeVisitsEveryMemcgOfTheNode) {
  slab_obj *d = added(parent), *e = added(root_mem_cgroup);
  added(memcg, 1);
  walk_script script{{}};
  EXPECT_EQ(
      ops.list_lru_walk_node(&lru, 0, scripted_isolate, &script, &nr_to_walk),
      0u);
  EXPECT_EQ(script.seen, (items{e, d, a, b, c}));  // root, then by id
}

TEST_P(WalkTest, WalkNodeStopsAtTheLimitAcrossLists) {
  added(parent);
  walk_script script{{}};
  nr_to_walk = 2;
  ops.list_lru_walk_node(&lru, 0, scripted_isolate, &script, &nr_to_walk);
  EXPECT_EQ(script.seen.size(), 2u);
  EXPECT_EQ(nr_to_walk, 0u);
}

TEST_P(WalkTest, WalkCoversEveryNodeAndShrinkWalkOne) {
  added(memcg, 1);
  walk_script all{{LRU_REMOVED, LRU_REMOVED, LRU_REMOVED, LRU_REMOVED}};
  shrink_control sc{.nid = 1, .memcg = memcg, .nr_to_scan = 10};
  walk_script one{{}};
  EXPECT_EQ(list_lru_shrink_walk(&lru, &sc, scripted_isolate, &one), 0u);
  EXPECT_EQ(one.seen.size(), 1u);
  EXPECT_EQ(list_lru_walk(&lru, scripted_isolate, &all, 100), 4u);
  EXPECT_EQ(list_lru_count(&lru), 0u);
}

// --- init, destroy, no memcgs ------------------------------------------------

TEST_P(ListLruTest, AnUnawareLruKeepsAllOnTheNodesOwnList) {
  list_lru unaware;
  ASSERT_EQ(ops.list_lru_init(&unaware, false, nullptr), 0);
  slab_obj *a = object(memcg), *b = object(parent, 1);
  EXPECT_TRUE(ops.list_lru_add_obj(&unaware, &a->lru));
  EXPECT_TRUE(ops.list_lru_add_obj(&unaware, &b->lru));
  EXPECT_EQ(items_of(&unaware.node[0].lru), items{a});
  EXPECT_EQ(ops.list_lru_count_one(&unaware, 0, memcg), 1u);
  offline(&memcg);  // concerns it in no way
  EXPECT_EQ(items_of(&unaware.node[0].lru), items{a});
  unsigned long nr = 10;
  walk_script script{{LRU_REMOVED}};
  EXPECT_EQ(ops.list_lru_walk_node(&unaware, 0, scripted_isolate, &script, &nr),
            1u);
  EXPECT_TRUE(ops.list_lru_del_obj(&unaware, &b->lru));
  EXPECT_EQ(sums_of(&unaware).linked, 0);
  ops.list_lru_destroy(&unaware);
}

TEST_P(ListLruTest, DestroyMayFollowAFailedInitAndAnotherDestroy) {
  alloc_snapshot before;
  list_lru failed;
  {
    fault_log log;
    log.fail(FP_lru_allocated);
    EXPECT_EQ(ops.list_lru_init(&failed, true, bit), -ENOMEM);
  }
  ops.list_lru_destroy(&failed);
  before.expect_unchanged();
  EXPECT_EQ(ops.list_lru_init(&failed, true, bit), 0);
  ops.list_lru_destroy(&failed);
  ops.list_lru_destroy(&failed);
  before.expect_unchanged();
}

TEST_P(ListLruTest, DestroyFreesTheListsOfLiveMemcgs) {
  alloc_snapshot before;
  list_lru other;
  ASSERT_EQ(ops.list_lru_init(&other, true, nullptr), 0);
  ASSERT_EQ(ops.memcg_list_lru_alloc(memcg, &other), 0);
  ops.list_lru_destroy(&other);
  before.expect_unchanged();
  // It is not registered any more: reparenting does not look at it.
  offline(&memcg);
}

// node-lock, in the middle of a reparent: the dying one has its parent's id
// already, and one below it, long offline and referenced, has not.
TEST_P(ListLruTest, ListsAreWhoseIdTheSlotIsWhileIdsAreRewritten) {
  if (ops.climbs) GTEST_SKIP() << "ids stay";
  mem_cgroup* referenced = memcg;
  css_get(&referenced->css);
  offline(&memcg);
  ASSERT_EQ(memcg_kmem_id(referenced), parent->id.id);
  parent->kmemcg_id.store(-1);
  EXPECT_EQ(ops.memcg_list_lru_alloc(referenced, &lru), 0);
  EXPECT_EQ(list_of(&lru, 0, referenced)->owner, parent);
  parent->kmemcg_id.store(parent->id.id);
  css_put(&referenced->css);
}

TEST_P(ListLruTest, NamesOfTheApiAreRecordedWhileArmed) {
  static const char* api;
  auto isolate = [](list_head*, list_lru_one*, spinlock_t* lock, void*)
                     ABSL_NO_THREAD_SAFETY_ANALYSIS {
                       api = current_task()->api.load();
                       if (current_lru_ops().returns_unlocked)
                         spin_unlock(lock);
                       return LRU_STOP;
                     };
  added(root_mem_cgroup);
  {
    fault_log log;
    unsigned long nr = 1;
    ops.list_lru_walk_node(&lru, 0, isolate, nullptr, &nr);
  }
  EXPECT_STREQ(api, "list_lru_walk_one");
}

std::string name_of(const testing::TestParamInfo<const list_lru_ops*>& info) {
  return info.param->climbs ? "memcg_lock" : "node_lock";
}
INSTANTIATE_TEST_SUITE_P(Scopes, ListLruTest,
                         testing::Values(&node_lock_ops(), &memcg_lock_ops()),
                         name_of);
INSTANTIATE_TEST_SUITE_P(Scopes, WalkTest,
                         testing::Values(&node_lock_ops(), &memcg_lock_ops()),
                         name_of);

}  // namespace
}  // namespace lru
