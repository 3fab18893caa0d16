#include "harness/verdict.h"

#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <sstream>

#include "gtest/gtest.h"
#include "harness/progress.h"
#include "harness/recorder_fixture.h"
#include "nlohmann/json.hpp"

namespace harness {
namespace {

class VerdictTest : public RecorderTest {
 protected:
  void Did(Verb verb, int count) {
    for (int i = 0; i < count; i++) EndOperation({.verb = verb}, 0);
  }
  Config config_;
};

TEST_F(VerdictTest, RunThatDidNothingIsInconclusive) {
  EXPECT_EQ(Unmet(r(), config_),
            std::vector<std::string>{"operations: 0 of 1"});
  Did(Verb::k_add, 1);
  EXPECT_TRUE(Unmet(r(), config_).empty());
}

TEST_F(VerdictTest, DestroyersMustHaveDestroyedSomething) {
  Did(Verb::k_add, 1);
  config_.actors = {{.type = "destroyer"}};
  EXPECT_EQ(Unmet(r(), config_), std::vector<std::string>{"teardowns: 0 of 1"});
  r().teardowns.store(1);
  EXPECT_TRUE(Unmet(r(), config_).empty());
}

TEST_F(VerdictTest, RequirementsAreCountedByVerb) {
  Did(Verb::k_add, 2);
  config_.require.teardowns = 10;
  config_.require.operations = {{"add", 2}, {"del", 5}};
  EXPECT_EQ(Unmet(r(), config_),
            (std::vector<std::string>{"teardowns: 0 of 10",
                                      "operations del: 0 of 5"}));
}

TEST_F(VerdictTest, AnExplorationTellsWhatItHasExplored) {
  Did(Verb::k_add, 3);
  explore::Record& e = r().explore;
  e.schedules = 1000;
  e.distinct = 987;
  e.points = 412'345;
  e.began_ns = 1'000'000'000;
  e.ended_ns = 1'400'000'000;
  config_.engine = kExplore;
  config_.schedules = 5000;
  EXPECT_EQ(VerdictText(r(), config_, {}, {}, "", false),
            "PASS 1,000 schedules (987 distinct), 412,345 points, 0.4 s (2,500 "
            "schedules/s), 0 teardowns, 3 operations\n");
  EXPECT_EQ(ProgressText(r(), config_),
            "1,000 schedules (98 % distinct), 2,500/s, of 5,000");
  config_.schedules = 0;
  config_.duration_ms = 2000;
  EXPECT_EQ(ProgressText(r(), config_),
            "1,000 schedules (98 % distinct), 2,500/s, 1.6 s left");
  e.exhausted = 1;
  EXPECT_EQ(VerdictText(r(), config_, {}, {}, "", true).substr(0, 24),
            "PASS all 1,000 schedules");
}

TEST_F(VerdictTest, AnotherCourseBeatsFinding) {
  RunOutcome outcome;
  ReportInvariant("item_state", 0, "broken");
  outcome.other_course = "schedule 3 has taken another course";
  EXPECT_EQ(Judge(r(), outcome), kExitHarness);
}

TEST_F(VerdictTest, BothReasonsOfAHarnessFailureAreTold) {
  RunOutcome outcome;
  outcome.exit_code = kExitHarness;
  outcome.other_course = "one";
  outcome.impossible = "two";
  EXPECT_EQ(VerdictText(r(), config_, outcome, {}, "", true),
            "HARNESS FAILED one; two\n");
}

TEST_F(VerdictTest, FindingBeatsInterruptBeatsPass) {
  RunOutcome outcome;
  EXPECT_EQ(Judge(r(), outcome), kExitPass);
  outcome.unmet = {"teardowns: 0 of 1"};
  EXPECT_EQ(Judge(r(), outcome), kExitInconclusive);
  outcome.unmet.clear();
  outcome.interrupted = true;
  EXPECT_EQ(Judge(r(), outcome), kExitInconclusive);
  outcome.impossible = "a window was hit that cannot be";
  EXPECT_EQ(Judge(r(), outcome), kExitHarness);
  ReportInvariant("item_state", 0, "broken");
  EXPECT_EQ(Judge(r(), outcome), kExitFinding);
}

TEST_F(VerdictTest, QuietTextIsVerdictAndPath) {
  nlohmann::ordered_json report = {{"finding",
                                    {{"kind", "invariant"},
                                     {"invariant", "item_state"},
                                     {"message", "an item is on two lists"},
                                     {"signature", "abc"}}}};
  RunOutcome outcome;
  outcome.exit_code = kExitFinding;
  EXPECT_EQ(VerdictText(r(), config_, outcome, report, "out/x.json", true),
            "FINDING invariant item_state\nout/x.json\n");
  EXPECT_EQ(VerdictText(r(), config_, outcome, report, "out/x.json", false),
            "FINDING invariant item_state\n  an item is on two lists\n"
            "  signature: abc\n  report: out/x.json\n");
}

TEST(WriteWholeTest, LeavesTheOldFileOrTheNewNeverHalf) {
  std::string dir = testing::TempDir() + "write_whole_test";
  mkdir(dir.c_str(), 0755);
  std::string path = dir + "/report.json";
  ASSERT_TRUE(WriteWhole(path, "one"));
  ASSERT_TRUE(WriteWhole(path, "two"));
  std::stringstream text;
  text << std::ifstream(path).rdbuf();
  EXPECT_EQ(text.str(), "two");
  EXPECT_NE(access((path + ".tmp").c_str(), F_OK), 0);
  EXPECT_FALSE(WriteWhole(dir + "/missing/report.json", "x"));
  unlink(path.c_str());
  rmdir(dir.c_str());
}

}  // namespace
}  // namespace harness
