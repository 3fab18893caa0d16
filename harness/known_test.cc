#include "harness/known.h"

#include <algorithm>

#include "gtest/gtest.h"
#include "harness/flight_recorder.h"
#include "harness/recorder_fixture.h"
#include "harness/report/snapshot.h"

namespace harness {
namespace {

int Version(int major, int minor, int patch) {
  return major << 16 | minor << 8 | patch;
}

bool Has(const std::vector<KnownFinding>& known, const std::string& bug) {
  return std::any_of(known.begin(), known.end(),
                     [&](const KnownFinding& k) { return k.bug == bug; });
}

TEST(KnownFindingsTest, EachVersionHasItsOwn) {
  auto v6_12 = KnownFindingsOf(Version(6, 12, 117));
  EXPECT_TRUE(Has(v6_12, "79a031583ca5"));
  EXPECT_TRUE(Has(v6_12, "d5"));
  EXPECT_FALSE(Has(v6_12, "d7"));
  EXPECT_FALSE(Has(v6_12, "CVE-2026-53153"));
  auto v6_13 = KnownFindingsOf(Version(6, 13, 0));
  EXPECT_TRUE(Has(v6_13, "CVE-2026-53153"));
  EXPECT_TRUE(Has(v6_13, "d7"));
  EXPECT_FALSE(Has(v6_13, "d5"));
}

TEST(KnownFindingsTest, AFixEndsARange) {
  const char* bug = "CVE-2026-53153";
  EXPECT_TRUE(Has(KnownFindingsOf(Version(6, 18, 35)), bug));
  EXPECT_FALSE(Has(KnownFindingsOf(Version(6, 18, 36)), bug));
  EXPECT_TRUE(Has(KnownFindingsOf(Version(7, 0, 12)), bug));
  EXPECT_FALSE(Has(KnownFindingsOf(Version(7, 0, 13)), bug));
  EXPECT_TRUE(Has(KnownFindingsOf(Version(7, 1, 9)), "79a031583ca5"));
  EXPECT_FALSE(Has(KnownFindingsOf(Version(7, 2, 0)), "79a031583ca5"));
}

TEST(KnownFindingsTest, OfATreeWithoutAVersionNothingIsKnown) {
  EXPECT_TRUE(KnownFindingsOf(0).empty());
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
