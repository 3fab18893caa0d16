#include "lru/xarray.h"

#include "lru/test_support.h"

namespace lru {
namespace {

class XarrayTest : public task_test {
 protected:
  void TearDown() override {
    xa_destroy(&xa);
    at_start.expect_unchanged();
    task_test::TearDown();
  }
  void store(int index, void* entry) {
    ASSERT_TRUE(xa_reserve(&xa, index));
    spin_guard guard(&xa.xa_lock);
    __xa_store(&xa, index, entry);
  }
  alloc_snapshot at_start;
  xarray xa;
  int a = 0, b = 0;
};

TEST_F(XarrayTest, LoadsWhatWasStored) {
  EXPECT_EQ(xa_load(&xa, 5), nullptr);
  for (int index : {0, 5, kXaChunk - 1, kXaChunk, kXaMax - 1}) {
    store(index, &a);
    EXPECT_EQ(xa_load(&xa, index), &a);
  }
  EXPECT_EQ(xa_load(&xa, 6), nullptr);
}

// Where an annotation was told not to look.
TEST_F(XarrayTest, AStoreWithoutTheLockAborts) {
  ASSERT_TRUE(xa_reserve(&xa, 5));
  EXPECT_DEATH([this]()
                   ABSL_NO_THREAD_SAFETY_ANALYSIS { __xa_store(&xa, 5, &a); }(),
               "xa_lock is not held");
}

TEST_F(XarrayTest, OutOfRangeIsEmpty) {
  EXPECT_EQ(xa_load(&xa, -1), nullptr);
  EXPECT_EQ(xa_load(&xa, kXaMax), nullptr);
}

TEST_F(XarrayTest, EraseReturnsTheEntryOnce) {
  store(300, &a);
  EXPECT_EQ(xa_erase_irq(&xa, 300), &a);
  EXPECT_EQ(xa_erase_irq(&xa, 300), nullptr);
  EXPECT_EQ(xa_erase_irq(&xa, 9000), nullptr);  // no chunk
  EXPECT_EQ(xa_load(&xa, 300), nullptr);
}

TEST_F(XarrayTest, FindGoesOnAcrossEmptyChunks) {
  store(3, &a);
  store(2 * kXaChunk, &b);  // the first of its chunk
  store(4 * kXaChunk + 7, &b);
  int index = 0;
  EXPECT_EQ(xa_find(&xa, &index), &a);
  EXPECT_EQ(index, 3);
  index++;
  EXPECT_EQ(xa_find(&xa, &index), &b);
  EXPECT_EQ(index, 2 * kXaChunk);
  index++;
  EXPECT_EQ(xa_find(&xa, &index), &b);
  EXPECT_EQ(index, 4 * kXaChunk + 7);
  index++;
  EXPECT_EQ(xa_find(&xa, &index), nullptr);
}

TEST_F(XarrayTest, ReserveTwiceKeepsOneChunk) {
  s64 before = live_allocs(ALLOC_OTHER);
  EXPECT_TRUE(xa_reserve(&xa, 10));
  EXPECT_TRUE(xa_reserve(&xa, 11));
  EXPECT_EQ(live_allocs(ALLOC_OTHER), before + 1);
}

}  // namespace
}  // namespace lru
