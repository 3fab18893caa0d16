#include <set>
#include <string>

#include "gtest/gtest.h"
#include "harness/flight_recorder.h"
#include "harness/recorder_fixture.h"

namespace harness {
namespace {

using FindingTest = RecorderTest;

TEST_F(FindingTest, FirstWinsAndStopsTheRun) {
  ReportInvariant("items_conserved", 4, "memcg %d lost %s", 4, "an item");
  EXPECT_EQ(r().freeze.load(), 1u);
  EXPECT_EQ(r().stop.load(), 1u);
  ReportInvariant("item_state", 5, "too late");
  const FindingSlot& first = r().findings[0];
  EXPECT_EQ(first.ready.load(), 1u);
  EXPECT_STREQ(first.invariant, "items_conserved");
  EXPECT_STREQ(first.message, "memcg 4 lost an item");
  EXPECT_EQ(first.memcg, 4u);
  EXPECT_EQ(first.task, slot().task.id);
  EXPECT_EQ(r().findings[1].ready.load(), 0u);
  EXPECT_EQ(r().nr_findings.load(), 2u);
}

TEST_F(FindingTest, ContinueStopsAtItsLimitOnly) {
  r().findings_stop.store(3);
  ReportInvariant("item_state", 0, "one");
  ReportInvariant("item_state", 0, "two");
  EXPECT_EQ(r().freeze.load(), 0u);
  EXPECT_EQ(r().stop.load(), 0u);
  ReportInvariant("item_state", 0, "three");
  EXPECT_EQ(r().freeze.load(), 1u);
  EXPECT_EQ(ClaimFinding(Kind::kCrash), nullptr);
  EXPECT_STREQ(r().findings[2].message, "three");
}

TEST_F(FindingTest, LimitNeverExceedsTheRoomThereIs) {
  r().findings_stop.store(1'000'000);
  for (int i = 0; i < kFindingsMax; i++) {
    EXPECT_NE(ClaimFinding(Kind::kInvariant), nullptr);
  }
  EXPECT_EQ(ClaimFinding(Kind::kInvariant), nullptr);
  EXPECT_EQ(r().freeze.load(), 1u);
}

TEST_F(FindingTest, LongMessageIsCut) {
  ReportInvariant("item_state", 0, "%s", std::string(2000, 'x').c_str());
  EXPECT_EQ(std::string(r().findings[0].message).size(),
            sizeof(FindingSlot::message) - 1);
}

[[gnu::noinline]] uint32_t Inner(uint64_t* frames, uint32_t max) {
  uint32_t n = CaptureStack(frames, max, __builtin_frame_address(0));
  asm volatile("" ::: "memory");  // no tail call
  return n;
}
[[gnu::noinline]] uint32_t Outer(uint64_t* frames, uint32_t max) {
  uint32_t n = Inner(frames, max);
  asm volatile("" ::: "memory");
  return n;
}

TEST(CaptureStackTest, WalksTheCallersOutwards) {
  uint64_t frames[kFramesMax] = {};
  ASSERT_GE(Outer(frames, kFramesMax), 2u);
  auto outer = reinterpret_cast<uint64_t>(&Outer);
  EXPECT_GT(frames[0], outer);
  EXPECT_LT(frames[0], outer + 512);
  EXPECT_EQ(Outer(frames, 1), 1u);
}

TEST(CaptureStackTest, SurvivesAnyFramePointer) {
  uint64_t frames[kFramesMax];
  for (uint64_t wild : {uint64_t{0}, uint64_t{1}, uint64_t{8},
                        uint64_t{0xdeadbeef0000}, ~uint64_t{7}}) {
    EXPECT_EQ(CaptureStack(frames, kFramesMax, reinterpret_cast<void*>(wild)),
              0u);
  }
}

TEST(KindNameTest, AllTenAreNamedApart) {
  std::set<std::string> names;
  for (int i = 0; i <= static_cast<int>(Kind::kKilled); i++) {
    names.insert(KindName(static_cast<Kind>(i)));
  }
  EXPECT_EQ(names.size(), 10u);
  EXPECT_EQ(names.count("?"), 0u);
}

}  // namespace
}  // namespace harness
