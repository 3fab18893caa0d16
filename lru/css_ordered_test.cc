// ctest: ordered
#include "lru/css.h"
#include "lru/test_support.h"

namespace lru {
namespace {

// parent and child, both referenced by the test; wq-offline is stopped in the
// middle of taking one of them down.
class CssOrdered : public ordered_test {
 protected:
  CssOrdered() {
    parent = mem_cgroup_create(root_mem_cgroup);
    child = mem_cgroup_create(parent);
    parent_serial = parent->css.serial;
    child_serial = child->css.serial;
    offline = engine.find("wq-offline");
    log.clear();
  }
  // Under RCU from where it is first run until it is run to its end.
  task* reader(std::function<void()> inside = [] {}) {
    return engine.spawn("reader", [inside] {
      rcu_guard guard;
      task_yield();
      inside();
    });
  }
  static mem_cgroup* from_id(int id) {
    rcu_guard guard;
    return mem_cgroup_from_id(id);
  }
  static int next_id() {
    mem_cgroup* memcg = mem_cgroup_create(root_mem_cgroup);
    int id = memcg->id.id;
    subject::destroy(memcg);
    return id;
  }

  mem_cgroup* parent;
  mem_cgroup* child;
  u32 parent_serial, child_serial;
  task* offline;
};

//   reader                       killer
//   inside RCU
//                                kills
//   ... the kill is not confirmed, and nothing goes offline (C2)
TEST_F(CssOrdered, AReaderFromBeforeTheKillHoldsUpTheConfirmation) {
  task* r = reader();
  engine.run_until(r, "yield");
  subject::destroy(child);
  engine.run_background();
  EXPECT_EQ(log.count(FP_ref_killed, child_serial), 1);
  EXPECT_EQ(log.count(FP_kill_confirmed), 0);
  EXPECT_EQ(log.count(FP_offline_begin), 0);
  engine.run(r);
  engine.run_background();
  EXPECT_EQ(log.count(FP_offline_begin, child_serial), 1);
  subject::destroy(parent);
}

//   reader                       teardown
//                                about to offline
//   inside RCU, finds the memcg by its id
//                                offline; nobody else finds it
//   reads the memcg: not freed, its id nobody else's
//   leaves
//                                released, freed
TEST_F(CssOrdered, AReaderKeepsTheMemcgAndItsIdFromBeingFreed) {
  int id = child->id.id;
  subject::destroy(child);
  engine.run_until(offline, "offline_begin");
  mem_cgroup* found = nullptr;
  task* r = engine.spawn("reader", [&] {
    rcu_guard guard;
    found = mem_cgroup_from_id(id);
    task_yield();
    EXPECT_EQ(found->css.serial, child_serial);
    EXPECT_EQ(mem_cgroup_from_id(id), nullptr);
  });
  engine.run_until(r, "yield");
  engine.let_go(offline);
  EXPECT_EQ(log.count(FP_offline_end, child_serial), 1);
  EXPECT_EQ(log.count(FP_id_removed), 0);
  EXPECT_EQ(log.count(FP_css_free), 0);
  EXPECT_NE(next_id(), id);
  engine.run(r);
  css_flush();
  EXPECT_EQ(log.count(FP_css_free, child_serial), 1);
  EXPECT_EQ(from_id(id), nullptr);
  EXPECT_EQ(next_id(), id);
  subject::destroy(parent);
}

//   killer                       wq-offline
//   kills child, kills parent; both are confirmed
//                                has not begun
//   ... the parent waits for its child: one work offlines both (C3)
TEST_F(CssOrdered, AParentKilledRightAfterItsChildGoesOfflineAfterIt) {
  engine.run_until_blocked(offline);  // parked, idle
  subject::destroy(child);
  mem_cgroup_destroy(parent);
  engine.run_background();
  EXPECT_EQ(log.count(FP_kill_confirmed), 2);
  EXPECT_EQ(log.count(FP_offline_begin), 0);
  EXPECT_EQ(parent->css.online_cnt.load(), 1);
  css_put(&parent->css);
  engine.let_go(offline);
  css_flush();
  EXPECT_LT(log.first(FP_offline_end, child_serial),
            log.first(FP_online_cnt_zero, parent_serial));
  EXPECT_LT(log.first(FP_online_cnt_zero, parent_serial),
            log.first(FP_offline_begin, parent_serial));
  EXPECT_EQ(log.count(FP_offline_begin, parent_serial), 1);
  EXPECT_LT(log.first(FP_css_free, child_serial),
            log.first(FP_css_free, parent_serial));
}

//   rcu-callbacks                killer
//   child confirmed, its online_cnt not yet dropped
//                                kills parent
//   drops the counts of both
TEST_F(CssOrdered, AParentKilledWhileItsChildIsConfirmedGoesOfflineAfterIt) {
  task* callbacks = engine.find("rcu-callbacks");
  subject::destroy(child);
  engine.run_until(callbacks, "kill_confirmed");
  subject::destroy(parent);
  engine.let_go(callbacks);
  css_flush();
  EXPECT_EQ(log.count(FP_offline_begin, parent_serial), 1);
  EXPECT_LT(log.first(FP_offline_end, child_serial),
            log.first(FP_offline_begin, parent_serial));
  EXPECT_EQ(log.count(FP_css_free), 2);
}

//   charger                      wq-offline
//                                memcg->objcg is null
//   charges an object: finds the parent's objcg
//                                reparents
TEST_F(CssOrdered, AChargeToAnUnpublishedMemcgClimbsToTheParent) {
  slab_obj* before = s.new_object(child);
  mem_cgroup_destroy(child);
  engine.run_until(offline, "objcg_unpublished");
  slab_obj* obj = s.new_object(child);
  EXPECT_EQ(subject::memcg_of(obj), parent);
  EXPECT_EQ(subject::memcg_of(before), child);
  engine.run_until(offline, "objcgs_reparented");
  EXPECT_EQ(subject::memcg_of(before), parent);
  engine.let_go(offline);
  EXPECT_EQ(subject::memcg_of(obj), parent);
  css_put(&child->css);
  for (slab_obj* o : {before, obj}) s.free_object(o);
  subject::destroy(parent);
}

//   charger                      wq-offline
//   loads memcg->objcg
//                                unpublishes, reparents and kills it
//   takes a reference: it is dead, not gone, and names the parent (M2)
TEST_F(CssOrdered, AChargeThatLoadedTheObjcgEarlyIsTheParents) {
  mem_cgroup_destroy(child);
  engine.run_until(offline, "offline_begin");
  slab_obj* obj = nullptr;
  task* charger = engine.spawn("charger", [&] { obj = s.new_object(child); });
  engine.run_until(charger, "get_obj_cgroup_from_memcg>load:done");
  engine.let_go(offline);
  EXPECT_EQ(log.count(FP_objcgs_reparented, child_serial), 1);
  EXPECT_EQ(log.count(FP_objcg_released), 0);
  engine.run(charger);
  EXPECT_EQ(subject::memcg_of(obj), parent);
  css_flush();
  EXPECT_EQ(log.count(FP_objcg_released), 0);
  s.free_object(obj);
  EXPECT_EQ(log.count(FP_objcg_released), 1);
  css_put(&child->css);
  subject::destroy(parent);
}

//   reader                       teardown
//                                child offline; parent killed and confirmed
//   inside RCU, knows the child
//                                child released; parent's offline rewrites
//                                the ids of its descendants
//   adds an item for the child
// The kernel unlinks the child at release, so the rewrite misses it, and the
// add finds no list under the parent's old id. Here it is still linked (the
// DIVERGES of css.h): the item lands in the grandparent's list.
TEST_F(CssOrdered, AReleasedChildStillGetsItsIdRewrittenByItsParentsOffline) {
  const list_lru_ops& ops = node_lock_ops();
  list_lru lru;
  ASSERT_EQ(ops.list_lru_init(&lru, true, nullptr), 0);
  mem_cgroup* grandchild = mem_cgroup_create(child);
  u32 grandchild_serial = grandchild->css.serial;
  ASSERT_EQ(ops.memcg_list_lru_alloc(grandchild, &lru), 0);
  slab_obj* obj = s.new_object(root_mem_cgroup);

  mem_cgroup_destroy(grandchild);
  engine.run_background();
  EXPECT_EQ(memcg_kmem_id(grandchild), memcg_kmem_id(child));
  engine.run_until_blocked(offline);  // parked, idle
  mem_cgroup_destroy(child);
  engine.run_background();
  EXPECT_EQ(log.count(FP_kill_confirmed, child_serial), 1);
  task* r = reader([&] {
    EXPECT_EQ(memcg_kmem_id(grandchild), memcg_kmem_id(parent));
    EXPECT_TRUE(ops.list_lru_add(&lru, &obj->lru, 0, grandchild));
  });
  engine.run_until(r, "yield");
  css_put(&grandchild->css);
  engine.run_background();
  EXPECT_EQ(log.count(FP_css_released, grandchild_serial), 1);
  engine.let_go(offline);
  EXPECT_EQ(log.count(FP_offline_end, child_serial), 1);
  EXPECT_EQ(log.count(FP_sibling_unlinked), 0);
  engine.run(r);
  EXPECT_EQ(items_of(list_of(&lru, 0, parent)), std::vector<slab_obj*>{obj});

  EXPECT_TRUE(ops.list_lru_del(&lru, &obj->lru, 0, parent));
  s.free_object(obj);
  css_put(&child->css);
  subject::destroy(parent);
  css_flush();
  EXPECT_EQ(log.count(FP_css_free), 3);
  ops.list_lru_destroy(&lru);
}

//   wq-free                      wq-offline
//                                child is killed, its offline has not begun
//   about to free the root of a hierarchy: waits
//                                child offline
//   frees
TEST_F(CssOrdered, TheRootOfAHierarchyIsFreedAfterWhatWasKilledBefore) {
  mem_cgroup* hierarchy = mem_cgroup_create(root_mem_cgroup);
  u32 hierarchy_serial = hierarchy->css.serial;
  css_make_hierarchy(&hierarchy->css);
  mem_cgroup_destroy(hierarchy);
  engine.run_background();
  engine.run_until_blocked(offline);  // parked, idle
  mem_cgroup_destroy(child);
  css_put(&hierarchy->css);
  engine.run_background();
  EXPECT_EQ(log.count(FP_kill_confirmed, child_serial), 1);
  EXPECT_EQ(log.count(FP_sibling_unlinked, hierarchy_serial), 1);
  EXPECT_EQ(log.count(FP_css_free, hierarchy_serial), 0);
  engine.let_go(offline);
  engine.run_background();
  EXPECT_LT(log.first(FP_offline_end, child_serial),
            log.first(FP_css_free, hierarchy_serial));
  css_put(&child->css);
  subject::destroy(parent);
}

}  // namespace
}  // namespace lru
