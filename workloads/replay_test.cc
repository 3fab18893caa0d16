// ctest: busted
// What explore finds in a real lru, and its schedule run again: the same in
// every point, and another when one word of it is another.
#include <unistd.h>

#include <fstream>

#include "gtest/gtest.h"
#include "harness/supervisor.h"
#include "nlohmann/json.hpp"
#include "workloads/torture.h"

namespace workloads {
namespace {

constexpr int kReplays = 2;

constexpr char kConfig[] = R"({
  "name": "replay", "engine": "explore", "explore": {"schedules": 2000},
  "topology": {"nids": 1, "lrus": 1, "memcgs": 2, "depth": 2, "objects": 8},
  "actors": [{"type": "adder", "ops_per_schedule": 6},
             {"type": "deleter", "ops_per_schedule": 6},
             {"type": "destroyer", "ops_per_schedule": 2}]})";

class ReplayTest : public testing::TestWithParam<const char*> {
 protected:
  ReplayTest() {
    config_ = harness::ParseConfig(kConfig, {{"/busted", GetParam()}}).config;
    char dir[] = "/tmp/replay_test.XXXXXX";
    options_.out_dir = mkdtemp(dir);
    options_.silent = true;
  }
  ~ReplayTest() override {
    unlink((options_.out_dir + "/report.json").c_str());
    unlink((options_.out_dir + "/sanitizer.log").c_str());
    rmdir(options_.out_dir.c_str());
  }

  int Run() {
    Torture torture;
    int code = harness::RunOnce(config_, 1, options_, torture);
    std::ifstream file(options_.out_dir + "/report.json");
    report_ = nlohmann::json::parse(file, nullptr, false);
    return code;
  }

  void TakeSchedule(const nlohmann::json& finding) {
    const nlohmann::json& found = finding["replay"];
    std::string schedule = found["schedule"];
    replay_.schedule.choices = *harness::explore::ParseSchedule(schedule);
    replay_.schedule.index = found["schedule_index"];
    replay_.schedule.seed = found["schedule_seed"];
    replay_.schedule.marked_step = replay_.points = found["points"];
    replay_.trace_hash =
        std::stoull(found["trace_hash"].get<std::string>(), nullptr, 16);
    replay_.kind = finding["kind"];
    if (finding["invariant"].is_string()) {
      replay_.invariant = finding["invariant"];
    }
    options_.replay = &replay_;
  }

  harness::Config config_;
  harness::RunOptions options_;
  harness::Replay replay_;
  nlohmann::json report_;
};

TEST_P(ReplayTest, TheScheduleIsTheSameEachTime) {
  ASSERT_EQ(Run(), harness::kExitFinding);
  EXPECT_EQ(report_["finding"]["replay"]["reproduced"], true);
  TakeSchedule(report_["finding"]);
  std::string schedule = report_["finding"]["replay"]["schedule"];
  for (int i = 0; i < kReplays; i++) {
    EXPECT_EQ(Run(), harness::kExitFinding);
    EXPECT_EQ(report_["explore"]["replayed"]["identical"], true);
    EXPECT_EQ(report_["explore"]["replayed"]["reproduced"], true);
    EXPECT_EQ(report_["finding"]["replay"]["schedule"], schedule);
  }
}

// In the middle, where the adder, the deleter and the destroyer are at work.
TEST_P(ReplayTest, OneWordMoreIsAnotherSchedule) {
  ASSERT_EQ(Run(), harness::kExitFinding);
  TakeSchedule(report_["finding"]);
  auto& choices = replay_.schedule.choices;
  ASSERT_GE(choices.size(), 2u);
  choices[choices.size() / 2].count++;
  EXPECT_EQ(Run(), harness::kExitHarness);
  EXPECT_EQ(report_["explore"]["replayed"]["identical"], false);
  EXPECT_NE(report_["explore"]["replayed"]["trace_hash"],
            harness::HashText(replay_.trace_hash));
}

INSTANTIATE_TEST_SUITE_P(Controls, ReplayTest,
                         testing::Values("reparent_without_lock",
                                         "grace_period_under_lock",
                                         "id_released_at_once"),
                         [](const auto& info) {
                           return std::string(info.param);
                         });

}  // namespace
}  // namespace workloads
