// For tests of whole runs: a workload made up of functions, and a fixture that
// runs it and reads the report.
#ifndef LRUTORTURE_HARNESS_SUPERVISOR_TESTING_H_
#define LRUTORTURE_HARNESS_SUPERVISOR_TESTING_H_

#include <sched.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <functional>
#include <memory>
#include <string>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "harness/flight_recorder.h"
#include "harness/known.h"
#include "harness/supervisor.h"
#include "nlohmann/json.hpp"

namespace harness {

// One add, finished.
inline void AddOne() {
  const Operation op = {Verb::k_add, 17, 0, 0, -1};
  BeginOperation(op);
  lru::sleep_ns(100'000);
  EndOperation(op, 0);
}

// Uses a processor for that long while others have nearly all of it.
inline void Starve(absl::Duration duration) {
  constexpr int kOthers = 16;
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(sched_getcpu(), &one);
  ASSERT_EQ(sched_setaffinity(0, sizeof(one), &one), 0);
  absl::Time end = absl::Now() + duration;
  pid_t first = fork();
  ASSERT_GE(first, 0);
  if (first == 0) {
    for (int i = 1; i < kOthers && fork() > 0; i++) continue;
    while (absl::Now() < end) continue;
    syscall(SYS_exit_group, 0);  // TSan's _exit() takes its time
  }
  // Never asleep: who waits asks for no processor.
  while (absl::Now() < end || waitpid(first, nullptr, WNOHANG) == 0) continue;
}

struct FakeWorkload : Workload {
  struct FakeActor : Actor {
    explicit FakeActor(FakeWorkload& owner, uint32_t i) : w(owner), index(i) {}
    void Step(Prng&) override { w.step(index); }
    FakeWorkload& w;
    uint32_t index;
  };

  std::function<void()> setup = [] {};
  std::function<void(uint32_t)> step = [](uint32_t) { AddOne(); };
  std::function<bool()> quiesce = [] { return true; };
  std::function<void()> totals = [] {};
  std::function<void()> teardown = [] {};

  void Setup(const Config&, uint64_t) override { setup(); }
  std::unique_ptr<Actor> MakeActor(const ActorSpec&, uint32_t index) override {
    return std::make_unique<FakeActor>(*this, index);
  }
  bool Quiesce() override { return quiesce(); }
  void CheckTotals() override { totals(); }
  void Teardown() override { teardown(); }
};

// In a torture process: makes something known, and comes upon it.
inline void MakeItKnown() {
  SetKnownFindings({{"old", {"reparent_target|no list"}, "Ends.", true}});
}
inline void ComeUponTheKnown() {
  ReportViolation({.invariant = "reparent_target", .what = "no list"}, "old");
}

class WholeRunTest : public testing::Test {
 protected:
  WholeRunTest() {
    config_.name = "fake";
    config_.duration_ms = 100;
    config_.quiet_ms = 0;
    config_.stall_ms = 2000;
    config_.actors = {{.type = "adder", .count = 2}};
    char dir[] = "/tmp/supervisor_test.XXXXXX";
    options_.out_dir = mkdtemp(dir);
    options_.config_path = "configs/fake.json";
  }
  ~WholeRunTest() override {
    unlink((options_.out_dir + "/report.json").c_str());
    unlink((options_.out_dir + "/sanitizer.log").c_str());
    rmdir(options_.out_dir.c_str());
  }

  int Run() {
    testing::internal::CaptureStdout();
    int code = RunOnce(config_, 1, options_, workload_);
    out_ = testing::internal::GetCapturedStdout();
    std::ifstream file(options_.out_dir + "/report.json");
    report_ = file ? nlohmann::ordered_json::parse(file, nullptr, false)
                   : nlohmann::ordered_json();
    return code;
  }
  std::string FindingField(const char* key) {
    if (!report_.is_object() || !report_.contains("finding"))
      return "no report";
    return report_["finding"].value(key, "");
  }
  bool Says(const std::string& text) {
    return out_.find(text) != std::string::npos;
  }

  Config config_;
  RunOptions options_;
  FakeWorkload workload_;
  std::string out_;
  nlohmann::ordered_json report_;
};

[[gnu::noinline]] inline void WriteToNull() {
  volatile int* volatile nowhere = nullptr;
  *nowhere = 1;
}

}  // namespace harness

#endif  // LRUTORTURE_HARNESS_SUPERVISOR_TESTING_H_
