#include "lru/sync/workqueue.h"

#include "lru/sync/completion.h"
#include "lru/test_support.h"

namespace lru {
namespace {

class WorkqueueTest : public task_test {
 protected:
  void SetUp() override {
    task_test::SetUp();
    rcu_init();
    wq = alloc_workqueue("wq-test");
  }
  void TearDown() override {
    destroy_workqueue(wq);
    rcu_exit();
    task_test::TearDown();
  }
  workqueue_struct* wq;
};

struct numbered_work {
  work_struct work;  // first
  int number = 0;
  std::vector<int>* order = nullptr;
};

TEST_F(WorkqueueTest, RunsInTheOrderQueuedAndFlushWaits) {
  std::vector<int> order;
  numbered_work works[50];
  for (int i = 0; i < 50; i++) {
    works[i].number = i;
    works[i].order = &order;
    INIT_WORK(&works[i].work, [](work_struct* work) {
      auto* w = reinterpret_cast<numbered_work*>(work);
      w->order->push_back(w->number);
    });
    EXPECT_TRUE(queue_work(wq, &works[i].work));
  }
  flush_workqueue(wq);
  ASSERT_EQ(order.size(), 50u);
  for (int i = 0; i < 50; i++) EXPECT_EQ(order[i], i);
}

TEST_F(WorkqueueTest, PendingWorkIsNotQueuedTwice) {
  static completion started, go;
  static int runs;
  reinit_completion(&started);
  reinit_completion(&go);
  runs = 0;
  work_struct blocker, work;
  INIT_WORK(&blocker, [](work_struct*) {
    complete(&started);
    wait_for_completion(&go, "the test");
  });
  INIT_WORK(&work, [](work_struct*) { runs++; });
  queue_work(wq, &blocker);
  wait_for_completion(&started, "the worker");
  EXPECT_TRUE(queue_work(wq, &work));
  EXPECT_FALSE(queue_work(wq, &work));
  // It runs, so it is not pending: queued again from outside it would run
  // again.
  EXPECT_EQ(blocker.pending.load(), 0u);
  complete(&go);
  flush_workqueue(wq);
  EXPECT_EQ(runs, 1);
  EXPECT_TRUE(queue_work(wq, &work));
  flush_workqueue(wq);
  EXPECT_EQ(runs, 2);
}

TEST_F(WorkqueueTest, AFuncMayQueueItsWorkAgain) {
  static workqueue_struct* queue;
  static int runs;
  queue = wq;
  runs = 0;
  work_struct work;
  INIT_WORK(&work, [](work_struct* again) {
    if (++runs < 3) {
      EXPECT_TRUE(queue_work(queue, again));
    }
  });
  queue_work(wq, &work);
  for (int i = 0; i < 3; i++) flush_workqueue(wq);
  EXPECT_EQ(runs, 3);
}

TEST_F(WorkqueueTest, AFuncMayFreeItsWork) {
  static int runs;
  runs = 0;
  for (int i = 0; i < 10; i++) {
    auto* work = new work_struct;
    INIT_WORK(work, [](work_struct* mine) {
      delete mine;
      runs++;
    });
    queue_work(wq, work);
  }
  flush_workqueue(wq);
  EXPECT_EQ(runs, 10);
}

TEST_F(WorkqueueTest, DestroyRunsWhatIsQueued) {
  static int runs;
  runs = 0;
  work_struct works[10];
  for (work_struct& work : works) {
    INIT_WORK(&work, [](work_struct*) { runs++; });
    queue_work(wq, &work);
  }
  destroy_workqueue(wq);
  EXPECT_EQ(runs, 10);
  wq = alloc_workqueue("wq-test");
}

TEST_F(WorkqueueTest, RcuWorkRunsAfterAGracePeriod) {
  static std::atomic<int> runs;
  runs = 0;
  struct rcu_work rwork;
  INIT_RCU_WORK(&rwork, [](work_struct*) { runs++; });
  {
    rcu_guard guard;
    queue_rcu_work(wq, &rwork);
    for (int i = 0; i < 1000; i++) task_yield();
    EXPECT_EQ(runs, 0);
  }
  rcu_barrier();
  flush_workqueue(wq);
  EXPECT_EQ(runs, 1);
}

TEST_F(WorkqueueTest, ACompletionWaitsAndPublishes) {
  struct shared {
    completion done;
    int value = 0;
  } x;
  task* t = task_start(
      "completer",
      [](void* arg) {
        auto* x = static_cast<shared*>(arg);
        x->value = 42;
        complete(&x->done);
      },
      &x);
  wait_for_completion(&x.done, "value");
  EXPECT_EQ(x.value, 42);
  wait_for_completion(&x.done, "again");  // stays done until reinitialised
  task_join(t);
  reinit_completion(&x.done);
  EXPECT_EQ(x.done.done.load(), 0u);
}

}  // namespace
}  // namespace lru
