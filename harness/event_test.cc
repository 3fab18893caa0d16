#include "harness/event.h"

#include "gtest/gtest.h"
#include "harness/recorder_fixture.h"

namespace harness {
namespace {

Operation Written(const Operation& op) {
  OperationWords words;
  StoreOperation(words, op);
  return LoadOperation(words);
}

TEST(EventTest, OperationIsReadAsWritten) {
  const Operation op = {Verb::k_shrink_slab, 0xfffffffe, 0xdeadbeef, 0x80000001,
                        1023};
  Operation back = Written(op);
  EXPECT_EQ(back.verb, op.verb);
  EXPECT_EQ(back.object, op.object);
  EXPECT_EQ(back.memcg, op.memcg);
  EXPECT_EQ(back.lru, op.lru);
  EXPECT_EQ(back.nid, op.nid);
}

TEST(EventTest, NodeThatIsNotNamedStaysSo) {
  EXPECT_EQ(Written({Verb::k_add, 1, 2, 3, -1}).nid, -1);
  OperationWords zeroed = {};
  EXPECT_EQ(LoadOperation(zeroed).nid, -1);
}

TEST(EventTest, EveryVerbHasANameAndFitsItsByte) {
  for (int i = 0; i < kVerbs; i++) {
    auto verb = static_cast<Verb>(i);
    EXPECT_STRNE(VerbName(verb), "?");
    EXPECT_EQ(Written({verb, 0, 0, 0, -1}).verb, verb);
  }
  EXPECT_STREQ(VerbName(Verb::kCount), "?");
}

TEST(EventTest, TextNamesOnlyWhatTheOperationNames) {
  EXPECT_EQ(ToText({Verb::k_add, 17, 4, 1, 0}), "add o17 m4 l1 n0");
  EXPECT_EQ(ToText({Verb::k_destroy, 0, 4, 0, -1}), "destroy m4");
  EXPECT_EQ(ToText({Verb::k_work, 0, 0, 0, -1}), "work");
}

TEST(HistogramTest, BucketsGrowWithoutGaps) {
  int last = -1;
  for (uint64_t ticks = 0; ticks < 100'000; ticks++) {
    int bucket = Histogram::BucketOf(ticks);
    ASSERT_TRUE(bucket == last || bucket == last + 1) << ticks;
    ASSERT_LE(ticks, Histogram::Upper(bucket));
    if (bucket > 0) {
      ASSERT_GT(ticks, Histogram::Upper(bucket - 1));
    }
    last = bucket;
  }
}

TEST(HistogramTest, BucketIsAtMostAnEighthWide) {
  for (uint64_t ticks = 8; ticks < uint64_t{1} << 40; ticks = ticks * 9 / 8) {
    uint64_t upper = Histogram::Upper(Histogram::BucketOf(ticks));
    EXPECT_LE(upper - ticks, ticks / 8);
  }
}

TEST(HistogramTest, HugeValuesLandInTheLastBucket) {
  EXPECT_EQ(Histogram::BucketOf(~uint64_t{0}), Histogram::kBuckets - 1);
}

using RingTest = RecorderTest;

TEST_F(RingTest, LastEventsAreTheNewestOldestFirst) {
  for (uint32_t i = 1; i <= kEventsPerTask + 10; i++) {
    WriteEvent(slot(), i, {Verb::k_add, i, 0, 0, -1}, -static_cast<int>(i),
               2 * i);
  }
  auto events = LastEvents(slot(), 3);
  ASSERT_EQ(events.size(), 3u);
  EXPECT_EQ(events[0].op.object, kEventsPerTask + 8u);
  EXPECT_EQ(events[2].op.object, kEventsPerTask + 10u);
  EXPECT_EQ(events[2].what, -(kEventsPerTask + 10));
  EXPECT_EQ(events[2].duration_ticks, 2u * (kEventsPerTask + 10));
  EXPECT_EQ(LastEvents(slot(), 100'000).size(),
            static_cast<size_t>(kEventsPerTask));
  EXPECT_TRUE(LastEvents(slot(), 0).empty());
}

}  // namespace
}  // namespace harness
