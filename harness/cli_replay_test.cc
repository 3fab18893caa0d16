// Of reports made up here; what a run would find is made up, too.
#include <fstream>

#include "absl/strings/str_cat.h"
#include "harness/cli_test_util.h"
#include "harness/plan.h"
#include "harness/report/build_info.h"
#include "harness/report/report.h"
#include "harness/report/report_testing.h"

namespace harness {
namespace {

class CliReplayTest : public CliTest {
 protected:
  // A report that fits the fakes of the catalog and this build.
  static Json Fitting(Json report) {
    Config config = ParseConfig("{}", {{"/engine", report["engine"]}}).config;
    config.name = "made-up";
    config.seed = 7;
    report["config"] = ToJson(config);
    report["plan_hash"] = PlanHash(config, 7, PlanTaskNames(config));
    return report;
  }
  static Json Stress() { return Fitting(ReportOf(Kind::kInvariant)); }
  static Json Explored() { return Fitting(ExploreReportOf(Kind::kInvariant)); }
  static Json Passed(Json report) {
    report["verdict"] = "PASS";
    report["finding"] = nullptr;
    report["findings"] = Json::array();
    return report;
  }
  // A replay of Explored() that took this course.
  static Json Replayed(Json report, bool identical, const char* hash) {
    report["explore"]["replayed"] = {{"points", 1230},
                                     {"trace_hash", hash},
                                     {"identical", identical},
                                     {"reproduced", identical}};
    return report;
  }
  Result Replay(const Json& report, Args args = {}) {
    Write("r.json", report.dump());
    args.insert(args.begin(), {"replay", "r.json"});
    return CliTest::Run(args);
  }
  void Will(int code, const Json& report) {
    answers().push_back(code);
    reports().push_back(report.dump());
  }
};

TEST_F(CliReplayTest, AnExploreFindingIsItsScheduleOnce) {
  Will(1, Replayed(Explored(), true, "0000000000000abc"));
  Result result = Replay(Explored());
  EXPECT_EQ(result.code, 1) << result.err;
  EXPECT_EQ(result.err, "");
  EXPECT_EQ(result.out,
            "schedule 41 of seed 7: invariant items_conserved at point 1,230\n"
            "1 of 1; identical schedule, hash 0000000000000abc at point "
            "1,230\n"
            "  report: out/replay-made-up-7\n");
  ASSERT_EQ(runs().size(), 1u);
  EXPECT_EQ(runs()[0].seed, 7u);
  EXPECT_TRUE(runs()[0].options.silent);
  ASSERT_NE(runs()[0].options.replay, nullptr);
}

TEST_F(CliReplayTest, AnotherCourseIsExit4AndNamesBoth) {
  Will(4, Replayed(Explored(), false, "00000000000000ff"));
  Result result = Replay(Explored());
  EXPECT_EQ(result.code, 4);
  EXPECT_NE(result.out.find("another schedule"), std::string::npos)
      << result.out;
  EXPECT_NE(result.err.find("0000000000000abc at point 1,230, but "
                            "00000000000000ff at point 1,230 here: the "
                            "schedule was edited, or"),
            std::string::npos)
      << result.err;
}

TEST_F(CliReplayTest, ABuildThatLacksTheDetectorSaysSo) {
  Json race = Fitting(ExploreReportOf(Kind::kDataRace));
  race["build"]["sanitizer"] = "tsan";
  Will(0, Passed(Replayed(race, true, "0000000000000abc")));
  Result result = Replay(race);
  EXPECT_EQ(result.code, 0);
  EXPECT_NE(result.out.find("0 of 1; identical schedule"), std::string::npos);
  EXPECT_NE(result.out.find(absl::StrCat(
                "this build lacks the detector: data_race was seen with "
                "sanitizer tsan, this one has ",
                BuildSanitizer())),
            std::string::npos)
      << result.out;
}

TEST_F(CliReplayTest, AStressFindingIsItsPlanTenTimesWithAnInterval) {
  for (int i = 0; i < 3; i++) Will(1, Stress());
  for (int i = 0; i < 7; i++) Will(0, Passed(Stress()));
  Result result = Replay(Stress());
  EXPECT_EQ(result.code, 1) << result.err;
  EXPECT_EQ(runs().size(), 10u);
  EXPECT_EQ(runs()[9].seed, 7u);
  EXPECT_EQ(runs()[9].options.replay, nullptr);
  EXPECT_EQ(runs()[9].options.out_dir, "out/replay-made-up-7/10");
  EXPECT_NE(result.out.find("run 4 of 10: PASS, 1.2 s\n"), std::string::npos)
      << result.out;
  // Agresti and Coull (1998), 3 of 10.
  EXPECT_NE(result.out.find("3 of 10 (95 %: 11 to 60 %, Wilson)\n"),
            std::string::npos)
      << result.out;
}

TEST_F(CliReplayTest, NoneOfNIsExit0) {
  for (int i = 0; i < 3; i++) Will(0, Passed(Stress()));
  Result result = Replay(Stress(), {"--runs", "3", "--quiet"});
  EXPECT_EQ(result.code, 0);
  EXPECT_EQ(result.out, "0 of 3 (95 %: 0 to 56 %, Wilson)\n");
}

TEST_F(CliReplayTest, SomethingElseIsNotTheSameAndNotNothing) {
  Json other = Stress();
  other["finding"]["invariant"] = "no_leak";
  other["finding"]["signature"] = "invariant|no_leak";
  Will(1, other);
  Result result = Replay(Stress(), {"--runs", "1"});
  EXPECT_EQ(result.code, 1);
  EXPECT_NE(result.out.find("0 of 1 ("), std::string::npos);
  EXPECT_NE(result.out.find("1 found something else: invariant no_leak"),
            std::string::npos)
      << result.out;
}

TEST_F(CliReplayTest, JsonIsOneObject) {
  Will(1, Replayed(Explored(), true, "0000000000000abc"));
  Result result = Replay(Explored(), {"--json", "--out", "o"});
  Json json = Json::parse(result.out);
  EXPECT_EQ(json["runs"], 1);
  EXPECT_EQ(json["reproduced"], 1);
  EXPECT_EQ(json["identical"], 1);
  EXPECT_EQ(json["trace_hash"], "0000000000000abc");
  EXPECT_TRUE(json["interval_95"].is_null()) << "there is no chance in it";
  EXPECT_EQ(json["out"], "o");
}

TEST_F(CliReplayTest, WhatStressHasFoundCanBeExplored) {
  Json stress = Stress();
  Result result = Replay(stress, {"--engine", "explore"});
  EXPECT_EQ(result.code, 0);
  ASSERT_EQ(runs().size(), 1u);
  EXPECT_EQ(runs()[0].config.engine, "explore");
  EXPECT_EQ(runs()[0].options.replay, nullptr);
}

TEST_F(CliReplayTest, ALeakOfTheEndExploresAllAgain) {
  Json leak = Explored();
  for (const char* key : {"schedule", "schedule_index", "schedule_seed"}) {
    leak["finding"]["replay"].erase(key);
  }
  Replay(leak);
  ASSERT_EQ(runs().size(), 1u);
  EXPECT_EQ(runs()[0].config.engine, "explore");
  EXPECT_EQ(runs()[0].options.replay, nullptr);
}

TEST_F(CliReplayTest, AnotherCommitIsAWarningThatNamesBoth) {
  Json report = Stress();
  report["build"]["commit"] = "0123456789ab";
  Result result = Replay(report, {"--runs", "1"});
  EXPECT_EQ(result.code, 0);
  EXPECT_EQ(result.err, std::string("warning: r.json is of commit 0123456789ab,"
                                    " this build of ") +
                            BuildCommit() + "\n");
}

TEST_F(CliReplayTest, CtrlCEndsIt) {
  Json interrupted = Passed(Stress());
  interrupted["interrupted"] = true;
  Will(3, interrupted);
  EXPECT_EQ(Replay(Stress()).code, 3);
  EXPECT_EQ(runs().size(), 1u);
}

TEST_F(CliReplayTest, AScheduleThatCtrlCCutsShortIsNoOther) {
  Json interrupted = Passed(Replayed(Explored(), false, "00000000000000ff"));
  interrupted["interrupted"] = true;
  Will(1, Replayed(Explored(), true, "0000000000000abc"));
  Will(3, interrupted);
  Result result = Replay(Explored(), {"--runs", "5"});
  EXPECT_EQ(result.code, 1);
  EXPECT_EQ(runs().size(), 2u);
  EXPECT_NE(result.out.find("1 of 1; identical schedule"), std::string::npos)
      << result.out;
  EXPECT_EQ(result.err, "");
}

TEST_F(CliReplayTest, WhatCannotBeRunHereIsExit2) {
  auto with = [](Json report, const char* pointer, const Json& value) {
    report[Json::json_pointer(pointer)] = value;
    return report;
  };
  auto without = [](Json report, const char* pointer, const char* key) {
    report[Json::json_pointer(pointer)].erase(key);
    return report;
  };
  constexpr char kNoCount[] =
      "r.json: finding/replay/points: is not a number from 0 on\n";
  constexpr char kNoReplay[] = "r.json: finding/replay: is no object\n";
  struct {
    Json report;
    const char* err;
  } kCases[] = {
      {Json::array(), "r.json: not a report: an array\n"},
      {Passed(Stress()),
       "r.json: verdict PASS: there is no finding to replay\n"},
      {with(Stress(), "/config/topology/nids", 0),
       "r.json: config: /topology/nids: 0 is out of range 1..16\n"},
      {with(Stress(), "/plan_hash", "0123456789abcdef"), nullptr},
      {with(Explored(), "/finding/replay/schedule", "a3 c 7"),
       "r.json: schedule: word 3 at character 6: '7': no letter of a fiber\n"},
      {with(Explored(), "/finding/replay/trace_hash", "xyz"),
       "r.json: finding/replay/trace_hash: 'xyz' is not 16 hex digits\n"},
      {with(Explored(), "/config/engine", "stress"),
       "r.json: config/engine: is stress, but finding/replay has a schedule, "
       "which is of explore\n"},
      {with(Stress(), "/schema", "lrutorture:report:0"), nullptr},
      {with(Explored(), "/finding/replay/points", "many"), kNoCount},
      {with(Explored(), "/finding/replay/points", -5), kNoCount},
      {without(Explored(), "/finding/replay", "points"), kNoCount},
      {with(Explored(), "/finding/replay/schedule", nullptr),
       "r.json: finding/replay/schedule: is no text\n"},
      {with(Stress(), "/finding/replay", nullptr), kNoReplay},
      {without(Stress(), "/finding", "replay"), kNoReplay},
      {without(Stress(), "/finding", "kind"),
       "r.json: finding/kind: is no text\n"},
      {without(Stress(), "", "seed"),
       "r.json: seed: is not a number from 0 on\n"},
      {without(Stress(), "", "config"), nullptr},
      {without(Stress(), "", "plan_hash"), nullptr},
  };
  for (const auto& c : kCases) {
    Result result = Replay(c.report);
    EXPECT_EQ(result.code, 2) << result.err;
    EXPECT_EQ(result.out, "");
    if (c.err) EXPECT_EQ(result.err, c.err);
    EXPECT_EQ(result.err.find("exception"), std::string::npos) << result.err;
    EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1)
        << result.err;
  }
  EXPECT_TRUE(runs().empty());
  EXPECT_FALSE(std::filesystem::exists("out"));
}

TEST_F(CliReplayTest, WrongArguments) {
  EXPECT_EQ(Run({"replay"}).err, "replay: needs REPORT.json\n");
  EXPECT_EQ(Run({"replay", "none.json"}).err,
            "none.json: No such file or directory\n");
  EXPECT_EQ(Run({"replay", "none.json", "--runs", "0"}).err,
            "--runs: '0' is out of range 1..100000\n");
  EXPECT_EQ(Run({"replay", "none.json", "--engine", "stress"}).err,
            "--engine: 'stress': only 'explore', or what the report's run "
            "had\n");
  EXPECT_EQ(Replay(Stress(), {"--out", ""}).err, "--out: is empty\n");
}

}  // namespace
}  // namespace harness
