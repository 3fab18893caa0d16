// Whole runs of explore with a workload made up here: every finding is run
// again in a second process, whatever the first one has come to.
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <utility>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "harness/supervisor_testing.h"

namespace harness {
namespace {

class SupervisorExploreTest : public WholeRunTest {
 protected:
  SupervisorExploreTest() {
    config_.engine = kExplore;
    config_.schedules = 60;
    config_.actors = {{.type = "adder", .count = 3, .ops_per_schedule = 4}};
    workload_.step = [](uint32_t) { Operate(); };
  }

  // An operation of some points.
  static void Operate(int points = 3) {
    const Operation op = {Verb::k_add, 17, 0, 0, -1};
    BeginOperation(op);
    for (int i = 0; i < points; i++) LRU_POINT(item_linked);
    EndOperation(op, 0);
  }

  // Found where actor 1 comes between two points of actor 0: the flag is of a
  // schedule.
  void PlantBug() {
    workload_.setup = [] { flag.store(0, kRelaxed); };
    workload_.step = [](uint32_t index) {
      Operate();
      if (index == 0) {
        flag.store(1, kRelaxed);
        LRU_POINT(item_linked);
        flag.store(0, kRelaxed);
      } else if (index == 1 && flag.load(kRelaxed) && sees_it) {
        ReportInvariant("item_state", 0, "the flag is up");
      }
      Operate();
    };
  }

  nlohmann::ordered_json ReplayField(const char* key) {
    return report_["finding"]["replay"][key];
  }

  // What the report says, run again.
  int RunReplay() {
    auto choices =
        explore::ParseSchedule(ReplayField("schedule").get<std::string>());
    EXPECT_TRUE(choices.ok());
    replay_.schedule.index = ReplayField("schedule_index");
    replay_.schedule.seed = ReplayField("schedule_seed");
    replay_.schedule.choices = *choices;
    replay_.schedule.marked_step = replay_.points = ReplayField("points");
    replay_.trace_hash =
        std::stoull(ReplayField("trace_hash").get<std::string>(), nullptr, 16);
    replay_.kind = "invariant";
    replay_.invariant = "item_state";
    options_.replay = &replay_;
    return Run();
  }

