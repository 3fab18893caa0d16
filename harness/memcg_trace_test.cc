#include "gtest/gtest.h"
#include "harness/flight_recorder.h"
#include "harness/recorder_fixture.h"

namespace harness {
namespace {

class MemcgTraceTest : public RecorderTest {
 protected:
  void Reach(lru::fault_point fp, uint32_t memcg, long nr = 0) {
    lru::fault_site site = Site(memcg);
    site.nr = nr;
    site.parent.serial = 1;
    RecordPoint(fp, site);
  }
  // `moved` items at the splice; `used` by somebody in between.
  void TearDownMemcg(uint32_t memcg, long moved, bool used) {
    Reach(lru::FP_css_dying_set, memcg);
    if (used) NoteUse(Site(memcg));
    Reach(lru::FP_node_spliced, memcg, moved);
    Reach(lru::FP_lists_drained, memcg);
    Reach(lru::FP_nr_deferred_reparented, memcg);
    Reach(lru::FP_css_free, memcg);
  }
};

TEST_F(MemcgTraceTest, StageBitsParentAndDepthAreKept) {
  Reach(lru::FP_css_dying_set, 5);
  Reach(lru::FP_ref_killed, 5);
  MemcgSlot* memcg = FindMemcg(5);
  ASSERT_NE(memcg, nullptr);
  EXPECT_EQ(memcg->stage.load(), uint32_t{lru::FP_ref_killed});
  EXPECT_EQ(memcg->parent.load(), 1u);
  EXPECT_EQ(memcg->depth.load(), 1);
  EXPECT_EQ(memcg->reached.load(), uint64_t{1} << lru::FP_css_dying_set |
                                       uint64_t{1} << lru::FP_ref_killed);
}

TEST_F(MemcgTraceTest, PutsAfterTheLastStageDoNotMoveItBack) {
  Reach(lru::FP_css_dying_set, 5);
  Reach(lru::FP_css_released, 5);
  Reach(lru::FP_objcg_released, 5);
  EXPECT_EQ(FindMemcg(5)->stage.load(), uint32_t{lru::FP_css_released});
}

TEST_F(MemcgTraceTest, ContendedNeedsItemsAndAUser) {
  TearDownMemcg(10, 0, false);
  TearDownMemcg(11, 3, false);
  TearDownMemcg(12, 0, true);
  EXPECT_EQ(r().teardowns.load(), 3u);
  EXPECT_EQ(r().teardowns_contended.load(), 0u);
  TearDownMemcg(13, 3, true);
  EXPECT_EQ(r().teardowns.load(), 4u);
  EXPECT_EQ(r().teardowns_contended.load(), 1u);
}

TEST_F(MemcgTraceTest, UseOutsideTheWindowDoesNotCount) {
  EXPECT_FALSE(IsDying(20));
  NoteUse(Site(20));  // alive
  Reach(lru::FP_css_dying_set, 20);
  EXPECT_TRUE(IsDying(20));
  Reach(lru::FP_node_spliced, 20, 3);
  Reach(lru::FP_nr_deferred_reparented, 20);
  EXPECT_FALSE(IsDying(20));
  NoteUse(Site(20));  // too late
  Reach(lru::FP_css_free, 20);
  EXPECT_EQ(r().teardowns_contended.load(), 0u);
}

TEST_F(MemcgTraceTest, UseThroughTheOwnerOfTheListCounts) {
  Reach(lru::FP_css_dying_set, 21);
  lru::fault_site site = Site(22);
  site.owner.serial = 21;
  NoteUse(site);
  EXPECT_EQ(FindMemcg(21)->operated.load(), 1u);
}

TEST_F(MemcgTraceTest, FailedCreationIsNoTeardown) {
  Reach(lru::FP_css_online_failed, 30);
  Reach(lru::FP_css_free, 30);
  EXPECT_EQ(r().teardowns.load(), 0u);
  EXPECT_NE(FindMemcg(30), nullptr);
}

TEST_F(MemcgTraceTest, LaterMemcgTakesTheSlotAndStartsAfresh) {
  TearDownMemcg(7, 3, true);
  Reach(lru::FP_css_dying_set, 7 + kMemcgSlots);
  EXPECT_EQ(FindMemcg(7), nullptr);
  MemcgSlot* memcg = FindMemcg(7 + kMemcgSlots);
  ASSERT_NE(memcg, nullptr);
  EXPECT_EQ(memcg->reached.load(), uint64_t{1} << lru::FP_css_dying_set);
  EXPECT_EQ(memcg->items_moved.load(), 0u);
  EXPECT_EQ(memcg->operated.load(), 0u);
  Reach(lru::FP_css_free, 7);  // a straggler: not its slot any more
  EXPECT_EQ(r().teardowns.load(), 1u);
}

TEST_F(MemcgTraceTest, LatencyIsCountedFromTheStageBefore) {
  Reach(lru::FP_css_dying_set, 40);
  Reach(lru::FP_ref_killed, 40);
  uint64_t samples = 0;
  for (auto& n : r().stage_latency[lru::FP_ref_killed].count) {
    samples += n.load();
  }
  EXPECT_EQ(samples, 1u);
}

}  // namespace
}  // namespace harness
