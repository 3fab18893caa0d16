#include "lru/percpu_ref.h"

#include "lru/sync/completion.h"
#include "lru/test_support.h"

namespace lru {
namespace {

std::atomic<int> releases, confirms;

class PercpuRefTest : public task_test {
 protected:
  void SetUp() override {
    task_test::SetUp();
    rcu_init();
    releases = confirms = 0;
    ASSERT_EQ(percpu_ref_init(&ref, [](percpu_ref*) { releases++; }, 0), 0);
  }
  void TearDown() override {
    rcu_exit();
    percpu_ref_exit(&ref);
    task_test::TearDown();
  }
  void kill() {
    percpu_ref_kill_and_confirm(&ref, [](percpu_ref*) { confirms++; });
  }
  percpu_ref ref;
};

TEST_F(PercpuRefTest, TheInitialReferenceIsDroppedByKill) {
  kill();
  rcu_barrier();
  EXPECT_EQ(confirms, 1);
  EXPECT_EQ(releases, 1);
  EXPECT_TRUE(percpu_ref_is_zero(&ref));
}

TEST_F(PercpuRefTest, ReleaseWaitsForTheLastPut) {
  percpu_ref_get(&ref);
  EXPECT_TRUE(percpu_ref_tryget(&ref));
  kill();
  rcu_barrier();
  EXPECT_EQ(confirms, 1);
  EXPECT_EQ(releases, 0);
  percpu_ref_put(&ref);
  EXPECT_EQ(releases, 0);
  percpu_ref_put(&ref);
  EXPECT_EQ(releases, 1);
}

TEST_F(PercpuRefTest, ZeroIsOnlyKnownInAtomicMode) {  // (P1)
  percpu_ref_get(&ref);
  percpu_ref_put(&ref);
  percpu_ref_put(&ref);  // the initial one: nobody notices yet
  EXPECT_FALSE(percpu_ref_is_zero(&ref));
  EXPECT_EQ(releases, 0);
  percpu_ref_get(&ref);
  kill();
  rcu_barrier();
  EXPECT_TRUE(percpu_ref_is_zero(&ref));
}

TEST_F(PercpuRefTest, NoGetSucceedsAfterZero) {  // (P2)
  kill();
  rcu_barrier();
  ASSERT_EQ(releases, 1);
  EXPECT_FALSE(percpu_ref_tryget(&ref));
  EXPECT_FALSE(percpu_ref_tryget_live(&ref));
  EXPECT_TRUE(percpu_ref_is_zero(&ref));
  EXPECT_EQ(releases, 1);
}

TEST_F(PercpuRefTest, TrygetSucceedsAfterKillAndTrygetLiveFails) {  // (P3)
  percpu_ref_get(&ref);
  kill();
  rcu_barrier();
  EXPECT_TRUE(percpu_ref_is_dying(&ref));
  EXPECT_TRUE(percpu_ref_tryget(&ref));
  EXPECT_FALSE(percpu_ref_tryget_live(&ref));
  percpu_ref_put_many(&ref, 2);
  EXPECT_EQ(releases, 1);
}

TEST_F(PercpuRefTest, TheBiasKeepsItAboveZeroUntilTheShardsAreSummed) {
  percpu_ref_get(&ref);
  {
    rcu_guard guard;  // no grace period ends
    kill();
    percpu_ref_put(&ref);
    EXPECT_FALSE(percpu_ref_is_zero(&ref));
    EXPECT_EQ(releases, 0);
  }
  rcu_barrier();
  EXPECT_EQ(releases, 1);
}

// Gets and puts on different shards (each task has its own) while it is
// killed: the sum is exact, and the release comes once, with the last put.
TEST_F(PercpuRefTest, ConcurrentGetsPutsAndKillKeepTheCountExact) {
  static std::atomic<int> ready;
  static std::atomic<bool> go;
  for (int round = 0; round < 20; round++) {
    ready = 0;
    go = false;
    percpu_ref_get(&ref);
    auto body = [](void* arg) {
      auto* ref = static_cast<percpu_ref*>(arg);
      ready++;
      while (!go.load(std::memory_order_relaxed)) task_yield();
      long held = 0;
      for (int i = 0; i < 2000; i++) {
        bool got = i % 2 ? percpu_ref_tryget(ref) : percpu_ref_tryget_live(ref);
        held += got;
        if (i % 3 == 0 && held > 0) percpu_ref_put(ref), held--;
      }
      percpu_ref_put_many(ref, held);
    };
    task* tasks[3];
    for (task*& t : tasks) t = task_start("user", body, &ref);
    while (ready < 3) task_yield();
    go = true;
    kill();
    for (task* t : tasks) task_join(t);
    rcu_barrier();
    EXPECT_EQ(releases, 0);
    EXPECT_EQ(ref.count.load(), 1);
    percpu_ref_put(&ref);
    EXPECT_EQ(releases, 1);
    EXPECT_EQ(confirms, 1);
    percpu_ref_exit(&ref);
    releases = confirms = 0;
    percpu_ref_init(&ref, [](percpu_ref*) { releases++; }, 0);
  }
}

}  // namespace
}  // namespace lru