  static std::atomic<int> flag;
  static bool sees_it;  // the build has this detector
  Replay replay_;
};
std::atomic<int> SupervisorExploreTest::flag = 0;
bool SupervisorExploreTest::sees_it = true;

TEST_F(SupervisorExploreTest, CleanRunTellsWhatItHasExplored) {
  EXPECT_EQ(Run(), kExitPass);
  const auto& explored = report_["explore"];
  EXPECT_EQ(explored["schedules"], 60);
  EXPECT_EQ(explored["repeated"], 1) << "one in 100";
  EXPECT_GE(explored["points"], 60 * 3 * 4 * 3);
  EXPECT_GE(explored["tasks_max"], 4);
  EXPECT_LT(report_["stats"]["duration_s"], 60) << "real, not virtual";
  EXPECT_TRUE(Says("60 schedules, lru")) << out_;
  EXPECT_TRUE(Says("PASS 60 schedules (")) << out_;
}

TEST_F(SupervisorExploreTest, TheSameSeedIsTheSameExploration) {
  Run();
  auto hash = report_["explore"]["trace_hash"];
  Run();
  EXPECT_EQ(report_["explore"]["trace_hash"], hash);
}

TEST_F(SupervisorExploreTest, WithoutANumberTheTimeEndsIt) {
  config_.schedules = 0;
  config_.duration_ms = 100;
  EXPECT_EQ(Run(), kExitPass);
  EXPECT_GE(report_["stats"]["duration_s"], 0.1);
  EXPECT_GT(report_["explore"]["schedules"], 1);
}

TEST_F(SupervisorExploreTest, WhoGetsNoProcessorHasNotStalled) {
  config_.schedules = 1;
  config_.stall_ms = 100;
  workload_.step = [](uint32_t index) {
    Operate();
    static bool once = false;
    if (index == 0 && !std::exchange(once, true)) {
      Starve(absl::Milliseconds(500));
    }
  };
  EXPECT_EQ(Run(), kExitPass) << out_;
  EXPECT_GE(report_["stats"]["duration_s"], 0.5);
}

TEST_F(SupervisorExploreTest, ShardsShareTheSchedules) {
  options_.share = {.first = 1, .every = 4};
  EXPECT_EQ(Run(), kExitPass);
  EXPECT_EQ(report_["explore"]["schedules"], 15);
  PlantBug();
  config_.schedules = 10'000;
  EXPECT_EQ(Run(), kExitFinding);
  EXPECT_EQ(ReplayField("schedule_index").get<uint64_t>() % 4, 1u);
}

TEST_F(SupervisorExploreTest, AFindingIsRunAgainAndCarriesItsSchedule) {
  PlantBug();
  config_.schedules = 10'000;
  EXPECT_EQ(Run(), kExitFinding);
  EXPECT_EQ(FindingField("invariant"), "item_state");
  EXPECT_EQ(ReplayField("reproduced"), true);
  EXPECT_EQ(report_["explore"]["replayed"]["identical"], true);
  EXPECT_EQ(report_["explore"]["replayed"]["trace_hash"],
            ReplayField("trace_hash"));
  EXPECT_EQ(ReplayField("command"),
            "lrutorture replay " + options_.out_dir + "/report.json");
  EXPECT_TRUE(Says("run again, it came to the same")) << out_;
}

TEST_F(SupervisorExploreTest, AReplayComesToTheSame) {
  PlantBug();
  config_.schedules = 10'000;
  ASSERT_EQ(Run(), kExitFinding);
  auto found = report_["finding"]["replay"];
  EXPECT_EQ(RunReplay(), kExitFinding);
  EXPECT_EQ(report_["explore"]["replayed"]["reproduced"], true);
  for (const char* key : {"points", "trace_hash", "schedule"}) {
    EXPECT_EQ(ReplayField(key), found[key]) << key;
  }
}

TEST_F(SupervisorExploreTest, AnotherScheduleIsToldFromIt) {
  PlantBug();
  config_.schedules = 10'000;
  ASSERT_EQ(Run(), kExitFinding);
  std::string schedule = ReplayField("schedule");
  auto hash = ReplayField("trace_hash");
  // One more choice of the first fiber.
  size_t end = schedule.find(' ');
  std::string first = schedule.substr(0, end);
  schedule.replace(0, end, first + " " + first.substr(0, 1));
  report_["finding"]["replay"]["schedule"] = schedule;
  EXPECT_EQ(RunReplay(), kExitHarness);
  EXPECT_EQ(report_["explore"]["replayed"]["identical"], false);
  EXPECT_NE(report_["explore"]["replayed"]["trace_hash"], hash);
}

TEST_F(SupervisorExploreTest, WithoutTheDetectorTheScheduleIsIdentical) {
  PlantBug();
  config_.schedules = 10'000;
  ASSERT_EQ(Run(), kExitFinding);
  auto points = ReplayField("points");
  sees_it = false;
  EXPECT_EQ(RunReplay(), kExitPass);
  sees_it = true;
  const auto& replayed = report_["explore"]["replayed"];
  EXPECT_EQ(replayed["identical"], true);
  EXPECT_EQ(replayed["points"], points) << "where the finding was";
  EXPECT_EQ(replayed["reproduced"], false);
  EXPECT_GT(report_["explore"]["points"], points) << "to its end";
}

// As when an earlier schedule has broken memory.
TEST_F(SupervisorExploreTest, AFindingThatDoesNotComeAgainIsReportedAsThat) {
  workload_.setup = [] { flag.store(flag.load(kRelaxed) + 1, kRelaxed); };
  workload_.step = [](uint32_t) {
    Operate();
    if (flag.load(kRelaxed) == 3) ReportInvariant("item_state", 0, "the third");
  };
  EXPECT_EQ(Run(), kExitFinding);
  flag.store(0, kRelaxed);
  EXPECT_EQ(report_["verdict"], "FINDING");
  EXPECT_EQ(ReplayField("schedule_index"), 2);
  EXPECT_EQ(ReplayField("reproduced"), false);
  EXPECT_EQ(report_["explore"]["replayed"]["identical"], true);
  EXPECT_TRUE(Says("it did NOT come to the same")) << out_;
}

// How many schedules have begun, in all processes.
class SupervisorSecondLookTest : public SupervisorExploreTest {
 protected:
  SupervisorSecondLookTest()
      : begun_(static_cast<std::atomic<int>*>(
            mmap(nullptr, sizeof(std::atomic<int>), PROT_READ | PROT_WRITE,
                 MAP_SHARED | MAP_ANONYMOUS, -1, 0))) {
    workload_.setup = [this] { begun_->fetch_add(1, kRelaxed); };
  }
  ~SupervisorSecondLookTest() override { munmap(begun_, sizeof(*begun_)); }

