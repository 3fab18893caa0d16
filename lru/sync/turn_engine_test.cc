// ctest: ordered
#include "lru/sync/turn_engine.h"

#include <gtest/gtest.h>

#include <string>

#include "lru/sync/completion.h"
#include "lru/sync/spinlock.h"
#include "lru/sync/workqueue.h"

namespace lru {
namespace {

TEST(TurnEngine, SpawnedTasksRunOnlyWhenNamed) {
  turn_engine engine;
  spinlock_t lock;  // the turns order nothing
  std::string order;
  auto note = [&](const char* name) {
    spin_guard guard(&lock);
    order += name;
  };
  auto noted = [&] {
    spin_guard guard(&lock);
    return order;
  };
  task* a = engine.spawn("a", [&] { note("a"); });
  task* b = engine.spawn("b", [&] { note("b"); });
  engine.run_background();
  EXPECT_EQ(noted(), "");
  engine.run(b);
  engine.run(a);
  EXPECT_EQ(noted(), "ba");
}

TEST(TurnEngine, StopsRightAtAnOperationOfOneFunction) {
  turn_engine engine;
  spinlock_t lock;
  task* a = engine.spawn("a", [&] { spin_guard guard(&lock, "here"); });
  engine.run_until(a, "here>spin_lock");
  EXPECT_EQ(a->nr_held.load(), 0u);
  engine.run_until(a, "here>spin_lock:done");
  EXPECT_EQ(a->nr_held.load(), 1u);
  engine.run_until(a, "spin_unlock:done");
  EXPECT_EQ(a->nr_held.load(), 0u);
  engine.run(a);
}

TEST(TurnEngine, ABlockedTaskLetsOthersRunAndGoesOnWhenWoken) {
  turn_engine engine;
  mutex lock("the lock");
  std::string order;
  auto body = [&](const char* name) {
    mutex_guard guard(&lock);
    task_yield();
    order += name;
  };
  task* a = engine.spawn("a", [&] { body("a"); });
  task* b = engine.spawn("b", [&] { body("b"); });
  engine.run_until(a, "yield");
  EXPECT_TRUE(engine.run_until_blocked(b));
  EXPECT_STREQ(b->waiting.load(), "mutex_lock");
  EXPECT_STREQ(b->waiting_for.name.load(), "the lock");
  engine.run(a);
  EXPECT_FALSE(engine.run_until_blocked(b));
  task_join(b);
  EXPECT_EQ(order, "ab");
}

TEST(TurnEngine, MainWaitsForTheTasksOfLru) {
  turn_engine engine;
  rcu_init();
  workqueue_struct* wq = alloc_workqueue("wq-test");
  struct rcu_work rwork;
  static int runs;
  runs = 0;
  INIT_RCU_WORK(&rwork, [](work_struct*) { runs++; });
  queue_rcu_work(wq, &rwork);
  EXPECT_EQ(runs, 0);  // main keeps its turn
  rcu_barrier();
  flush_workqueue(wq);
  EXPECT_EQ(runs, 1);
  destroy_workqueue(wq);
  rcu_exit();
}

TEST(TurnEngine, AGracePeriodWaitsForAParkedReader) {
  turn_engine engine;
  task* reader = engine.spawn("reader", [&] {
    rcu_guard guard;
    task_yield();
  });
  task* writer = engine.spawn("writer", [&] { synchronize_rcu(); });
  engine.run_until(reader, "yield");
  EXPECT_TRUE(engine.run_until_blocked(writer));
  engine.run(reader);
  engine.run(writer);
}

TEST(TurnEngine, TimeIsVirtual) {
  turn_engine engine;
  u64 before = now_ns();
  sleep_ns(3'600'000'000'000);
  EXPECT_GE(now_ns() - before, 3'600'000'000'000u);
}

TEST(TurnEngineDeathTest, DeadlockSaysWhoWaitsForWhat) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  auto deadlock = [] {
    turn_engine engine;
    mutex first("first"), second("second");
    auto take_both = [](mutex* x, mutex* y) ABSL_NO_THREAD_SAFETY_ANALYSIS {
      mutex_lock(x);
      task_yield();
      mutex_lock(y);
    };
    task* a = engine.spawn("a", [&] { take_both(&first, &second); });
    task* b = engine.spawn("b", [&] { take_both(&second, &first); });
    engine.run_until(a, "yield");
    engine.run_until(b, "yield");
    engine.unpark(a);
    engine.run(b);
  };
  EXPECT_DEATH(deadlock(),
               "a: blocked, waits in mutex_lock for second, holds first.*\n"
               ".*b: blocked, waits in mutex_lock for first, holds second");
}

TEST(TurnEngineDeathTest, APointThatIsNeverReachedIsAnError) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  auto mistyped = [] {
    turn_engine engine;
    engine.run_until(engine.spawn("a", [] { task_yield(); }), "yeild");
  };
  EXPECT_DEATH(mistyped(), "never reached: yeild");
}

#if defined(LRU_TSAN)
// (T2) Two tasks write one word, strictly one after the other; the second turn
// begins when the first task has long written. Only the lock orders them.
void write_one_after_the_other(bool locked) {
  turn_engine engine;
  spinlock_t lock;
  long word = 0;
  auto write = [&]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
    if (locked) spin_lock(&lock);
    word++;
    if (locked) spin_unlock(&lock);
    task_yield();
  };
  task* a = engine.spawn("a", write);
  task* b = engine.spawn("b", write);
  engine.run_until(a, "yield");
  engine.run_until(b, "yield");
  engine.run(a);
  engine.run(b);
  exit(word == 2 ? 0 : 1);
}

// TSan ends a process that has reported something with status 66.
TEST(TurnEngineDeathTest, TsanStillSeesARaceBetweenTurns) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(write_one_after_the_other(false), testing::ExitedWithCode(66),
              "data race");
}
TEST(TurnEngineDeathTest, TsanSeesNoRaceWhereALockOrders) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(write_one_after_the_other(true), testing::ExitedWithCode(0), "");
}
#endif

}  // namespace
}  // namespace lru
