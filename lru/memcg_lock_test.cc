// What is memcg-lock's own: climbing, dead lists, caller-locked calls.
#include "lru/memcg_lock.h"

#include "lru/test_support.h"

namespace lru {
namespace {

class MemcgLockTest : public task_test {
 protected:
  void SetUp() override {
    task_test::SetUp();
    s.emplace(nullptr, ops);
    bit = shrinker_alloc(true);
    ASSERT_EQ(ops.list_lru_init(&lru, true, bit), 0);
    parent = mem_cgroup_create(root_mem_cgroup);
    memcg = mem_cgroup_create(parent);
    EXPECT_EQ(ops.memcg_list_lru_alloc(memcg, &lru), 0);
    obj = s->new_object(memcg);
  }
  void TearDown() override {
    ops.list_lru_del_obj(&lru, &obj->lru);
    s->free_object(obj);
    EXPECT_EQ(sums_of(&lru).linked, 0);
    if (!killed) subject::destroy(memcg);
    css_put(&memcg->css);
    subject::destroy(parent);
    css_flush();
    ops.list_lru_destroy(&lru);
    shrinker_free(bit);
    s.reset();
    task_test::TearDown();
  }
  // Offline, and still referenced by us.
  void kill() {
    css_get(&memcg->css);
    subject::destroy(memcg);
    killed = true;
    css_flush();
  }
  void keep() { css_get(&memcg->css); }

  const list_lru_ops& ops = memcg_lock_ops();
  std::optional<subject> s;
  list_lru lru;
  shrinker* bit;
  mem_cgroup *parent, *memcg;
  slab_obj* obj;
  bool killed = false;
};

TEST_F(MemcgLockTest, IdStaysAndTheListIsNotFoundAgain) {
  int id = memcg->kmemcg_id;
  kill();
  EXPECT_EQ(memcg->kmemcg_id, id);
  EXPECT_EQ(list_of(&lru, 0, memcg), nullptr);
}

TEST_F(MemcgLockTest, AddAndDelByADyingMemcgClimbToTheNearestThatLives) {
  kill();
  EXPECT_TRUE(ops.list_lru_add(&lru, &obj->lru, 0, memcg));
  EXPECT_EQ(items_of(list_of(&lru, 0, parent)), items{obj});
  EXPECT_TRUE(shrinker_bit_is_set(parent, 0, bit->id));
  EXPECT_FALSE(shrinker_bit_is_set(memcg, 0, bit->id));
  EXPECT_TRUE(ops.list_lru_del(&lru, &obj->lru, 0, memcg));
  EXPECT_EQ(ops.list_lru_count_node(&lru, 0), 0u);
}

// (d2) Its former items are the parent's.
TEST_F(MemcgLockTest, ADeadListIsNotWalkedAndCountsNothing) {
  EXPECT_TRUE(ops.list_lru_add_obj(&lru, &obj->lru));
  kill();
  unsigned long nr = 10;
  EXPECT_EQ(ops.list_lru_walk_one(&lru, 0, memcg, nullptr, nullptr, &nr), 0u);
  EXPECT_EQ(ops.list_lru_count_one(&lru, 0, memcg), 0u);
  EXPECT_EQ(ops.list_lru_count_one(&lru, 0, parent), 1u);
}

TEST_F(MemcgLockTest, NothingIsMadeForTheDying) {
  kill();
  s64 mlrus = live_allocs(ALLOC_MLRU);
  EXPECT_EQ(ops.memcg_list_lru_alloc(memcg, &lru), 0);
  EXPECT_EQ(live_allocs(ALLOC_MLRU), mlrus);
  EXPECT_EQ(list_of(&lru, 0, memcg), nullptr);
}

// (G6) The id has gone to another memcg, and we still use the old one.
TEST_F(MemcgLockTest, AnIdOfAnotherLeadsToNoList) {
  kill();
  mem_cgroup* other = mem_cgroup_create(root_mem_cgroup);
  ASSERT_EQ(other->kmemcg_id.load(), memcg->kmemcg_id.load());
  ASSERT_EQ(ops.memcg_list_lru_alloc(other, &lru), 0);
  EXPECT_TRUE(ops.list_lru_add(&lru, &obj->lru, 0, memcg));
  EXPECT_EQ(items_of(list_of(&lru, 0, other)), items{});
  EXPECT_EQ(items_of(list_of(&lru, 0, parent)), items{obj});
  EXPECT_TRUE(ops.list_lru_del_obj(&lru, &obj->lru));
  subject::destroy(other);
  css_flush();
}

TEST_F(MemcgLockTest, EachListHasItsLock) {
  const list_lru_one* mine = list_of(&lru, 0, memcg);
  EXPECT_EQ(ops.lock_of(&lru, 0, mine), &mine->lock);
  EXPECT_NE(ops.lock_of(&lru, 0, mine),
            ops.lock_of(&lru, 0, list_of(&lru, 0, parent)));
}

// Drained and marked dead before the slot is erased, lists before objcgs.
TEST_F(MemcgLockTest, StagesComeInTheOrderThatIsPublished) {
  EXPECT_TRUE(ops.list_lru_add_obj(&lru, &obj->lru));
  fault_log log;
  u32 serial = memcg->css.serial;
  keep();
  kill();
  int before = -1;
  for (const stage_info& stage : ops.stages) {
    int at = log.first(stage.fp, serial);
    if (at < 0) continue;  // not before our references are gone
    EXPECT_GT(at, before) << fault_point_at(stage.fp).name;
    before = at;
  }
  EXPECT_EQ(log.count(FP_list_marked_dead, serial), nr_node_ids);
  EXPECT_LT(log.first(FP_xa_erased, serial),
            log.first(FP_objcg_unpublished, serial));
  css_put(&memcg->css);
}

// --- caller-locked

TEST_F(MemcgLockTest, TheCallerLocksAndMayDoMoreThanOneThing) {
  mem_cgroup* owner = memcg;
  list_lru_one* l = ops.list_lru_lock(&lru, 0, &owner);
  EXPECT_EQ(owner, memcg);
  EXPECT_TRUE(lock_is_held(&l->lock));
  EXPECT_TRUE(ops.__list_lru_add(&lru, l, &obj->lru, 0, owner));
  EXPECT_FALSE(ops.__list_lru_add(&lru, l, &obj->lru, 0, owner));
  EXPECT_TRUE(ops.__list_lru_del(&lru, l, &obj->lru, 0));
  EXPECT_FALSE(ops.__list_lru_del(&lru, l, &obj->lru, 0));
  EXPECT_TRUE(ops.__list_lru_add(&lru, l, &obj->lru, 0, owner));
  ops.list_lru_unlock(l);
  EXPECT_FALSE(lock_is_held(&l->lock));
  EXPECT_EQ(items_of(list_of(&lru, 0, memcg)), items{obj});
}

TEST_F(MemcgLockTest, TheMemcgIsWrittenBackWhenTheLockIsAnAncestors) {
  kill();
  mem_cgroup* owner = memcg;
  unsigned long flags = 0;
  list_lru_one* l = ops.list_lru_lock_irqsave(&lru, 1, &owner, &flags);
  EXPECT_EQ(owner, parent);
  EXPECT_EQ(l, list_of(&lru, 1, parent));
  ops.list_lru_unlock_irqrestore(l, &flags);
  EXPECT_EQ(current_task()->nr_held.load(), 0u);
}

}  // namespace
}  // namespace lru
