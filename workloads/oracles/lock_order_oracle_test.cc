// lock_order, with locks of the test's own.
#include "workloads/oracle_testing.h"

namespace workloads {
namespace {

using lru::spin_guard;
using lru::spinlock_t;
using testing::AllOf;
using testing::Contains;
using testing::IsEmpty;
using testing::SizeIs;

constexpr const char* kLockOrder = "lock_order";

struct Locks {
  spinlock_t a{"a->lock"}, b{"b->lock"}, c{"c->lock"};
  spinlock_t other_a{"a->lock", 2};
  lru::mutex m{"m_mutex"};
};

void Take(spinlock_t* first, spinlock_t* second) {
  spin_guard outer(first);
  spin_guard inner(second);
}

Findings WithLocks(const std::function<void(Locks&)>& body) {
  return RunScenario([&] {
    Scenario s;
    Locks locks;
    body(locks);
    s.Quiet();
    s.CheckTotals();
  });
}

TEST(LockOrderOracleTest, OneOrderIsSilent) {
  EXPECT_THAT(WithLocks([](Locks& l) {
                Take(&l.a, &l.b);
                Take(&l.b, &l.c);
                Take(&l.a, &l.c);
                Take(&l.a, &l.b);
              }),
              IsEmpty());
}

TEST(LockOrderOracleTest, ActorsAndTeardownAreSilent) {
  EXPECT_THAT(RunScenario([] {
                Scenario s;
                s.Step(400);
                s.Finish();
              }),
              IsEmpty());
}

// Once, however often it happens.
TEST(LockOrderOracleTest, TwoOrders) {
  EXPECT_THAT(WithLocks([](Locks& l) {
                Take(&l.a, &l.b);
                Take(&l.b, &l.a);
                Take(&l.b, &l.a);
              }),
              AllOf(SizeIs(1),
                    Contains(Says(kLockOrder,
                                  "takes a->lock 0 while it holds b->lock 0, "
                                  "but elsewhere the order is a->lock, then "
                                  "b->lock"))));
}

TEST(LockOrderOracleTest, ThreeInACircle) {
  EXPECT_THAT(WithLocks([](Locks& l) {
                Take(&l.a, &l.b);
                Take(&l.b, &l.c);
                Take(&l.c, &l.a);
              }),
              Contains(Says(kLockOrder,
                            "the order is a->lock, then b->lock, then "
                            "c->lock")));
}

// Once, and whether or not anything else is held.
TEST(LockOrderOracleTest, MutexInAReadSection) {
  EXPECT_THAT(WithLocks([](Locks& l) {
                lru::mutex_guard outer(&l.m);
                lru::rcu_guard inner;
              }),
              IsEmpty());
  EXPECT_THAT(WithLocks([](Locks& l) {
                for (int i = 0; i < 2; i++) {
                  lru::rcu_guard outer;
                  lru::mutex_guard inner(&l.m);
                }
              }),
              AllOf(SizeIs(1),
                    Contains(Says(kLockOrder,
                                  "takes m_mutex, which may sleep, in a read "
                                  "section"))));
}

TEST(LockOrderOracleTest, MutexAndSpinlock) {
  EXPECT_THAT(
      WithLocks([](Locks& l) {
        {
          lru::mutex_guard outer(&l.m);
          spin_guard inner(&l.a);
        }
        spin_guard outer(&l.a);
        lru::mutex_guard inner(&l.m);
      }),
      Contains(Says(kLockOrder, "takes m_mutex 0 while it holds a->lock")));
}

TEST(LockOrderOracleTest, TwoOfOneClass) {
  EXPECT_THAT(
      WithLocks([](Locks& l) { Take(&l.a, &l.other_a); }),
      Contains(Says(kLockOrder, "takes a->lock 2 while it holds a->lock")));
}

void TakeNested(spinlock_t* first, spinlock_t* second,
                bool nested_first) ABSL_NO_THREAD_SAFETY_ANALYSIS {
  lru::spin_lock_nested(first, nested_first ? lru::SINGLE_DEPTH_NESTING : 0);
  lru::spin_lock_nested(second, nested_first ? 0 : lru::SINGLE_DEPTH_NESTING);
  lru::spin_unlock(second);
  lru::spin_unlock(first);
}

TEST(LockOrderOracleTest, NestedByAnnotationIsSilentInOneOrderOnly) {
  EXPECT_THAT(WithLocks([](Locks& l) {
                TakeNested(&l.a, &l.other_a, false);
                TakeNested(&l.other_a, &l.a, false);
              }),
              IsEmpty());
  EXPECT_THAT(WithLocks([](Locks& l) {
                TakeNested(&l.a, &l.other_a, false);
                TakeNested(&l.a, &l.other_a, true);
              }),
              Contains(Says(kLockOrder, "a->lock, then a->lock (nested)")));
}

TEST(LockOrderOracleTest, TrylockWaitsForNobody) {
  auto tried = [](spinlock_t* first, spinlock_t* second, spinlock_t* third)
                   ABSL_NO_THREAD_SAFETY_ANALYSIS {
                     spin_guard outer(first);
                     ASSERT_TRUE(lru::spin_trylock(second));
                     if (third) {
                       lru::spin_lock(third);
                       lru::spin_unlock(third);
                     }
                     lru::spin_unlock(second);
                   };
  EXPECT_THAT(WithLocks([&](Locks& l) {
                Take(&l.a, &l.b);
                tried(&l.b, &l.a, nullptr);
              }),
              IsEmpty());
  // But whoever holds what it tried for may be waited for.
  EXPECT_THAT(
      WithLocks([&](Locks& l) {
        Take(&l.c, &l.a);
        tried(&l.b, &l.a, &l.c);
      }),
      Contains(Says(kLockOrder, "takes c->lock 0 while it holds a->lock")));
}

// The second task is told of before it gets its lock: main lets go only then.
TEST(LockOrderOracleTest, ReportedBeforeTheTaskBlocks) {
  static Locks locks;
  EXPECT_THAT(
      RunScenario([] {
        Scenario s;
        Take(&locks.b, &locks.a);
        lru::spin_lock(&locks.b);
        lru::task* other = lru::task_start(
            "other", [](void*) { Take(&locks.a, &locks.b); }, nullptr);
        while (
            !harness::recorder()->nr_findings.load(std::memory_order_relaxed)) {
          lru::task_yield();
        }
        lru::spin_unlock(&locks.b);
        lru::task_join(other);
      }),
      Contains(Says(kLockOrder, "other takes b->lock 0 while it holds")));
}

TEST(LockOrderOracleTest, MutexWithInterruptsOff) {
  EXPECT_THAT(WithLocks([](Locks& l) {
                lru::irqs_off_guard outer(true);
                lru::mutex_guard inner(&l.m);
              }),
              Contains(Says(kLockOrder,
                            "takes m_mutex, which may sleep, with interrupts "
                            "off")));
}

TEST(LockOrderOracleTest, IrqSafeLockWithInterruptsOffIsSilent) {
  EXPECT_THAT(WithLocks([](Locks& l) ABSL_NO_THREAD_SAFETY_ANALYSIS {
                l.a.irq_safe = true;
                lru::spin_lock_irq(&l.a);
                lru::spin_unlock_irq(&l.a);
                EXPECT_FALSE(lru::current_task()->irqs_off);
                lru::irqs_off_guard outer(true);
                Take(&l.a, &l.b);
                {
                  lru::irqs_off_guard inner(true);
                }
                {
                  lru::irqs_off_guard none(false);
                }
                spin_guard guard(&l.a);  // they are off still
              }),
              IsEmpty());
}

TEST(LockOrderOracleTest, IrqSafeLockWithInterruptsOn) {
  const char* kSays = "main holds a->lock 0 in no call with interrupts on";
  EXPECT_THAT(WithLocks([](Locks& l) {
                l.a.irq_safe = true;
                spin_guard guard(&l.a);
              }),
              AllOf(SizeIs(1), Contains(Says(kLockOrder, kSays))));
  // An unlock that turns them on, though they were off before its lock.
  EXPECT_THAT(WithLocks([](Locks& l) ABSL_NO_THREAD_SAFETY_ANALYSIS {
                l.a.irq_safe = true;
                lru::spin_lock_irq(&l.a);
                lru::spin_lock_irq(&l.b);
                lru::spin_unlock_irq(&l.b);
                lru::spin_unlock(&l.a);
              }),
              AllOf(SizeIs(1), Contains(Says(kLockOrder, kSays))));
}

TEST(LockOrderOracleTest, UnlockOfWhatIsNotHeld) {
  auto unlock = [](Locks& l) ABSL_NO_THREAD_SAFETY_ANALYSIS {
    lru::spin_lock(&l.a);
    lru::spin_unlock(&l.a);
    lru::rcu_read_lock();  // the one that the unlock gives up
    lru::spin_unlock(&l.a);
  };
  EXPECT_THAT(WithLocks(unlock),
              AllOf(SizeIs(1), Contains(Says(kLockOrder,
                                             "main unlocks a->lock 0 in no "
                                             "call, but does not hold it"))));
  // While it holds others, which it holds still afterwards.
  EXPECT_THAT(
      WithLocks([](Locks& l) ABSL_NO_THREAD_SAFETY_ANALYSIS {
        lru::spin_lock(&l.b);
        lru::rcu_read_lock();
        lru::spin_unlock(&l.other_a);
        EXPECT_TRUE(lru::lock_is_held(&l.b));
        lru::spin_unlock(&l.b);
      }),
      AllOf(SizeIs(1), Contains(Says(kLockOrder, "unlocks a->lock 2"))));
}

// Out of order, and more than are written down.
TEST(LockOrderOracleTest, UnlocksInAnyOrderAreSilent) {
  EXPECT_THAT(WithLocks([](Locks& l) ABSL_NO_THREAD_SAFETY_ANALYSIS {
                lru::spin_lock(&l.a);
                lru::spin_lock(&l.b);
                lru::spin_lock(&l.c);
                lru::spin_unlock(&l.a);
                EXPECT_TRUE(lru::lock_is_held(&l.b));
                EXPECT_TRUE(lru::lock_is_held(&l.c));
                EXPECT_FALSE(lru::lock_is_held(&l.a));
                lru::spin_unlock(&l.b);
                lru::spin_unlock(&l.c);
                static_assert(lru::kTaskLocksMax < 10);
                static spinlock_t many[] = {spinlock_t("l0"), spinlock_t("l1"),
                                            spinlock_t("l2"), spinlock_t("l3"),
                                            spinlock_t("l4"), spinlock_t("l5"),
                                            spinlock_t("l6"), spinlock_t("l7"),
                                            spinlock_t("l8"), spinlock_t("l9")};
                for (spinlock_t& lock : many) lru::spin_lock(&lock);
                for (spinlock_t& lock : many) lru::spin_unlock(&lock);
                EXPECT_EQ(lru::current_task()->nr_held.load(), 0u);
              }),
              IsEmpty());
}

}  // namespace
}  // namespace workloads
