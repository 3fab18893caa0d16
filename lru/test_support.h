// What the tests of lru/ share: a booted subject, objects, a fault hook that
// records what it sees and makes memory run out. Included by tests alone.
#ifndef LRUTORTURE_LRU_TEST_SUPPORT_H_
#define LRUTORTURE_LRU_TEST_SUPPORT_H_

#include <gtest/gtest.h>

#include <atomic>
#include <optional>
#include <vector>

#include "lru/node_lock.h"
#include "lru/sync/turn_engine.h"

namespace lru {

using items = std::vector<slab_obj*>;
inline const list_lru_ops& ops = node_lock_ops();

// The hook records (point, memcg) in the order visited, and fails the nth
// visit of one error point. Relaxed atomics alone, as every hook.
class fault_log {
 public:
  fault_log() {
    nr_ = 0;
    fail_fp_ = NR_FAULT_POINTS;
    lru_fault_hook = hook;
    lru_armed.fetch_or(ARMED_HOOK, std::memory_order_relaxed);
  }
  ~fault_log() {
    lru_armed.fetch_and(~ARMED_HOOK, std::memory_order_relaxed);
    lru_fault_hook = nullptr;
  }

  // -ENOMEM at the nth visit (1 is the next) of fp, once.
  void fail(fault_point fp, int nth = 1) {
    fail_fp_ = fp;
    fail_nth_ = nth;
  }
  void clear() { nr_ = 0; }

  // Position of the first visit of fp for that memcg (0: any); -1: none.
  int first(fault_point fp, u32 memcg = 0) const {
    for (u32 i = 0; i < size(); i++) {
      if (fp_of(i) == fp && (!memcg || memcg_of(i) == memcg)) return i;
    }
    return -1;
  }
  int count(fault_point fp, u32 memcg = 0) const {
    int count = 0;
    for (u32 i = 0; i < size(); i++) {
      count += fp_of(i) == fp && (!memcg || memcg_of(i) == memcg);
    }
    return count;
  }

 private:
  static constexpr u32 kEventsMax = 1 << 16;
  static inline std::atomic<u64> events_[kEventsMax];
  static inline std::atomic<u32> nr_ = 0;
  static inline std::atomic<int> fail_fp_ = NR_FAULT_POINTS;
  static inline std::atomic<int> fail_nth_ = 0;

  static int hook(fault_point fp, const fault_site& site) {
    u32 at = nr_.fetch_add(1, std::memory_order_relaxed);
    if (at < kEventsMax) {
      events_[at].store(u64{fp} << 32 | site.memcg.serial,
                        std::memory_order_relaxed);
    }
    if (fail_fp_.load(std::memory_order_relaxed) != fp) return 0;
    if (fail_nth_.fetch_sub(1, std::memory_order_relaxed) != 1) return 0;
    return -ENOMEM;
  }
  static u32 size() {
    return std::min(nr_.load(std::memory_order_relaxed), kEventsMax);
  }
  static fault_point fp_of(u32 i) {
    return static_cast<fault_point>(
        events_[i].load(std::memory_order_relaxed) >> 32);
  }
  static u32 memcg_of(u32 i) {
    return static_cast<u32>(events_[i].load(std::memory_order_relaxed));
  }
};

struct alloc_snapshot {
  s64 live[NR_ALLOC_TYPES];
  alloc_snapshot() {
    for (int t = 0; t < NR_ALLOC_TYPES; t++) live[t] = live_allocs(type(t));
  }
  static alloc_type type(int t) { return static_cast<alloc_type>(t); }
  // What lives now beyond what lived then.
  void expect_unchanged() const {
    for (int t = 0; t < NR_ALLOC_TYPES; t++) {
      EXPECT_EQ(live_allocs(type(t)), live[t]) << alloc_type_name(type(t));
    }
  }
};

// The main thread as a task, and nothing else.
class task_test : public testing::Test {
 protected:
  void SetUp() override { task_adopt("main"); }
  void TearDown() override { task_disown(); }
};

// The whole subject on two nodes, with a cache; at the end nothing is left.
class subject {
 public:
  explicit subject(const teardown_steps* steps = nullptr,
                   const list_lru_ops& booted = ops) {
    memcg_boot(2, &booted, steps);
    cache_ = kmem_cache_create(sizeof(slab_obj), slab_reuse::NEVER);
  }
  ~subject() {
    kmem_cache_destroy(cache_);
    memcg_shutdown();
    at_start_.expect_unchanged();
  }

  slab_obj* new_object(mem_cgroup* memcg, int nid = 0) {
    rcu_guard guard;
    obj_cgroup* objcg = get_obj_cgroup_from_memcg(memcg);
    return kmem_cache_alloc(cache_, nid, objcg);
  }
  void free_object(slab_obj* obj) { kmem_cache_free(cache_, obj); }

  // The caller's reference goes too: the pointer is dead afterwards.
  static void destroy(mem_cgroup* memcg) {
    ASSERT_EQ(mem_cgroup_destroy(memcg), 0);
    css_put(&memcg->css);
  }
  static mem_cgroup* memcg_of(const slab_obj* obj) {
    rcu_guard guard;
    return mem_cgroup_from_slab_obj(&obj->lru);
  }

 private:
  alloc_snapshot at_start_;
  kmem_cache* cache_;
};

class subject_test : public task_test {
 protected:
  void SetUp() override {
    task_test::SetUp();
    s.emplace();
  }
  void TearDown() override {
    s.reset();
    task_test::TearDown();
  }
  std::optional<subject> s;
};

// The same under the turn engine; the log is on.
class ordered_test : public testing::Test {
 protected:
  turn_engine engine;
  subject s;
  fault_log log;
};

// What the lists of an lru hold at rest (L6).
struct lru_sums {
  long linked = 0, on_lists = 0, on_nodes = 0;
};
inline long list_length(const list_head* head) {
  long length = 0;
  for (const list_head* at = head->next; at != head; at = at->next) length++;
  return length;
}
inline lru_sums sums_of(list_lru* lru) {
  lru_sums sums;
  auto visit = [](int, list_lru_one* list, void* arg) {
    auto* sums = static_cast<lru_sums*>(arg);
    EXPECT_EQ(list->nr_items.load(), list_length(&list->list));
    sums->linked += list_length(&list->list);
    sums->on_lists += list->nr_items.load();
  };
  list_lru_for_each_list(lru, visit, &sums);
  for (int nid = 0; nid < nr_node_ids; nid++) {
    sums.on_nodes += nr_items_of_node(lru, nid);
  }
  EXPECT_EQ(sums.linked, sums.on_lists);
  EXPECT_EQ(sums.linked, sums.on_nodes);
  return sums;
}

// The sublist of (memcg, nid); null when there is none. At rest only.
inline list_lru_one* list_of(list_lru* lru, int nid, mem_cgroup* memcg) {
  return list_lru_from_memcg_idx(lru, nid, memcg_kmem_id(memcg));
}

inline items items_of(list_lru_one* l) {
  items found;
  for (list_head* at = l->list.next; at != &l->list; at = at->next) {
    found.push_back(slab_obj_of(at));
  }
  return found;
}

}  // namespace lru

#endif  // LRUTORTURE_LRU_TEST_SUPPORT_H_
