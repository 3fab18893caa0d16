#include "harness/known.h"

#include <algorithm>

#include "gtest/gtest.h"
#include "harness/flight_recorder.h"
#include "harness/recorder_fixture.h"
#include "harness/report/snapshot.h"
#include "harness/supervise.h"

namespace harness {
namespace {

bool IsKnown(const std::string& bug, const std::string& version,
             const std::string& bugs) {
  auto known = KnownFindingsOf(version, bugs);
  return std::any_of(known.begin(), known.end(),
                     [&](const KnownFinding& k) { return k.bug == bug; });
}

constexpr char kCve[] = "CVE-2026-53153";
constexpr char kEmptied[] = "slot_emptied_before_drain";

// The version alone makes nothing known.
TEST(KnownFindingsTest, OfATreeWithoutTheBugItIsNews) {
  EXPECT_TRUE(IsKnown(kCve, "6.13.0", kEmptied));
  EXPECT_TRUE(IsKnown(kCve, "6.13.0", std::string("a ") + kEmptied + " b"));
  EXPECT_FALSE(IsKnown(kCve, "6.13.0", "bit_on_given_memcg"));
  EXPECT_TRUE(KnownFindingsOf("6.13.0", "").empty());
}

TEST(KnownFindingsTest, WhereItIsMendedItIsNewsAgain) {
  EXPECT_TRUE(IsKnown(kCve, "6.18.35", kEmptied));
  EXPECT_FALSE(IsKnown(kCve, "6.18.36", kEmptied));
  EXPECT_FALSE(IsKnown(kCve, "6.18.300", kEmptied));
  EXPECT_TRUE(IsKnown(kCve, "6.19.0", kEmptied));
  EXPECT_TRUE(IsKnown(kCve, "7.0.12", kEmptied));
  EXPECT_FALSE(IsKnown(kCve, "7.0.13", kEmptied));
  EXPECT_TRUE(IsKnown("79a031583ca5", "7.1.9", "bit_on_given_memcg"));
  EXPECT_FALSE(IsKnown("79a031583ca5", "7.2.0", "bit_on_given_memcg"));
}

TEST(KnownFindingsTest, ASublevelMayBeAnyNumber) {
  EXPECT_TRUE(IsKnown("d5", "6.12.256", "ids_rewritten_in_the_tree"));
}

// Code of a newer version under an older one's name, or under none.
TEST(KnownFindingsTest, OfAVendorsTreeTheTextTells) {
  EXPECT_TRUE(IsKnown(kCve, "5.14.0", kEmptied));
  EXPECT_TRUE(IsKnown(kCve, "unknown", kEmptied));
}

class KnownViolationTest : public RecorderTest {
 protected:
  void SetUp() override {
    RecorderTest::SetUp();
    SetKnownFindings({{"old", {"shrinker_bit|another's bit"}, "It is old."},
                      {"last", {"reparent_target|no list"}, "Ends.", true}});
  }
  void TearDown() override {
    SetKnownFindings({});
    RecorderTest::TearDown();
  }
};

TEST_F(KnownViolationTest, IsCountedAndTheRunGoesOn) {
  ReportViolation({.invariant = "shrinker_bit", .what = "another's bit"}, "x");
  ReportViolation({.invariant = "shrinker_bit", .what = "another's bit"}, "x");
  EXPECT_EQ(r().nr_known[0].load(), 2u);
  EXPECT_EQ(r().nr_findings.load(), 0u);
  EXPECT_EQ(r().stop.load(), 0u);
}

TEST_F(KnownViolationTest, IsOneOfTheTotals) {
  ReportViolation({.invariant = "shrinker_bit", .what = "another's bit"}, "x");
  Snapshot one = CopyRecorder(r());
  ReportViolation({.invariant = "shrinker_bit", .what = "another's bit"}, "x");
  CopyTotals(*one, r());
  EXPECT_EQ(one->nr_known[0].load(), 2u);
}

TEST_F(KnownViolationTest, OfAnotherSortIsAFinding) {
  ReportViolation({.invariant = "shrinker_bit", .what = "not set"}, "x");
  EXPECT_EQ(r().nr_findings.load(), 1u);
  EXPECT_EQ(ReadyFindings(r()).size(), 1u);
  EXPECT_FALSE(EndedByKnown(r()));
}

TEST_F(KnownViolationTest, ThatEndsTheRunIsNoFinding) {
  ReportViolation({.invariant = "reparent_target", .what = "no list"}, "x");
  EXPECT_EQ(r().nr_known[1].load(), 1u);
  EXPECT_EQ(r().stop.load(), 1u);
  EXPECT_TRUE(EndedByKnown(r()));
  EXPECT_TRUE(ReadyFindings(r()).empty());
}

}  // namespace
}  // namespace harness
