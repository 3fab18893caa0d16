// Whole runs with a workload made up here: each ends in its own way, and each
// must come out as the right verdict and a report.
#include "harness/supervisor.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <iterator>

#include "harness/supervisor_testing.h"

namespace harness {
namespace {

using Json = nlohmann::ordered_json;

class SupervisorTest : public WholeRunTest {};

TEST_F(SupervisorTest, CleanRunPasses) {
  EXPECT_EQ(Run(), kExitPass);
  EXPECT_EQ(report_["verdict"], "PASS");
  EXPECT_TRUE(Says("seed 1\n")) << out_;
  EXPECT_TRUE(Says("PASS ")) << out_;
  EXPECT_TRUE(Says("report: " + options_.out_dir)) << out_;
}

TEST_F(SupervisorTest, CleanRunPassesInOneProcess) {
  options_.fork = false;
  EXPECT_EQ(Run(), kExitPass);
  EXPECT_EQ(report_["verdict"], "PASS");
}

TEST_F(SupervisorTest, QuietIsTwoLinesAndJsonIsTheReport) {
  options_.quiet = true;
  EXPECT_EQ(Run(), kExitPass);
  EXPECT_EQ(std::count(out_.begin(), out_.end(), '\n'), 2) << out_;
  options_.quiet = false;
  options_.json = true;
  EXPECT_EQ(Run(), kExitPass);
  EXPECT_EQ(Json::parse(out_, nullptr, false), report_);
}

void BreakInvariant(lru::fault_point, const lru::fault_site& site) {
  ReportInvariant("item_state", site.memcg.serial, "an item is on two lists");
}

TEST_F(SupervisorTest, FindingOfAnObserverEndsTheRun) {
  config_.duration_ms = 60'000;
  workload_.setup = [] { Observe(lru::FP_item_linked, BreakInvariant); };
  workload_.step = [](uint32_t) {
    AddOne();
    LRU_POINT(item_linked);
  };
  workload_.totals = [] { abort(); };  // skipped: the lists may be broken
  EXPECT_EQ(Run(), kExitFinding);
  EXPECT_EQ(FindingField("kind"), "invariant");
  EXPECT_EQ(FindingField("invariant"), "item_state");
  EXPECT_EQ(FindingField("message"), "an item is on two lists");
  EXPECT_TRUE(Says("FINDING invariant item_state\n")) << out_;
}

TEST_F(SupervisorTest, FindingInOneProcessIsReportedToo) {
  options_.fork = false;
  workload_.step = [](uint32_t) {
    AddOne();
    ReportInvariant("item_state", 0, "an item is on two lists");
  };
  EXPECT_EQ(Run(), kExitFinding);
  EXPECT_EQ(FindingField("invariant"), "item_state");
}

TEST_F(SupervisorTest, RunGoesOnToTheTotalsWhenToldTo) {
  config_.stop_on_finding = false;
  config_.findings_max = 3;
  auto reported = std::make_shared<std::atomic<bool>>(false);
  workload_.step = [reported](uint32_t) {
    AddOne();
    if (!reported->exchange(true)) ReportInvariant("item_state", 0, "first");
  };
  workload_.totals = [] { ReportInvariant("counts_sane", 0, "second"); };
  EXPECT_EQ(Run(), kExitFinding);
  ASSERT_EQ(report_["findings"].size(), 2u);
  EXPECT_EQ(report_["findings"][0]["message"], "first");
  EXPECT_EQ(report_["findings"][1]["invariant"], "counts_sane");
}

TEST_F(SupervisorTest, CrashIsReportedWithItsSignal) {
  workload_.step = [](uint32_t) {
    AddOne();
    WriteToNull();
  };
  EXPECT_EQ(Run(), kExitFinding);
  EXPECT_EQ(FindingField("kind"), "crash");
}

TEST_F(SupervisorTest, CrashInSetupIsReported) {
  workload_.setup = [] { abort(); };
  EXPECT_EQ(Run(), kExitFinding);
  EXPECT_EQ(FindingField("kind"), "crash");
}

TEST_F(SupervisorTest, KilledProcessIsReported) {
  workload_.step = [](uint32_t) { kill(getpid(), SIGKILL); };
  EXPECT_EQ(Run(), kExitFinding);
  EXPECT_EQ(FindingField("kind"), "killed");
  EXPECT_NE(FindingField("message").find("SIGKILL"), std::string::npos);
}

TEST_F(SupervisorTest, ProcessThatJustLeavesIsAFinding) {
  workload_.step = [](uint32_t) { _exit(0); };
  EXPECT_EQ(Run(), kExitFinding);
  EXPECT_EQ(FindingField("kind"), "crash");
}

TEST_F(SupervisorTest, HangIsAStall) {
  config_.duration_ms = 60'000;
  config_.stall_ms = 300;
  workload_.step = [](uint32_t index) {
    AddOne();
    if (index != 1) return;
    BeginOperation({Verb::k_del, 5, 0, 0, -1});
    for (;;) lru::sleep_ns(1'000'000);
  };
  EXPECT_EQ(Run(), kExitFinding);
  EXPECT_EQ(FindingField("kind"), "stall");
  EXPECT_NE(FindingField("message").find("adder-1, doing `del o5`,"),
            std::string::npos)
      << FindingField("message");
}

bool HasStopped(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string text(std::istreambuf_iterator<char>(file), {});
  return text.find(") T ") != std::string::npos;
}

// Stopped in the middle of its work, and woken by another process.
TEST_F(SupervisorTest, AStoppedRunIsNoStall) {
  constexpr int kStopMs = 400;
  config_.stall_ms = 150;
  auto* stopped = static_cast<std::atomic<pid_t>*>(
      mmap(nullptr, sizeof(std::atomic<pid_t>), PROT_READ | PROT_WRITE,
           MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  workload_.step = [stopped](uint32_t) {
    AddOne();
    pid_t none = 0;
    if (stopped->compare_exchange_strong(none, getpid())) raise(SIGSTOP);
  };
  pid_t waker = fork();
  if (waker == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    while (!stopped->load() || !HasStopped(stopped->load())) usleep(1000);
    usleep(kStopMs * 1000);
    // Once: LeakSanitizer stops the threads, too.
    kill(stopped->load(), SIGCONT);
    _exit(0);
  }
  EXPECT_EQ(Run(), kExitPass) << out_;
  EXPECT_GE(report_["stats"]["duration_s"], kStopMs / 1e3);
  waitpid(waker, nullptr, 0);
  munmap(stopped, sizeof(*stopped));
}

// Each process comes upon it after some operations.
TEST_F(SupervisorTest, WhatIsKnownEndsTheProcessNotTheRun) {
  config_.duration_ms = 500;
  workload_.setup = MakeItKnown;
  workload_.step = [](uint32_t index) {
    static std::atomic<int> steps = 0;
    AddOne();
    if (index == 0 && ++steps == 50) ComeUponTheKnown();
  };
  EXPECT_NE(Run(), kExitFinding) << out_;
  EXPECT_GE(report_["stats"]["operations"]["add"], 100);  // of two at least
  // News ends it.
  workload_.step = [](uint32_t) {
    AddOne();
    ReportInvariant("item_state", 0, "news");
  };
  EXPECT_EQ(Run(), kExitFinding);
  EXPECT_EQ(FindingField("invariant"), "item_state");
}

TEST_F(SupervisorTest, WhoGetsNoProcessorHasNotStalled) {
  config_.stall_ms = 100;
  workload_.step = [](uint32_t index) {
    static std::atomic<bool> once = false;
    if (index != 0 || once.exchange(true)) return AddOne();
    BeginOperation({Verb::k_del, 5, 0, 0, -1});
    Starve(absl::Milliseconds(500));
    EndOperation({Verb::k_del, 5, 0, 0, -1}, 0);
  };
  EXPECT_EQ(Run(), kExitPass) << out_;
}

TEST_F(SupervisorTest, QuietPhaseThatNeverEndsIsAStall) {
  config_.stall_ms = 300;
  workload_.quiesce = [] { return false; };
  EXPECT_EQ(Run(), kExitFinding);
  EXPECT_EQ(FindingField("kind"), "stall");
}

// adder-0 holds a and waits for b, adder-1 the other way round: what the locks
// of lru/ write into their task, without locks that would have to be unlocked.
TEST_F(SupervisorTest, DeadlockIsFoundLongBeforeTheStall) {
  config_.duration_ms = 60'000;
  config_.stall_ms = 60'000;
  static int locks[2];
  workload_.step = [](uint32_t index) {
    lru::task* self = lru::current_task();
    BeginOperation({Verb::k_del, 5, 0, 0, -1});
    self->held[0].lock.store(&locks[index]);
    self->held[0].name.store(index ? "a" : "b");
    self->nr_held.store(1);
    self->waiting_for.lock.store(&locks[1 - index]);
    self->waiting_for.name.store(index ? "b" : "a");
    self->waiting.store("mutex_lock");
    for (;;) lru::sleep_ns(1'000'000);
  };
  EXPECT_EQ(Run(), kExitFinding);
  EXPECT_EQ(FindingField("kind"), "deadlock");
  EXPECT_NE(FindingField("message").find("held by adder-1"), std::string::npos);
  EXPECT_EQ(FindingField("signature"), "deadlock|a,b");
}

// The other one waits for a lock of the first: that is not the reason.
TEST_F(SupervisorTest, AGracePeriodInsideOnesOwnSectionIsADeadlock) {
  config_.duration_ms = 60'000;
  config_.stall_ms = 60'000;
  static int lock;
  workload_.step = [](uint32_t index) {
    lru::task* self = lru::current_task();
    BeginOperation({Verb::k_del, 5, 0, 0, -1});
    if (index == 0) {
      self->held[0].lock.store(&lock);
      self->held[0].name.store("a");
      self->nr_held.store(1);
      self->rcu_nesting.store(1);
      self->waiting.store("synchronize_rcu");
    } else {
      self->waiting_for.lock.store(&lock);
      self->waiting_for.name.store("a");
      self->waiting.store("spin_lock");
    }
    for (;;) lru::sleep_ns(1'000'000);
  };
  EXPECT_EQ(Run(), kExitFinding);
  EXPECT_EQ(FindingField("kind"), "deadlock");
  EXPECT_EQ(FindingField("signature"), "deadlock|grace period");
}

// As when what an oracle has found is met by another task at the same moment.
TEST_F(SupervisorTest, ACrashWaitsForWhatAnotherIsWritingDown) {
  config_.duration_ms = 60'000;
  workload_.step = [](uint32_t index) {
    static std::atomic<bool> claimed;
    if (index == 0) {
      FindingSlot* slot = ClaimFinding(Kind::kInvariant);
      claimed.store(true);
      lru::sleep_ns(50'000'000);
      snprintf(slot->invariant, sizeof(slot->invariant), "items_conserved");
      PublishFinding(slot, "written down late");
      for (;;) lru::sleep_ns(1'000'000);
    }
    while (!claimed.load()) lru::cpu_relax();
    raise(SIGSEGV);
  };
  EXPECT_EQ(Run(), kExitFinding);
  EXPECT_EQ(FindingField("invariant"), "items_conserved");
  EXPECT_NE(FindingField("message").find("written down late"),
            std::string::npos);
}

TEST_F(SupervisorTest, ControlCStopsCleanlyAndStillReports) {
  config_.duration_ms = 60'000;
  workload_.setup = [] { kill(getppid(), SIGINT); };  // once: two are 130
  EXPECT_EQ(Run(), kExitInconclusive);
  EXPECT_EQ(report_["verdict"], "INCONCLUSIVE");
  EXPECT_EQ(report_["interrupted"], true);
  EXPECT_TRUE(Says("INCONCLUSIVE interrupted")) << out_;
}

TEST_F(SupervisorTest, ControlCEndsAStoppedRun) {
  config_.duration_ms = 60'000;
  workload_.setup = [] {
    kill(getppid(), SIGINT);
    raise(SIGSTOP);
  };
  EXPECT_EQ(Run(), kExitInconclusive);
  EXPECT_EQ(report_["interrupted"], true);
}

TEST_F(SupervisorTest, SecondControlCEndsAtOnce) {
  config_.duration_ms = 60'000;
  config_.stall_ms = 60'000;
  workload_.quiesce = [] {
    kill(getppid(), SIGINT);
    return false;
  };
  workload_.step = [](uint32_t) {
    AddOne();
    kill(getppid(), SIGINT);
  };
  EXPECT_EQ(Run(), kExitInterruptedTwice);
}

TEST_F(SupervisorTest, RunThatDidTooLittleIsInconclusive) {
  config_.require.operations = {{"del", 1}};
  EXPECT_EQ(Run(), kExitInconclusive);
  EXPECT_TRUE(Says("operations del: 0 of 1")) << out_;
  EXPECT_TRUE(Says("/duration_ms")) << out_;
}

TEST_F(SupervisorTest, LostReportFileCostsTheFileNotTheVerdict) {
  workload_.totals = [this] {
    unlink((options_.out_dir + "/sanitizer.log").c_str());
    rmdir(options_.out_dir.c_str());
    ReportInvariant("items_conserved", 0, "an item is lost");
  };
  testing::internal::CaptureStderr();
  EXPECT_EQ(Run(), kExitFinding);
  std::string err = testing::internal::GetCapturedStderr();
  EXPECT_NE(err.find("cannot write"), std::string::npos);
  EXPECT_TRUE(Says("\"items_conserved\"")) << out_;
  EXPECT_TRUE(Says("FINDING invariant items_conserved")) << out_;
}

// The torture process must not outlive a supervisor that was killed.
TEST_F(SupervisorTest, KilledSupervisorLeavesNothingBehind) {
  config_.duration_ms = 60'000;
  auto* torture_pid = static_cast<std::atomic<pid_t>*>(
      mmap(nullptr, sizeof(std::atomic<pid_t>), PROT_READ | PROT_WRITE,
           MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  workload_.setup = [torture_pid] { torture_pid->store(getpid()); };
  prctl(PR_SET_CHILD_SUBREAPER, 1);  // orphans become ours
  pid_t supervisor = fork();
  if (supervisor == 0) {
    options_.quiet = true;
    _exit(RunOnce(config_, 1, options_, workload_));
  }
  while (torture_pid->load() == 0) usleep(1000);
  kill(supervisor, SIGKILL);
  int status = 0;
  ASSERT_EQ(waitpid(supervisor, &status, 0), supervisor);
  ASSERT_EQ(waitpid(torture_pid->load(), &status, 0), torture_pid->load());
  EXPECT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(WTERMSIG(status), SIGKILL);
  prctl(PR_SET_CHILD_SUBREAPER, 0);
  munmap(torture_pid, sizeof(*torture_pid));
}

TEST_F(SupervisorTest, TasksOfAPlanAreCountedPerType) {
  config_.actors = {{.type = "adder", .count = 2},
                    {.type = "destroyer", .count = 1},
                    {.type = "adder", .count = 1}};
  EXPECT_EQ(PlanTaskNames(config_),
            (std::vector<std::string>{"adder-0", "adder-1", "destroyer-0",
                                      "adder-2"}));
}

}  // namespace
}  // namespace harness
