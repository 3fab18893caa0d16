// What only reports of explore say.
#include <cmath>

#include "gtest/gtest.h"
#include "harness/report/report_testing.h"

namespace harness {
namespace {

bool Has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST(ReportExploreTest, CountsAndRatesAreOfRealTime) {
  Json report = ExplorePassingReport();
  const Json& explore = report["explore"];
  EXPECT_EQ(explore["strategy"], "portfolio");
  EXPECT_EQ(explore["schedules"], 1000);
  EXPECT_EQ(explore["distinct"], 999);
  EXPECT_EQ(explore["points"], 10'000);
  EXPECT_EQ(explore["schedules_per_s"], 800.0) << "SomeOutcome's 1.25 s";
  EXPECT_EQ(explore["trace_hash"], "0000000000001234");
  EXPECT_EQ(explore["exhausted"], false);
  EXPECT_TRUE(explore["replayed"].is_null());
  EXPECT_TRUE(PassingReport()["explore"].is_null()) << "stress has none";
}

TEST(ReportExploreTest, LatenciesAreOfVirtualTime) {
  RecorderPtr r = MakeRecorder();
  AddExplored(r.get(), 1);
  Json latency = MakeReport(*r, ExploreConfig(), 7,
                            SomeOutcome(kExitPass))["stats"]["latency_us"];
  EXPECT_NEAR(latency["add"]["p50"], 250, 35) << "a point is a microsecond";
}

TEST(ReportExploreTest, ConfidenceIsTheBoundOfPct) {
  Json confidence = ExplorePassingReport()["confidence"];
  EXPECT_EQ(confidence["method"], "pct");
  EXPECT_EQ(confidence["tasks"], 5);
  EXPECT_EQ(confidence["choices"], 100);
  ASSERT_EQ(confidence["bounds"].size(), 1u);
  const Json& bound = confidence["bounds"][0];
  EXPECT_EQ(bound["depth"], 2);
  EXPECT_EQ(bound["schedules"], 500);
  EXPECT_NEAR(bound["probability_at_least"].get<double>(),
              1 - std::pow(1 - 1.0 / (5 * 100), 500), 1e-12);
}

TEST(ReportExploreTest, ConfidenceOfDfsIsThatNothingIsLeft) {
  Json confidence = ExplorePassingReport("dfs:2", true)["confidence"];
  EXPECT_EQ(confidence["method"], "exhausted");
  EXPECT_EQ(confidence["preemptions"], 2);
  EXPECT_EQ(confidence["schedules"], 1000);
}

TEST(ReportExploreTest, WhatHasFoundSomethingOrHasNoBoundRulesOutNothing) {
  EXPECT_EQ(ExploreReportOf(Kind::kInvariant)["confidence"]["method"], "none");
  RecorderPtr r = MakeRecorder();
  AddExplored(r.get(), 10);
  r->explore.pct_fibers = 0;  // as after nothing but random schedules
  Json report = MakeReport(*r, ExploreConfig(), 7, SomeOutcome(kExitPass));
  EXPECT_EQ(report["confidence"]["method"], "none");
  EXPECT_EQ(report["confidence"]["schedules"], 10);
}

TEST(ReportExploreTest, AFindingCarriesItsSchedule) {
  Json replay = ExploreReportOf(
      Kind::kInvariant, Replayed{1230, 0xabc, true, true})["finding"]["replay"];
  EXPECT_EQ(replay["command"], "lrutorture replay out/x/report.json");
  EXPECT_EQ(replay["strategy"], "pct:3");
  EXPECT_EQ(replay["schedule"], "a3 c a2");
  EXPECT_EQ(replay["schedule_index"], 41);
  EXPECT_EQ(replay["schedule_seed"], 99);
  EXPECT_EQ(replay["points"], 1230) << "of the finding, not of the schedule";
  EXPECT_EQ(replay["trace_hash"], "0000000000000abc");
  EXPECT_EQ(replay["reproduced"], true);
  EXPECT_FALSE(Has(replay["note"], "did not"));
}

TEST(ReportExploreTest, AFindingThatDidNotComeAgainSaysSo) {
  RecorderPtr r = MakeExploreRecorder(Kind::kCrash);
  RunOutcome outcome = SomeOutcome(kExitFinding);
  outcome.replayed = Replayed{1230, 0xabc, true, false};
  outcome.remark = "Once more it was quiet.";
  Json report = MakeReport(*r, ExploreConfig(), 7, outcome);
  Json replay = report["finding"]["replay"];
  EXPECT_EQ(replay["reproduced"], false);
  EXPECT_TRUE(Has(replay["note"], "Once more it was quiet."));
  EXPECT_EQ(report["explore"]["replayed"]["identical"], true);
  EXPECT_TRUE(ExploreReportOf(Kind::kCrash)["finding"]["replay"]["reproduced"]
                  .is_null())
      << "nobody has tried";
}

TEST(ReportExploreTest, ALeakOfTheEndIsOfNoSchedule) {
  RecorderPtr r = MakeExploreRecorder(Kind::kLeak);
  r->phase = static_cast<uint32_t>(Phase::kDone);
  Json replay = MakeReport(*r, ExploreConfig(), 7,
                           SomeOutcome(kExitFinding))["finding"]["replay"];
  EXPECT_FALSE(replay.contains("schedule"));
  EXPECT_EQ(replay["command"], SomeOutcome(0).command);
  EXPECT_TRUE(Has(replay["note"], "when all schedules had ended"));
}

TEST(ReportExploreTest, AScheduleThatWasNotKeptIsNotPretendedTo) {
  RecorderPtr r = MakeExploreRecorder(Kind::kStall);
  r->explore.log.truncated = 1;
  Json replay = MakeReport(*r, ExploreConfig(), 7,
                           SomeOutcome(kExitFinding))["finding"]["replay"];
  EXPECT_FALSE(replay.contains("schedule"));
  EXPECT_TRUE(Has(replay["note"], "too long"));
}

TEST(ReportExploreTest, TheLongestScheduleFits) {
  RecorderPtr r = MakeExploreRecorder(Kind::kInvariant);
  explore::ScheduleLog& log = r->explore.log;
  log.size = 20'000;
  for (uint32_t i = 0; i < log.size; i++) {
    log.runs[i] = {.fiber = i % explore::kFibersMax, .count = 1 + i % 999};
  }
  RunOutcome outcome = SomeOutcome(kExitFinding);
  Json report = MakeReport(*r, ExploreConfig(), 7, outcome);
  EXPECT_LE(report.dump(2).size(), 256u * 1024);
  EXPECT_EQ(report["truncated"], false);
  EXPECT_GT(report["finding"]["replay"]["schedule"].get<std::string>().size(),
            80'000u);
  EXPECT_TRUE(report["findings"][0]["replay"]["schedule"].is_null());
  log.size = explore::kScheduleRunsMax;
  for (uint32_t i = 0; i < log.size; i++) log.runs[i] = {i % 2, 1};
  report = MakeReport(*r, ExploreConfig(), 7, outcome);
  EXPECT_LE(report.dump(2).size(), 256u * 1024);
  EXPECT_FALSE(report["finding"]["replay"].contains("schedule"))
      << "no half of it";
}

TEST(ReportExploreTest, PeopleSeeWhereItWasAndHowToSeeItAgain) {
  Json report =
      ExploreReportOf(Kind::kInvariant, Replayed{1230, 0xabc, true, true});
  report["finding"]["replay"]["schedule"] = std::string(500, 'a');
  std::string text = ReportToText(report);
  EXPECT_TRUE(Has(text, "lrutorture replay out/x/report.json\n")) << text;
  EXPECT_TRUE(Has(text, "schedule 41 by pct:3, at point 1,230, hash 000000"))
      << text;
  EXPECT_TRUE(Has(text, "it came to the same")) << text;
  EXPECT_TRUE(Has(text, " ... (")) << "cut: " << text;
  EXPECT_TRUE(Has(ReportToText(ExplorePassingReport()),
                  "1,000 schedules by portfolio (999 distinct)"));
  EXPECT_TRUE(Has(ReportToText(ExplorePassingReport("dfs:2", true)),
                  "these are all, with at most 2 preemptions"));
}

}  // namespace
}  // namespace harness
