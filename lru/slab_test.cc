#include "lru/slab.h"

#include <cstring>

#include "lru/test_support.h"

namespace lru {
namespace {

using SlabTest = subject_test;

struct payload {
  slab_obj obj;  // first
  char bytes[100];
};

payload* payload_of(slab_obj* obj) { return reinterpret_cast<payload*>(obj); }

bool all_zero(const payload* p) {
  for (char byte : p->bytes) {
    if (byte) return false;
  }
  return true;
}

// Allocates, dirties and frees one object; the memory it was in.
void* dirty_one(kmem_cache* cache) {
  slab_obj* obj = kmem_cache_alloc(cache, 0, nullptr);
  memset(payload_of(obj)->bytes, 0xff, sizeof(payload::bytes));
  kmem_cache_free(cache, obj);
  return obj;
}

TEST_F(SlabTest, ObjectsAreZeroedAndOnNoList) {
  for (slab_reuse reuse : {slab_reuse::NEVER, slab_reuse::AFTER_GRACE_PERIOD,
                           slab_reuse::IMMEDIATE}) {
    kmem_cache* cache = kmem_cache_create(sizeof(payload), reuse);
    dirty_one(cache);
    rcu_barrier();
    slab_obj* obj = kmem_cache_alloc(cache, 1, nullptr);
    EXPECT_TRUE(all_zero(payload_of(obj)));
    EXPECT_TRUE(list_empty(&obj->lru));
    EXPECT_EQ(obj->nid, 1);
    EXPECT_EQ(obj->objcg, nullptr);
    kmem_cache_free(cache, obj);
    kmem_cache_destroy(cache);
  }
}

TEST_F(SlabTest, SerialsAreNeverReused) {
  kmem_cache* cache = kmem_cache_create(sizeof(payload), slab_reuse::IMMEDIATE);
  u32 last = 0;
  for (int i = 0; i < 10; i++) {
    slab_obj* obj = kmem_cache_alloc(cache, 0, nullptr);
    EXPECT_GT(obj->serial, last);
    last = obj->serial;
    kmem_cache_free(cache, obj);
  }
  kmem_cache_destroy(cache);
}

TEST_F(SlabTest, ImmediateReuseGivesTheSameMemoryAtOnce) {
  kmem_cache* cache = kmem_cache_create(sizeof(payload), slab_reuse::IMMEDIATE);
  void* memory = dirty_one(cache);
  slab_obj* obj = kmem_cache_alloc(cache, 0, nullptr);
  EXPECT_EQ(obj, memory);
  kmem_cache_free(cache, obj);
  kmem_cache_destroy(cache);
}

TEST_F(SlabTest, AfterGracePeriodReusesOnlyThen) {
  kmem_cache* cache =
      kmem_cache_create(sizeof(payload), slab_reuse::AFTER_GRACE_PERIOD);
  slab_obj *first, *second;
  {
    rcu_guard guard;
    first = kmem_cache_alloc(cache, 0, nullptr);
    kmem_cache_free(cache, first);
    second = kmem_cache_alloc(cache, 0, nullptr);
    EXPECT_NE(first, second);
    EXPECT_NE(first->serial, second->serial);  // still readable
  }
  rcu_barrier();
  slab_obj* third = kmem_cache_alloc(cache, 0, nullptr);
  EXPECT_EQ(first, third);
  kmem_cache_free(cache, second);
  kmem_cache_free(cache, third);
  kmem_cache_destroy(cache);
}

TEST_F(SlabTest, ObjectsAreCountedAndHoldTheirObjcg) {
  s64 before = live_allocs(ALLOC_SLAB_OBJ);
  mem_cgroup* memcg = mem_cgroup_create(root_mem_cgroup);
  slab_obj* obj = s->new_object(memcg);
  EXPECT_EQ(live_allocs(ALLOC_SLAB_OBJ), before + 1);
  EXPECT_EQ(subject::memcg_of(obj), memcg);
  s64 objcgs = live_allocs(ALLOC_OBJCG);
  subject::destroy(memcg);
  css_flush();
  EXPECT_EQ(live_allocs(ALLOC_OBJCG), objcgs);  // outlives its memcg (M2)
  EXPECT_EQ(subject::memcg_of(obj), root_mem_cgroup);
  s->free_object(obj);
  rcu_barrier();
  EXPECT_EQ(live_allocs(ALLOC_OBJCG), objcgs - 1);
  EXPECT_EQ(live_allocs(ALLOC_SLAB_OBJ), before);
}

TEST_F(SlabTest, AnObjectChargedToNobodyHasNoMemcg) {
  slab_obj* obj = s->new_object(root_mem_cgroup);
  EXPECT_EQ(obj->objcg, nullptr);
  EXPECT_EQ(subject::memcg_of(obj), nullptr);
  s->free_object(obj);
}

TEST_F(SlabTest, NoMemoryLeavesTheReferenceWithTheCaller) {
  mem_cgroup* memcg = mem_cgroup_create(root_mem_cgroup);
  kmem_cache* cache = kmem_cache_create(sizeof(slab_obj), slab_reuse::NEVER);
  obj_cgroup* objcg;
  {
    rcu_guard guard;
    objcg = get_obj_cgroup_from_memcg(memcg);
  }
  {
    fault_log log;
    log.fail(FP_slab_allocated);
    EXPECT_EQ(kmem_cache_alloc(cache, 0, objcg), nullptr);
  }
  obj_cgroup_put(objcg);
  kmem_cache_destroy(cache);
  subject::destroy(memcg);
}

// A reader that comes too late may ask, and hears the truth.
TEST_F(SlabTest, OneWordOutlivesFreeAndReuse) {
  kmem_cache* cache = kmem_cache_create(sizeof(payload), slab_reuse::IMMEDIATE);
  slab_obj* obj = kmem_cache_alloc(cache, 0, nullptr);
  EXPECT_EQ(obj->refs.load(), 0u);
  obj->refs.store(5);
  memset(payload_of(obj)->bytes, 0xff, sizeof(payload::bytes));
  kmem_cache_free(cache, obj);
  EXPECT_EQ(obj->refs.load(), 5u);
  ASSERT_EQ(kmem_cache_alloc(cache, 0, nullptr), obj);
  EXPECT_EQ(obj->refs.load(), 5u);
  EXPECT_TRUE(all_zero(payload_of(obj)));
  EXPECT_TRUE(list_empty(&obj->lru));
  kmem_cache_free(cache, obj);
  kmem_cache_destroy(cache);
}

#if defined(LRU_ASAN)
TEST_F(SlabTest, MemoryThatWaitsForReuseIsPoisoned) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  kmem_cache* cache = kmem_cache_create(sizeof(payload), slab_reuse::IMMEDIATE);
  auto* stale = payload_of(static_cast<slab_obj*>(dirty_one(cache)));
  EXPECT_DEATH(*static_cast<volatile char*>(&stale->bytes[50]),
               "use-after-poison");
  kmem_cache_destroy(cache);
}
#endif

}  // namespace
}  // namespace lru
