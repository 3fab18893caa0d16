// ctest: ordered
#include "lru/test_support.h"

namespace lru {
namespace {

// parent and memcg with lists on one lru. wq-offline is the task that takes
// the memcg down; each test stops it in the middle and lets others run.
class NodeLockOrdered : public ordered_test {
 protected:
  NodeLockOrdered() {
    bit = shrinker_alloc(true);
    EXPECT_EQ(ops.list_lru_init(&lru, true, bit), 0);
    parent = mem_cgroup_create(root_mem_cgroup);
    memcg = mem_cgroup_create(parent);
    serial = memcg->css.serial;
    EXPECT_EQ(ops.memcg_list_lru_alloc(memcg, &lru), 0);
    offline = engine.find("wq-offline");
    log.clear();
  }
  ~NodeLockOrdered() override {
    css_flush();
    for (slab_obj* obj : objects) {
      ops.list_lru_del_obj(&lru, &obj->lru);
      s.free_object(obj);
    }
    EXPECT_EQ(sums_at_rest().linked, 0);
    subject::destroy(parent);
    css_flush();
    ops.list_lru_destroy(&lru);
    shrinker_free(bit);
  }

  slab_obj* object() {
    objects.push_back(s.new_object(memcg));
    return objects.back();
  }
  slab_obj* added() {
    slab_obj* obj = object();
    EXPECT_TRUE(ops.list_lru_add_obj(&lru, &obj->lru));
    return obj;
  }
  task* adder(slab_obj* obj) {
    return engine.spawn("adder", [this, obj] {
      EXPECT_TRUE(ops.list_lru_add_obj(&lru, &obj->lru));
    });
  }
  task* deleter(slab_obj* obj) {
    return engine.spawn("deleter", [this, obj] {
      EXPECT_TRUE(ops.list_lru_del_obj(&lru, &obj->lru));
    });
  }
  // Main looks under the lock: the turns order nothing.
  items on(mem_cgroup* owner) {
    spin_guard guard(&lru.node[0].lock);
    return items_of(list_of(&lru, 0, owner));
  }
  long nr_items(mem_cgroup* owner) {
    return list_of(&lru, 0, owner)->nr_items.load();
  }
  lru_sums sums_at_rest() {
    for (int nid = 0; nid < nr_node_ids; nid++) {
      spin_guard guard(&lru.node[nid].lock);
    }
    return sums_of(&lru);
  }

