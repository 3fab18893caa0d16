#include "lru/memcg.h"

#include "lru/test_support.h"

namespace lru {
namespace {

using MemcgTest = subject_test;

mem_cgroup* create(mem_cgroup* parent = root_mem_cgroup) {
  mem_cgroup* memcg = mem_cgroup_create(parent);
  EXPECT_NE(memcg, nullptr);
  return memcg;
}
mem_cgroup* from_id(int id) {
  rcu_guard guard;
  return mem_cgroup_from_id(id);
}
mem_cgroup* charged_to(mem_cgroup* memcg) {
  rcu_guard guard;
  obj_cgroup* objcg = get_obj_cgroup_from_memcg(memcg);
  mem_cgroup* owner = objcg ? obj_cgroup_memcg(objcg) : nullptr;
  obj_cgroup_put(objcg);
  return owner;
}

TEST_F(MemcgTest, AnOnlineMemcgIsFoundByItsId) {
  mem_cgroup* memcg = create();
  EXPECT_EQ(memcg->kmemcg_id.load(), memcg->id.id);
  EXPECT_EQ(from_id(memcg->id.id), memcg);
  EXPECT_EQ(memcg->css.level, 1);
  EXPECT_EQ(parent_mem_cgroup(memcg), root_mem_cgroup);
  EXPECT_TRUE(css_tryget_online(&memcg->css));
  css_put(&memcg->css);
  EXPECT_EQ(charged_to(memcg), memcg);
  subject::destroy(memcg);
}

TEST_F(MemcgTest, TheRootHasNoIdOfItsListsAndNoObjcg) {  // (M1)
  EXPECT_EQ(memcg_kmem_id(root_mem_cgroup), -1);
  EXPECT_EQ(memcg_kmem_id(nullptr), -1);
  EXPECT_EQ(charged_to(root_mem_cgroup), nullptr);
  EXPECT_EQ(from_id(0), nullptr);
  EXPECT_EQ(from_id(-1), nullptr);
  EXPECT_EQ(from_id(MEM_CGROUP_ID_MAX + 1), nullptr);
}

// The kernel: 6.12, mem_cgroup_id_put() and mem_cgroup_id_remove().
TEST_F(MemcgTest, IdsAreTheLowestFreeAndFindNothingFromTheirLastPutOn) {
  mem_cgroup *a = create(), *b = create(), *c = create();
  int id = b->id.id;
  EXPECT_EQ(b->id.id, a->id.id + 1);
  EXPECT_EQ(c->id.id, b->id.id + 1);
  fault_log log;
  mem_cgroup_destroy(b);
  while (log.count(FP_offline_end) == 0) task_yield();
  EXPECT_EQ(from_id(id), nullptr);
  css_flush();
  mem_cgroup* d = create();
  EXPECT_EQ(d->id.id, id);
  css_put(&b->css);
  for (mem_cgroup* memcg : {a, c, d}) subject::destroy(memcg);
}

TEST_F(MemcgTest, IterWalksTheTreeInPreOrderAndKeepsNothing) {
  mem_cgroup *a = create(), *child = create(a), *b = create();
  css_get(&child->css);
  subject::destroy(child);  // offline, but referenced: still of the tree
  css_flush();
  std::vector<mem_cgroup*> seen;
  mem_cgroup* memcg = nullptr;
  while ((memcg = mem_cgroup_iter(root_mem_cgroup, memcg))) {
    seen.push_back(memcg);
  }
  EXPECT_EQ(seen, (std::vector<mem_cgroup*>{root_mem_cgroup, b, a, child}));
  {
    rcu_guard guard;
    css_put(&child->css);  // the last one: linked while this section is open
    memcg = mem_cgroup_iter(a, nullptr);
    EXPECT_EQ(memcg, a);
    EXPECT_EQ(mem_cgroup_iter(a, memcg), nullptr);
  }
  for (mem_cgroup* left : {a, b}) subject::destroy(left);
}

TEST_F(MemcgTest, ReclaimersOfOneRootAndNodeShareARound) {
  mem_cgroup *a = create(), *b = create();
  mem_cgroup_reclaim_cookie one, two, other_node{.nid = 1};
  mem_cgroup* first = mem_cgroup_iter(root_mem_cgroup, nullptr, &one);
  mem_cgroup* second = mem_cgroup_iter(root_mem_cgroup, nullptr, &two);
  EXPECT_EQ(first, root_mem_cgroup);
  EXPECT_EQ(second, b);
  first = mem_cgroup_iter(root_mem_cgroup, first, &one);
  EXPECT_EQ(first, a);
  mem_cgroup* third = mem_cgroup_iter(root_mem_cgroup, nullptr, &other_node);
  EXPECT_EQ(third, root_mem_cgroup);
  mem_cgroup_put(third);
  // Two ends the round, so one is not to begin another.
  EXPECT_EQ(mem_cgroup_iter(root_mem_cgroup, second, &two), nullptr);
  EXPECT_EQ(mem_cgroup_iter(root_mem_cgroup, first, &one), nullptr);
  for (mem_cgroup* expected : {root_mem_cgroup, b, a}) {
    mem_cgroup* got = mem_cgroup_iter(root_mem_cgroup, nullptr, &one);
    EXPECT_EQ(got, expected);
    mem_cgroup_put(got);
  }
  // Nothing is left of it: whoever begins a walk begins a round.
  mem_cgroup* again = mem_cgroup_iter(root_mem_cgroup, nullptr, &one);
  EXPECT_EQ(again, root_mem_cgroup);
  mem_cgroup_put(again);
  for (mem_cgroup* left : {a, b}) subject::destroy(left);
}

TEST_F(MemcgTest, AReleasedMemcgIsNoIteratorsPosition) {
  mem_cgroup *a = create(), *child = create(a);
  for (mem_cgroup* root : {root_mem_cgroup, a}) {
    mem_cgroup_reclaim_cookie reclaim;
    mem_cgroup* memcg = nullptr;
    while (memcg != child) memcg = mem_cgroup_iter(root, memcg, &reclaim);
    mem_cgroup_put(memcg);
    EXPECT_EQ(root->iter[0].position.load(), child);
  }
  css_get(&child->css);
  subject::destroy(child);
  css_flush();  // offline, but referenced
  EXPECT_EQ(a->iter[0].position.load(), child);
  css_put(&child->css);
  css_flush();
  EXPECT_EQ(a->iter[0].position.load(), nullptr);
  EXPECT_EQ(root_mem_cgroup->iter[0].position.load(), nullptr);
  subject::destroy(a);
}

TEST_F(MemcgTest, CreateToFreePassesEveryStageInOrder) {
  fault_log log;
  mem_cgroup* memcg = create();
  u32 serial = memcg->css.serial;
  s64 memcgs = live_allocs(ALLOC_MEMCG);
  subject::destroy(memcg);
  css_flush();
  int last = -1;
  for (const stage_info& stage : node_lock_ops().stages) {
    if (stage.per_list) continue;  // no lru is registered
    int at = log.first(stage.fp, serial);
    EXPECT_GT(at, last) << fault_point_at(stage.fp).name;
    EXPECT_EQ(log.count(stage.fp, serial), 1) << fault_point_at(stage.fp).name;
    last = at;
  }
  EXPECT_EQ(log.count(FP_css_online_failed), 0);
  EXPECT_EQ(live_allocs(ALLOC_MEMCG), memcgs - 1);
}

TEST_F(MemcgTest, AReferenceKeepsItFromReleaseNotFromOffline) {  // (C4)
  fault_log log;
  mem_cgroup* memcg = create();
  u32 serial = memcg->css.serial;
  mem_cgroup_destroy(memcg);
  css_flush();
  EXPECT_EQ(log.count(FP_offline_end, serial), 1);
  EXPECT_EQ(log.count(FP_css_ref_zero, serial), 0);
  EXPECT_TRUE(css_tryget(&memcg->css));
  EXPECT_FALSE(css_tryget_online(&memcg->css));
  css_put(&memcg->css);
  EXPECT_EQ(charged_to(memcg), nullptr);  // climbs to the root
  css_put(&memcg->css);
  css_flush();
  EXPECT_EQ(log.count(FP_css_free, serial), 1);
}

TEST_F(MemcgTest, BusyWhileAChildIsOnline) {
  mem_cgroup* parent = create();
  mem_cgroup* child = create(parent);
  EXPECT_EQ(mem_cgroup_destroy(parent), -EBUSY);
  EXPECT_FALSE(css_is_dying(&parent->css));
  EXPECT_EQ(mem_cgroup_destroy(child), 0);
  EXPECT_EQ(mem_cgroup_destroy(parent), 0);
  css_put(&child->css);
  css_put(&parent->css);
}

TEST_F(MemcgTest, TheRootCannotBeDestroyed) {
  EXPECT_EQ(mem_cgroup_destroy(root_mem_cgroup), -EINVAL);
}

TEST_F(MemcgTest, KilledTwiceDiesOnce) {  // (C1)
  fault_log log;
  mem_cgroup* memcg = create();
  u32 serial = memcg->css.serial;
  EXPECT_EQ(mem_cgroup_destroy(memcg), 0);
  EXPECT_EQ(mem_cgroup_destroy(memcg), 0);
  css_flush();
  EXPECT_EQ(mem_cgroup_destroy(memcg), 0);
  css_put(&memcg->css);
  css_flush();
  for (fault_point fp : {FP_css_dying_set, FP_offline_begin, FP_css_free}) {
    EXPECT_EQ(log.count(fp, serial), 1) << fault_point_at(fp).name;
  }
}

TEST_F(MemcgTest, NothingIsCreatedUnderADyingParent) {
  mem_cgroup* parent = create();
  mem_cgroup_destroy(parent);
  EXPECT_EQ(mem_cgroup_create(parent), nullptr);
  css_put(&parent->css);
}

// Deeper than any number of rounds that a flush could have by heart.
TEST_F(MemcgTest, ADeepTreeIsFreedFromTheLeafUp) {  // (C3)
  constexpr int kDepth = 30;
  fault_log log;
  s64 before = live_allocs(ALLOC_MEMCG);
  std::vector<mem_cgroup*> chain = {root_mem_cgroup};
  std::vector<u32> serials;
  for (int i = 0; i < kDepth; i++) {
    chain.push_back(create(chain.back()));
    serials.push_back(chain.back()->css.serial);
    EXPECT_EQ(chain.back()->css.level, i + 1);
  }
  for (int i = kDepth; i > 0; i--) subject::destroy(chain[i]);
  css_flush();
  EXPECT_EQ(live_allocs(ALLOC_MEMCG), before);
  for (int i = 0; i + 1 < kDepth; i++) {
    for (fault_point fp : {FP_offline_begin, FP_css_free}) {
      EXPECT_GT(log.first(fp, serials[i]), log.first(fp, serials[i + 1]));
    }
  }
}

TEST_F(MemcgTest, DescendantsComeParentFirstAndEachOnce) {
  mem_cgroup *a = create(), *b = create(a), *c = create(a), *d = create(b);
  std::vector<css*> seen;
  {
    rcu_guard guard;
    for (css* at = nullptr; (at = css_next_descendant_pre(at, &a->css));) {
      seen.push_back(at);
    }
  }
  EXPECT_EQ(seen, (std::vector<css*>{&a->css, &c->css, &b->css, &d->css}));
  for (mem_cgroup* memcg : {d, c, b, a}) subject::destroy(memcg);
}

TEST_F(MemcgTest, ObjcgsClimbOneLevelPerTeardown) {  // (M2)
  mem_cgroup *a = create(), *b = create(a), *c = create(b);
  slab_obj* obj = s->new_object(c);
  EXPECT_EQ(subject::memcg_of(obj), c);
  subject::destroy(c);
  css_flush();
  EXPECT_EQ(subject::memcg_of(obj), b);
  subject::destroy(b);
  css_flush();
  EXPECT_EQ(subject::memcg_of(obj), a);
  subject::destroy(a);
  css_flush();
  EXPECT_EQ(subject::memcg_of(obj), root_mem_cgroup);
  s->free_object(obj);
}

// Memory runs out at each allocation of mem_cgroup_create() in turn.
TEST_F(MemcgTest, OutOfMemoryLeavesNothingBehind) {
  struct error_case {
    fault_point fp;
    int nth;
    bool short_path;  // css_online() had begun
  };
  constexpr error_case kCases[] = {
      {FP_memcg_allocated, 1, false},
      {FP_id_allocated, 1, false},
      {FP_ref_allocated, 1, false},  // the css's
      {FP_objcg_allocated, 1, true},
      {FP_ref_allocated, 2, true},  // its objcg's
      {FP_shrinker_info_allocated, 1, true},
      {FP_shrinker_info_allocated, 2, true},
  };
  css_flush();
  alloc_snapshot before;
  int id = 0;
  for (const error_case& c : kCases) {
    SCOPED_TRACE(fault_point_at(c.fp).name);
    fault_log log;
    log.fail(c.fp, c.nth);
    EXPECT_EQ(mem_cgroup_create(root_mem_cgroup), nullptr);
    EXPECT_EQ(log.count(FP_css_online_failed), c.short_path);
    css_flush();
    before.expect_unchanged();
    mem_cgroup* memcg = create();  // memory is back, and so is the id
    if (!id) id = memcg->id.id;
    EXPECT_EQ(memcg->id.id, id);
    subject::destroy(memcg);
    css_flush();
    before.expect_unchanged();
  }
}

TEST_F(MemcgTest, TheWholeSubjectCanBeBootedAgain) {
  s.reset();
  for (int nids : {1, kNodesMax}) {
    memcg_boot(nids, &node_lock_ops(), nullptr);
    subject::destroy(create());
    memcg_shutdown();
  }
  s.emplace();
}

}  // namespace
}  // namespace lru
