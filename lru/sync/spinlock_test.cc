#include "lru/sync/spinlock.h"

#include "lru/test_support.h"

namespace lru {
namespace {

using SpinlockTest = task_test;

constexpr int kRounds = 20'000;
constexpr int kTasks = 4;

template <class Lock>
struct shared_count {
  Lock lock{"count"};
  long value = 0;  // plain: TSan sees what the lock does not order
};

TEST_F(SpinlockTest, ExcludesWithManyTasks) {
  static shared_count<spinlock_t> shared;
  task* tasks[kTasks];
  for (task*& t : tasks) {
    t = task_start(
        "adder",
        [](void*) {
          for (int i = 0; i < kRounds; i++) {
            spin_guard guard(&shared.lock);
            shared.value++;
          }
        },
        nullptr);
  }
  for (task* t : tasks) task_join(t);
  EXPECT_EQ(shared.value, kRounds * kTasks);
}

TEST_F(SpinlockTest, MutexAndTrylockExcludeWithManyTasks) {
  static shared_count<mutex> sleeping;
  static shared_count<spinlock_t> tried;
  auto body = [](void*) ABSL_NO_THREAD_SAFETY_ANALYSIS {
    for (int i = 0; i < kRounds / 10; i++) {
      mutex_lock(&sleeping.lock);
      sleeping.value++;
      mutex_unlock(&sleeping.lock);
      while (!spin_trylock(&tried.lock)) task_yield();
      tried.value++;
      spin_unlock(&tried.lock);
    }
  };
  task* tasks[kTasks];
  for (task*& t : tasks) t = task_start("adder", body, nullptr);
  for (task* t : tasks) task_join(t);
  EXPECT_EQ(sleeping.value, kRounds / 10 * kTasks);
  EXPECT_EQ(tried.value, kRounds / 10 * kTasks);
}

TEST_F(SpinlockTest, TrylockFailsWhileItIsHeldAndLeavesNothingBehind) {
  static spinlock_t lock;
  spin_lock(&lock);
  task* t = task_start(
      "trier",
      [](void*) {
        bool got = spin_trylock(&lock);
        EXPECT_FALSE(got);
        if (got) spin_unlock(&lock);
        EXPECT_EQ(current_task()->nr_held.load(), 0u);
        EXPECT_FALSE(rcu_read_lock_held());
      },
      nullptr);
  task_join(t);
  spin_unlock(&lock);
}

TEST_F(SpinlockTest, AHeldSpinlockIsAReadSectionAndAMutexIsNot) {
  spinlock_t lock;
  mutex sleeping;
  {
    mutex_guard guard(&sleeping);
    EXPECT_FALSE(rcu_read_lock_held());
  }
  {
    spin_guard guard(&lock);
    EXPECT_TRUE(rcu_read_lock_held());
  }
  EXPECT_FALSE(rcu_read_lock_held());
}

std::vector<const void*> held_now() {
  const task* t = current_task();
  std::vector<const void*> held;
  for (u32 i = 0; i < t->nr_held; i++) held.push_back(t->held[i].lock);
  return held;
}

TEST_F(SpinlockTest, HeldListFollowsReleasesInAndOutOfOrder) {
  // Static: TSan takes two locks that were at one address for one.
  static spinlock_t a("a", 7, 1), b("b"), c("c");
  spin_lock(&a);
  spin_lock(&b);
  spin_lock(&c);
  EXPECT_EQ(held_now(), (std::vector<const void*>{&a, &b, &c}));
  EXPECT_EQ(current_task()->held[0].serial.load(), 7u);
  EXPECT_EQ(current_task()->held[0].nid.load(), 1);
  spin_unlock(&a);  // out of order
  EXPECT_EQ(held_now(), (std::vector<const void*>{&b, &c}));
  EXPECT_STREQ(current_task()->held[0].name.load(), "b");
  EXPECT_FALSE(lock_is_held(&a));
  EXPECT_TRUE(lock_is_held(&b));
  spin_unlock(&c);  // in order
  EXPECT_EQ(held_now(), (std::vector<const void*>{&b}));
  spin_unlock(&b);
  EXPECT_TRUE(held_now().empty());
}

TEST_F(SpinlockTest, MoreLocksThanTheListHoldsAreStillCounted) {
  static spinlock_t locks[kTaskLocksMax + 2];
  auto all = [](auto op) {
    for (spinlock_t& lock : locks) op(&lock);
  };
  all([](spinlock_t* l) ABSL_NO_THREAD_SAFETY_ANALYSIS { spin_lock(l); });
  EXPECT_EQ(current_task()->nr_held.load(), kTaskLocksMax + 2u);
  EXPECT_TRUE(lock_is_held(&locks[kTaskLocksMax + 1]));
  all([](spinlock_t* l) ABSL_NO_THREAD_SAFETY_ANALYSIS { spin_unlock(l); });
  EXPECT_EQ(current_task()->nr_held.load(), 0u);
  EXPECT_FALSE(lock_is_held(&locks[0]));
}

TEST_F(SpinlockTest, AWaitingTaskSaysWhatFor) {
  static mutex lock("waited for", 3, 1);
  mutex_lock(&lock);
  task* t =
      task_start("waiter", [](void*) { mutex_guard guard(&lock); }, nullptr);
  while (!t->waiting.load()) task_yield();
  EXPECT_STREQ(t->waiting.load(), "mutex_lock");
  EXPECT_STREQ(t->waiting_for.name.load(), "waited for");
  EXPECT_EQ(t->waiting_for.lock.load(), &lock);
  EXPECT_EQ(t->waiting_for.serial.load(), 3u);
  EXPECT_EQ(t->waiting_for.nid.load(), 1);
  mutex_unlock(&lock);
  task_join(t);
}

TEST_F(SpinlockTest, LockdepAbortsWhenItIsNotHeld) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  spinlock_t lock("nlru->lock");
  {
    spin_guard guard(&lock);
    lockdep_assert_held(&lock);
  }
  EXPECT_DEATH(lockdep_assert_held(&lock), "nlru->lock is not held by main");
}

}  // namespace
// The ninth is not written down; the eighth is.
TEST_F(SpinlockTest, WhatWasWrittenDownIsKnownWhenTheRestIsLetGo)
ABSL_NO_THREAD_SAFETY_ANALYSIS {
  spinlock_t locks[kTaskLocksMax + 1];
  spinlock_t other;
  for (spinlock_t& lock : locks) spin_lock(&lock);
  EXPECT_TRUE(lock_is_held(&other)) << "benefit of the doubt";
  spin_unlock(&locks[kTaskLocksMax]);
  EXPECT_TRUE(lock_is_held(&locks[kTaskLocksMax - 1]));
  EXPECT_FALSE(lock_is_held(&other));
  for (int i = kTaskLocksMax; i-- > 0;) spin_unlock(&locks[i]);
}

}  // namespace lru