  list_lru lru;
  shrinker* bit;
  mem_cgroup* parent;
  mem_cgroup* memcg;  // dead once the test has destroyed it
  u32 serial;         // its
  task* offline;
  items objects;
};

//   adder                        wq-offline
//   finds the memcg
//                                objcgs, ids, all lists: reparented
//   links its item
// The id, read under the lock, already names the parent. (N2)
TEST_F(NodeLockOrdered,
       AnAddThatFoundTheMemcgEarlyAndLinksLateLandsInTheParent) {
  slab_obj *old = added(), *late = object();
  log.clear();
  subject::destroy(memcg);
  engine.run_until(offline, "offline_begin");
  task* add = adder(late);
  engine.run_until(add, "memcg_looked_up");
  engine.run_until(offline, "lists_drained");
  engine.run(add);
  EXPECT_EQ(log.count(FP_memcg_looked_up, serial), 1);
  EXPECT_EQ(on(parent), (items{old, late}));
  EXPECT_EQ(nr_items(parent), 2);
  engine.let_go(offline);
  EXPECT_EQ(log.count(FP_css_free, serial), 1);
  EXPECT_EQ(sums_at_rest().linked, 2);
}

//   adder                        wq-offline
//   finds the memcg
//                                ids changed
//   links its item
//                                splices
// The new item is on the parent's list before the old ones, which then go to
// the head of it.
TEST_F(NodeLockOrdered, AnAddBetweenIdsAndSpliceLandsInTheParent) {
  slab_obj *old = added(), *late = object();
  subject::destroy(memcg);
  engine.run_until(offline, "offline_begin");
  task* add = adder(late);
  engine.run_until(add, "memcg_looked_up");
  engine.run_until(offline, "kmemcg_ids_changed");
  engine.run(add);
  EXPECT_EQ(on(parent), items{late});
  engine.let_go(offline);
  EXPECT_EQ(on(parent), (items{old, late}));
  EXPECT_EQ(sums_at_rest().linked, 2);
}

//   deleter                      wq-offline
//                                ids changed
//   unlinks from the memcg's list, counts on the parent's
//                                splices an empty list, and its count of one
// The lock is the same for both lists, and the sums are right again after the
// splice. (N3)
TEST_F(NodeLockOrdered, ADelBetweenIdsAndSpliceIsMendedByTheSplice) {
  slab_obj* old = added();
  list_lru_one* src = list_of(&lru, 0, memcg);
  subject::destroy(memcg);
  engine.run_until(offline, "kmemcg_ids_changed");
  engine.run(deleter(old));
  EXPECT_EQ(nr_items(parent), -1);
  EXPECT_EQ(src->nr_items.load(), 1);
  EXPECT_EQ(ops.list_lru_count_one(&lru, 0, parent), 0u);  // never negative
  EXPECT_EQ(ops.list_lru_count_node(&lru, 0), 0u);
  engine.let_go(offline);
  EXPECT_EQ(nr_items(parent), 0);
  EXPECT_EQ(sums_at_rest().linked, 0);
}

// The same with one item left: the parent's count goes to -1 and then to +1.
TEST_F(NodeLockOrdered, ADelBetweenIdsAndSpliceLeavesTheOthersCounted) {
  slab_obj *first = added(), *second = added();
  subject::destroy(memcg);
  engine.run_until(offline, "kmemcg_ids_changed");
  engine.run(deleter(first));
  engine.let_go(offline);
  EXPECT_EQ(on(parent), items{second});
  EXPECT_EQ(nr_items(parent), 1);
  EXPECT_EQ(sums_at_rest().linked, 1);
  EXPECT_TRUE(shrinker_bit_is_set(parent, 0, bit->id));
}

//   adder                        wq-offline
//   holds nlru->lock, item linked
//                                ids changed, waits for the lock
//   counts, unlocks
//                                splices the item with the rest
TEST_F(NodeLockOrdered, ReparentWaitsForAnAddThatHoldsTheLock) {
  slab_obj* obj = object();
  subject::destroy(memcg);
  engine.run_until(offline, "offline_begin");
  task* add = adder(obj);
  engine.run_until(add, "item_linked");
  EXPECT_TRUE(engine.run_until_blocked(offline));
  EXPECT_STREQ(offline->waiting_for.name.load(), "nlru->lock");
  EXPECT_EQ(log.count(FP_kmemcg_ids_changed), 1);
  EXPECT_EQ(log.count(FP_src_locked), 0);
  engine.run(add);
  engine.let_go(offline);
  EXPECT_EQ(on(parent), items{obj});
  EXPECT_EQ(nr_items(parent), 1);
  EXPECT_EQ(sums_at_rest().linked, 1);
}

//   adder                        wq-offline
//   finds the memcg
//                                ids changed
//   first item of the parent: sets the parent's bit, not the dying memcg's
TEST_F(NodeLockOrdered, TheShrinkerBitGoesToTheOwnerOfTheList) {
  slab_obj* obj = object();
  mem_cgroup_destroy(memcg);  // main's reference keeps it for the look below
  engine.run_until(offline, "offline_begin");
  task* add = adder(obj);
  engine.run_until(add, "memcg_looked_up");
  engine.run_until(offline, "kmemcg_ids_changed");
  engine.run(add);
  EXPECT_TRUE(shrinker_bit_is_set(parent, 0, bit->id));
  EXPECT_FALSE(shrinker_bit_is_set(memcg, 0, bit->id));
  engine.let_go(offline);
  css_put(&memcg->css);
}

// --- walk --------------------------------------------------------------------

struct walk_in_parts {
  bool removes;
  int calls = 0;
};
// Drops the lock in the middle, where the test lets the memcg go.
lru_status drop_lock(list_head* item, list_lru_one* l, spinlock_t* lock,
                     void* arg) ABSL_NO_THREAD_SAFETY_ANALYSIS {
  auto* walk = static_cast<walk_in_parts*>(arg);
  walk->calls++;
  if (walk->removes) ops.list_lru_isolate(l, item);
  spin_unlock(lock);
  LRU_POINT(isolate_unlocked, .item = item);
  spin_lock(lock);
  return walk->removes ? LRU_REMOVED_RETRY : LRU_RETRY;
}

//   walker                       wq-offline
//   callback drops the lock
//                                reparents; the memcg's lists are freed
//   callback retakes it, RETRY: the walk starts again
// The list that the walk was on is gone; it must not be touched. (L7)
TEST_F(NodeLockOrdered, AWalkThatDroppedTheLockMayFindItsListFreed) {
  slab_obj *first = added(), *second = added();
  s64 mlrus = live_allocs(ALLOC_MLRU);
  walk_in_parts walk{false};
  unsigned long isolated = 99, nr_to_walk = 10;
  task* walker = engine.spawn("walker", [&] {
    isolated =
        ops.list_lru_walk_one(&lru, 0, memcg, drop_lock, &walk, &nr_to_walk);
  });
  engine.run_until(walker, "isolate_unlocked");
  mem_cgroup_destroy(memcg);  // the walker's caller holds a reference (L3)
  engine.run_background();
  EXPECT_EQ(log.count(FP_offline_end, serial), 1);
  EXPECT_EQ(live_allocs(ALLOC_MLRU), mlrus - 1);
  engine.run(walker);
  EXPECT_EQ(isolated, 0u);
  EXPECT_EQ(walk.calls, 1);
  EXPECT_EQ(nr_to_walk, 9u);
  EXPECT_EQ(on(parent), (items{first, second}));
  css_put(&memcg->css);
}

// The same with the item taken off first: it must leave every count once.
TEST_F(NodeLockOrdered, AnItemRemovedBeforeTheListWasFreedLeavesTheCounts) {
  slab_obj *first = added(), *second = added();
  walk_in_parts walk{true};
  unsigned long isolated = 99, nr_to_walk = 10;
  task* walker = engine.spawn("walker", [&] {
    isolated =
        ops.list_lru_walk_one(&lru, 0, memcg, drop_lock, &walk, &nr_to_walk);
  });
  engine.run_until(walker, "isolate_unlocked");
  mem_cgroup_destroy(memcg);
  engine.run_background();
  engine.run(walker);
  EXPECT_EQ(isolated, 1u);
  EXPECT_TRUE(list_empty(&first->lru));
  EXPECT_EQ(on(parent), items{second});
  EXPECT_EQ(sums_at_rest().linked, 1);
  css_put(&memcg->css);
}

// --- alloc -------------------------------------------------------------------

// A second lru, on which nobody has lists yet, and a task that allocates the
// memcg's there, stopped somewhere while the memcg goes offline.
class AllocOrdered : public NodeLockOrdered,
                     public testing::WithParamInterface<const char*> {
 protected:
  AllocOrdered() {
    EXPECT_EQ(ops.list_lru_init(&fresh, true, nullptr), 0);
    EXPECT_EQ(ops.memcg_list_lru_alloc(parent, &fresh), 0);
  }
  ~AllocOrdered() override { ops.list_lru_destroy(&fresh); }
  list_lru fresh;
};

//   allocator                    wq-offline
//   has memory, or even xa_lock and the id
//                                ids changed, nothing to splice, slot erased
//   stores, or not
// Whatever the allocator has seen before, nothing stays under the dead id: the
// next memcg of that id would inherit it.
TEST_P(AllocOrdered, NothingIsStoredForTheDeadId) {
  int id = memcg->id.id;
  s64 mlrus = live_allocs(ALLOC_MLRU);
  int err = -1;
  task* allocator = engine.spawn(
      "allocator", [&] { err = ops.memcg_list_lru_alloc(memcg, &fresh); });
  mem_cgroup_destroy(memcg);
  engine.run_until(offline, "offline_begin");
  engine.run_until(allocator, GetParam());
  // To its end, or until it waits for the allocator's xa_lock.
  engine.run_until_blocked(offline);
  EXPECT_GT(log.count(FP_lists_drained, serial), 0);
  engine.run(allocator);
  engine.let_go(offline);
  css_flush();
  EXPECT_EQ(err, 0);
  EXPECT_EQ(xa_load(&fresh.xa, id), nullptr);
  // The memcg's lists on `lru` went with it, and nothing came.
  EXPECT_EQ(live_allocs(ALLOC_MLRU), mlrus - 1);
  css_put(&memcg->css);
}

INSTANTIATE_TEST_SUITE_P(StoppedAt, AllocOrdered,
                         testing::Values("mlru_allocated", "xa_stored",
                                         "store_mlru>spin_lock",
                                         "store_mlru>spin_lock:done",
                                         "store_mlru>store"));

// --- shrinker bit ------------------------------------------------------------

class ShrinkerBitOrdered : public NodeLockOrdered {
 protected:
  ShrinkerBitOrdered() {
    bit->private_data = &lru;
    bit->count_objects = [](shrinker* s, shrink_control* sc) {
      auto* counted = static_cast<list_lru*>(s->private_data);
      unsigned long count = list_lru_shrink_count(counted, sc);
      return count ? count : SHRINK_EMPTY;
    };
    bit->scan_objects = [](shrinker*, shrink_control*) { return SHRINK_STOP; };
    shrinker_register(bit);
    set_shrinker_bit(memcg, 0, bit->id);  // stale, as after a del
    obj = object();
    shrink = engine.spawn("shrinker", [this] { shrink_slab(0, memcg, 0); });
  }
  // The item is there: so is the bit. (S1)
  void expect_bit() {
    EXPECT_TRUE(shrinker_bit_is_set(memcg, 0, bit->id));
    EXPECT_EQ(on(memcg), items{obj});
    subject::destroy(memcg);
  }
  slab_obj* obj;
  task* shrink;
};

//   shrinker                     adder
//   counts nothing
//                                links, sets the bit, which is set
//   clears the bit, counts again, sets it back (S2)
TEST_F(ShrinkerBitOrdered, AnAddBeforeTheClearIsFoundByTheRescan) {
  engine.run_until(shrink, "shrink_counted_empty");
  engine.run(adder(obj));
  engine.run(shrink);
  expect_bit();
}

//   shrinker                     adder
//   counts nothing, clears the bit
//                                links, sets the bit
//   counts again
TEST_F(ShrinkerBitOrdered, AnAddAfterTheClearSetsTheBit) {
  engine.run_until(shrink, "shrinker_bit_cleared");
  engine.run(adder(obj));
  engine.run(shrink);
  expect_bit();
}

//   shrinker                     adder
//                                links, has not counted
//   counts nothing, clears the bit, counts nothing again
//                                counts, sets the bit
TEST_F(ShrinkerBitOrdered, AnAddAcrossTheWholeRescanSetsTheBitLast) {
  task* add = adder(obj);
  engine.run_until(add, "item_linked");
  engine.run(shrink);
  EXPECT_FALSE(shrinker_bit_is_set(memcg, 0, bit->id));
  engine.run(add);
  expect_bit();
}

//   shrinker                     adder
//                                links, counts, is about to set the bit
//   counts one: no clearing
//                                sets the bit
TEST_F(ShrinkerBitOrdered, ACountedItemKeepsTheBitBeforeItIsSet) {
  task* add = adder(obj);
  engine.run_until(add, "set_shrinker_bit>rcu_read_lock");
  engine.run(shrink);
  EXPECT_EQ(log.count(FP_shrinker_bit_cleared), 0);
  engine.run(add);
  expect_bit();
}

}  // namespace
}  // namespace lru