  static void Points(int count) {
    for (int i = 0; i < count; i++) LRU_POINT(item_unlinked);
    LRU_POINT(item_linked);
  }

  std::atomic<int>* begun_;
};

TEST_F(SupervisorSecondLookTest, AnotherCourseEachTimeIsTheHarnesssFailure) {
  workload_.step = [this](uint32_t) {
    Operate();
    Points(begun_->load(kRelaxed));
    ReportInvariant("item_state", 0, "found");
  };
  EXPECT_EQ(Run(), kExitHarness);
  EXPECT_EQ(report_["verdict"], "ERROR");
  EXPECT_EQ(FindingField("invariant"), "item_state") << "it is not hidden";
  EXPECT_EQ(ReplayField("reproduced"), false);
  EXPECT_TRUE(Says("HARNESS FAILED schedule 0 has taken another course"))
      << out_;
  std::string now = report_["explore"]["replayed"]["trace_hash"];
  EXPECT_TRUE(Says(now)) << out_;
  EXPECT_TRUE(Says(ReplayField("trace_hash"))) << "both are named: " << out_;
}

TEST_F(SupervisorSecondLookTest, ButACrashIsOneHoweverItComes) {
  workload_.step = [this](uint32_t) {
    Operate();
    Points(begun_->load(kRelaxed));
    WriteToNull();
  };
  EXPECT_EQ(Run(), kExitFinding);
  EXPECT_EQ(FindingField("kind"), "crash");
  EXPECT_EQ(ReplayField("reproduced"), false);
  EXPECT_TRUE(Says("memory was broken before anybody noticed")) << out_;
}

TEST_F(SupervisorSecondLookTest, WhatNewProcessesAgreeOnIsReported) {
  workload_.step = [this](uint32_t) {
    Operate();
    Points(begun_->load(kRelaxed) > 1);
    ReportInvariant("item_state", 0, "found");
  };
  EXPECT_EQ(Run(), kExitFinding);
  EXPECT_EQ(ReplayField("reproduced"), true);
  EXPECT_EQ(ReplayField("trace_hash"),
            report_["explore"]["replayed"]["trace_hash"]);
  EXPECT_NE(ReplayField("strategy"), "replay");
  EXPECT_TRUE(Says("comes to in a new process, twice")) << out_;
  EXPECT_EQ(RunReplay(), kExitFinding);
  EXPECT_EQ(report_["explore"]["replayed"]["identical"], true);
}

// News must not go for what is none.
TEST_F(SupervisorSecondLookTest, WhatIsKnownIsNeverReportedInstead) {
  workload_.setup = [this] {
    begun_->fetch_add(1, kRelaxed);
    MakeItKnown();
  };
  workload_.step = [this](uint32_t) {
    bool first = begun_->load(kRelaxed) == 1;
    Operate();
    Points(!first);
    if (first) {
      ReportInvariant("item_state", 0, "found");
    } else {
      ComeUponTheKnown();
    }
  };
  EXPECT_EQ(Run(), kExitHarness);
  EXPECT_EQ(FindingField("invariant"), "item_state");
}

// Each process comes upon it in its seventh schedule; the last of them is left
// after 8 times 7 schedules.
TEST_F(SupervisorExploreTest, WhatIsKnownEndsTheScheduleNotTheRun) {
  workload_.setup = [] {
    MakeItKnown();
    flag.store(flag.load(kRelaxed) + 1, kRelaxed);
  };
  workload_.step = [](uint32_t) {
    Operate();
    if (flag.load(kRelaxed) == 7) ComeUponTheKnown();
  };
  EXPECT_EQ(Run(), kExitPass) << out_;
  EXPECT_EQ(report_["explore"]["schedules"], 60);
  EXPECT_FALSE(Says("ended by what is known")) << out_;
  auto hash = report_["explore"]["trace_hash"];
  EXPECT_EQ(Run(), kExitPass);
  EXPECT_EQ(report_["explore"]["trace_hash"], hash);
  // What comes then is found, and is its schedule's.
  workload_.step = [](uint32_t) {
    Operate();
    if (flag.load(kRelaxed) == 7) ComeUponTheKnown();
    if (recorder()->explore.index.load(kRelaxed) == 40) {
      ReportInvariant("item_state", 0, "news");
    }
  };
  EXPECT_EQ(Run(), kExitFinding) << out_;
  EXPECT_EQ(FindingField("invariant"), "item_state");
  EXPECT_EQ(ReplayField("schedule_index"), 40);
  EXPECT_EQ(ReplayField("reproduced"), true);
}

// What a process has kept of the schedules before.
TEST_F(SupervisorSecondLookTest, AScheduleThatNeedsThoseBeforeItIsFoundByAll) {
  workload_.setup = [] { flag.store(flag.load(kRelaxed) + 1, kRelaxed); };
  workload_.step = [](uint32_t) {
    Operate();
    Points(flag.load(kRelaxed) == 3);
    if (flag.load(kRelaxed) == 3) ReportInvariant("item_state", 0, "the third");
  };
  EXPECT_EQ(Run(), kExitFinding);
  flag.store(0, kRelaxed);
  EXPECT_EQ(FindingField("invariant"), "item_state");
  EXPECT_FALSE(report_["finding"]["replay"].contains("schedule"));
  EXPECT_TRUE(Says("Schedule 2 comes to it only behind those before it"))
      << out_;
  std::string command = ReplayField("command");
  EXPECT_NE(command.find("lrutorture run"), command.npos) << command;
}

// As when the machine has stood still.
TEST_F(SupervisorSecondLookTest, AStallThatDoesNotComeAgainIsTheClocks) {
  config_.stall_ms = 200;
  workload_.step = [this](uint32_t index) {
    Operate();
    while (index == 1 && begun_->load(kRelaxed) == 1) {
    }
    Operate();
  };
  EXPECT_EQ(Run(), kExitFinding);
  EXPECT_EQ(FindingField("kind"), "stall");
  EXPECT_TRUE(Says("the schedule stands still: the step after point ")) << out_;
  EXPECT_EQ(report_["explore"]["replayed"]["identical"], true);
  EXPECT_EQ(ReplayField("reproduced"), false);
  EXPECT_TRUE(Says("what the supervisor's clock sees")) << out_;
  EXPECT_FALSE(Says("had broken")) << out_;
}

TEST_F(SupervisorSecondLookTest, ARepeatThatDiffersIsToldWithBothHashes) {
  // One in 100 is repeated, the 51st first: what begins as the 52nd.
  workload_.step = [this](uint32_t) { Points(begun_->load(kRelaxed) == 52); };
  EXPECT_EQ(Run(), kExitHarness);
  EXPECT_EQ(report_["verdict"], "ERROR");
  EXPECT_TRUE(report_["finding"].is_null());
  const auto& difference = report_["explore"]["difference"];
  EXPECT_EQ(difference["schedule_index"], 50);
  std::string first = difference["times"][0]["trace_hash"];
  std::string second = difference["times"][1]["trace_hash"];
  EXPECT_NE(first, second);
  EXPECT_TRUE(Says("HARNESS FAILED schedule 50")) << out_;
  EXPECT_TRUE(Says(first) && Says(second)) << out_;
  std::string command = difference["command"];
  EXPECT_TRUE(Says("again: " + command)) << out_;
  EXPECT_NE(command.find("--seed 1"), command.npos) << command;
}

TEST_F(SupervisorExploreTest, ACrashTellsScheduleAndWhereEverybodyWas) {
  workload_.step = [](uint32_t index) {
    Operate();
    if (index == 2) WriteToNull();
    Operate();
  };
  EXPECT_EQ(Run(), kExitFinding);
  EXPECT_EQ(FindingField("kind"), "crash");
  EXPECT_FALSE(ReplayField("schedule").get<std::string>().empty());
  EXPECT_EQ(ReplayField("reproduced"), true);
  size_t with_stack = 0;
  for (const auto& actor : report_["finding"]["actors"]) {
    with_stack += !actor["stack"].empty();
  }
  // At least main's, which is blocked: others may be done.
  EXPECT_GE(with_stack, 1u) << report_["finding"]["actors"].dump(1);
}

TEST_F(SupervisorExploreTest, AKilledProcessIsNotRunAgain) {
  workload_.step = [](uint32_t index) {
    Operate();
    if (index == 1) kill(getpid(), SIGKILL);
  };
  EXPECT_EQ(Run(), kExitFinding);
  EXPECT_EQ(FindingField("kind"), "killed");
  EXPECT_FALSE(ReplayField("schedule").get<std::string>().empty());
  EXPECT_TRUE(ReplayField("reproduced").is_null());
}

TEST_F(SupervisorExploreTest, ADeadlockIsExactAndComesAgain) {
  static int lock;
  workload_.step = [](uint32_t index) {
    Operate();
    if (index == 0) lru::engine()->block(&lock);
  };
  EXPECT_EQ(Run(), kExitFinding);
  EXPECT_EQ(FindingField("kind"), "deadlock");
  EXPECT_EQ(ReplayField("reproduced"), true);
}

// A loop without a point: the engine never gets it back.
TEST_F(SupervisorExploreTest, AHangIsAStallThatComesAgain) {
  config_.stall_ms = 200;
  workload_.step = [](uint32_t index) {
    Operate();
    BeginOperation({Verb::k_del, 5, 0, 0, -1});
    while (index == 1 && flag.load(kRelaxed) == 0) {
    }
    EndOperation({Verb::k_del, 5, 0, 0, -1}, 0);
  };
  EXPECT_EQ(Run(), kExitFinding);
  EXPECT_EQ(FindingField("kind"), "stall");
  EXPECT_EQ(ReplayField("reproduced"), true);
  bool shown = false;
  for (const auto& actor : report_["finding"]["actors"]) {
    shown |= actor["name"] == "adder-1" && !actor["stack"].empty();
  }
  EXPECT_TRUE(shown) << "where it hangs";
}

TEST_F(SupervisorExploreTest, ControlCEndsBetweenTwoSchedules) {
  config_.schedules = 0;
  config_.duration_ms = 60'000;
  workload_.setup = [] {
    flag.store(flag.load(kRelaxed) + 1, kRelaxed);
    if (flag.load(kRelaxed) == 3) kill(getppid(), SIGINT);
  };
  EXPECT_EQ(Run(), kExitInconclusive);
  EXPECT_EQ(report_["interrupted"], true);
  EXPECT_GE(report_["explore"]["schedules"], 3) << "that one has ended, too";
  uint64_t operations = report_["stats"]["operations"]["add"];
  uint64_t schedules = report_["explore"]["schedules"];
  uint64_t repeated = report_["explore"]["repeated"];
  EXPECT_EQ(operations, (schedules + repeated) * 3 * 4) << "none was cut short";
  EXPECT_TRUE(Says("INCONCLUSIVE interrupted after ")) << out_;
}

}  // namespace
}  // namespace harness
