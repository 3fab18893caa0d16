#include "lru/sync/rcu.h"

#include "lru/sync/alloc.h"
#include "lru/test_support.h"

namespace lru {
namespace {

class RcuTest : public task_test {
 protected:
  void SetUp() override {
    task_test::SetUp();
    rcu_init();
  }
  void TearDown() override {
    rcu_exit();
    task_test::TearDown();
  }
};

struct node {
  rcu_head rcu;  // first
  int number = 0;
};

TEST_F(RcuTest, SectionsNest) {
  EXPECT_FALSE(rcu_read_lock_held());
  auto inner = [] {
    rcu_guard guard;  // a function of its own: clang knows no nesting
    EXPECT_EQ(current_task()->rcu_nesting.load(), 2u);
  };
  {
    rcu_guard outer;
    inner();
    EXPECT_TRUE(rcu_read_lock_held());
  }
  EXPECT_FALSE(rcu_read_lock_held());
}

TEST_F(RcuTest, EachOutermostSectionShowsANumberOfItsOwn) {
  const std::atomic<u64>& section = current_task()->rcu_section;
  EXPECT_EQ(section.load(), 0u);
  u64 first = 0;
  {
    rcu_guard outer;
    first = section.load();
    EXPECT_NE(first, 0u);
    auto inner = [] { rcu_guard guard; };
    inner();
    EXPECT_EQ(section.load(), first);
  }
  EXPECT_EQ(section.load(), 0u);
  spinlock_t lock;  // a held spinlock is a read section
  spin_guard guard(&lock);
  EXPECT_NE(section.load(), 0u);
  EXPECT_NE(section.load(), first);
}

TEST_F(RcuTest, NoCallbackRunsBeforeAnOpenSectionEnds) {
  static std::atomic<bool> ran;
  ran = false;
  node first;
  auto func = [](rcu_head*) { ran.store(true, std::memory_order_relaxed); };
  u64 completed;
  {
    rcu_guard guard;
    completed = rcu_gp_completed();
    call_rcu(&first.rcu, func);
    // The callback task has begun its grace period, and cannot end it.
    while (rcu_gp_begun() == completed) task_yield();
    for (int i = 0; i < 1000; i++) task_yield();
    EXPECT_FALSE(ran);
    EXPECT_EQ(rcu_gp_completed(), completed);
  }
  rcu_barrier();
  EXPECT_TRUE(ran);
  EXPECT_GT(rcu_gp_completed(), completed);
}

TEST_F(RcuTest, CallbacksRunInTheOrderQueuedAndBarrierWaitsForAll) {
  static std::vector<int> order;
  order.clear();
  node nodes[100];
  for (int i = 0; i < 100; i++) {
    nodes[i].number = i;
    call_rcu(&nodes[i].rcu, [](rcu_head* head) {
      order.push_back(reinterpret_cast<node*>(head)->number);
    });
  }
  rcu_barrier();
  ASSERT_EQ(order.size(), 100u);
  for (int i = 0; i < 100; i++) EXPECT_EQ(order[i], i);
}

TEST_F(RcuTest, ACallbackMayQueueAnother) {
  static int runs;
  runs = 0;
  node n;
  call_rcu(&n.rcu, [](rcu_head* head) {
    runs++;
    call_rcu(head, [](rcu_head*) { runs++; });
  });
  rcu_barrier();  // the first
  rcu_barrier();  // the second
  EXPECT_EQ(runs, 2);
}

TEST_F(RcuTest, ExitRunsWhatIsQueued) {
  static int runs;
  runs = 0;
  node n;
  call_rcu(&n.rcu,
           [](rcu_head* head) { call_rcu(head, [](rcu_head*) { runs++; }); });
  rcu_exit();
  EXPECT_EQ(runs, 1);
  rcu_init();
}

TEST_F(RcuTest, SynchronizeMovesTheCountersOfGracePeriods) {
  u64 begun = rcu_gp_begun();
  EXPECT_LE(rcu_gp_completed(), begun);
  synchronize_rcu();
  // The rule of the header: a whole grace period lies between.
  EXPECT_GT(rcu_gp_completed(), begun);
  EXPECT_GE(rcu_gp_begun(), rcu_gp_completed());
}

// Readers follow the pointer while it is replaced: whoever reads a freed node
// is found by ASan, a number that is gone by the test.
TEST_F(RcuTest, ReadersSeeLiveObjectsOnly) {
  static std::atomic<node*> shared;
  static std::atomic<bool> stop;
  stop = false;
  shared = new node;
  auto reader = [](void*) {
    while (!stop.load(std::memory_order_relaxed)) {
      rcu_guard guard;
      EXPECT_GE(rcu_dereference(shared)->number, 0);
    }
  };
  task* readers[2];
  for (task*& t : readers) t = task_start("reader", reader, nullptr);
  for (int i = 1; i <= 500; i++) {
    node* old = shared.load(std::memory_order_relaxed);
    auto* fresh = new node;
    fresh->number = i;
    rcu_assign_pointer(shared, fresh);
    call_rcu(&old->rcu, [](rcu_head* head) {
      auto* freed = reinterpret_cast<node*>(head);
      freed->number = -1;
      delete freed;
    });
    if (i % 16 == 0) task_yield();
  }
  stop.store(true, std::memory_order_relaxed);
  for (task* t : readers) task_join(t);
  delete shared.load();
}

#if defined(LRU_ASAN) || defined(LRU_TSAN)
// A read after the section of an object that a callback frees. Relaxed flags
// force the order free, read; they hide nothing from TSan. ASan sees a freed
// object; TSan sees a race with the free, because the section that could have
// ordered them ended before the grace period began.
std::atomic<int> stage;
void wait_for_stage(int n) {
  while (stage.load(std::memory_order_relaxed) < n) task_yield();
}

void use_after_callback_freed(bool inside) {
  task_adopt("main");
  rcu_init();
  static std::atomic<node*> shared;
  shared = new node;
  static bool keep;
  keep = inside;
  task* reader = task_start(
      "reader",
      [](void*) ABSL_NO_THREAD_SAFETY_ANALYSIS {
        rcu_read_lock();
        node* n = rcu_dereference(shared);
        if (!keep) rcu_read_unlock();
        stage = 1;
        if (!keep) wait_for_stage(2);
        volatile int number = n->number;
        (void)number;
        if (keep) rcu_read_unlock();
      },
      nullptr);
  wait_for_stage(1);
  node* old = shared.exchange(nullptr);
  call_rcu(&old->rcu, [](rcu_head* head) {
    delete reinterpret_cast<node*>(head);
    stage.store(2, std::memory_order_relaxed);
  });
  task_join(reader);
  rcu_exit();
  task_disown();
  exit(0);
}

TEST(RcuDeathTest, AUseAfterTheSectionIsSeen) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(
      use_after_callback_freed(false),
      [](int status) { return WIFEXITED(status) && WEXITSTATUS(status) != 0; },
      "heap-use-after-free|data race");
}
TEST(RcuDeathTest, AUseInsideTheSectionIsFine) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(use_after_callback_freed(true), testing::ExitedWithCode(0), "");
}
#endif

}  // namespace
}  // namespace lru
