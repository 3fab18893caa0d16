// ctest: torture
// The checked-in lists of implicit points, one per lru, name every site that a
// run visits while faults are armed. After a change of lru/ or of the actors,
// write them anew from longer runs (release build, four minutes), and look at
// the difference:
//
//   LRUTORTURE_WRITE_IMPLICIT=lru build/release/workloads/workloads_test
//       --gtest_filter='*/ImplicitPointsTest.*IsListed*'
#include "workloads/implicit_points.h"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "gtest/gtest.h"
#include "harness/flight_recorder.h"
#include "harness/supervisor.h"

namespace workloads {
namespace {

using harness::kRelaxed;
constexpr uint64_t kTestMs = 700;
constexpr uint64_t kWriteMs = 30'000;

// `text` is an object with something in it.
std::string OnLru(const std::string& lru, const std::string& text) {
  return absl::StrCat(R"({"lru": ")", lru, R"(", )", text.substr(1));
}

harness::Config Parse(const std::string& lru, const std::string& text) {
  harness::ParsedConfig parsed = harness::ParseConfig(OnLru(lru, text), {});
  EXPECT_EQ(absl::StrJoin(parsed.errors, "\n"), "");
  return parsed.config;
}

// One run is one process, as ever: its RCU thread lives until it ends.
void RunForked(const harness::Config& config, harness::Workload& workload) {
  pid_t pid = fork();
  if (pid == 0) _exit(harness::RunStress(config, 1, workload) ? 0 : 1);
  int status = 0;
  ASSERT_EQ(waitpid(pid, &status, 0), pid);
  EXPECT_EQ(status, 0);
  harness::Recorder& r = *harness::recorder();
  EXPECT_EQ(r.nr_findings.load(kRelaxed), 0u) << r.findings[0].message;
}

// Of the lru of that name.
class ImplicitPointsTest : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override { harness::MapRecorder(); }
  void TearDown() override { harness::UnmapRecorder(); }
  std::span<const std::string_view> listed() {
    return harness::Catalog::Get().FindLru(GetParam())->implicit;
  }
};

std::set<std::string> VisitAll(const std::string& lru, uint64_t duration_ms) {
  ImplicitVisits visits;
  for (harness::Config& config : ConfigsThatVisitAll(lru)) {
    harness::UnmapRecorder();
    harness::MapRecorder();
    config.duration_ms = duration_ms;
    VisitingTorture workload;
    RunForked(config, workload);
  }
  EXPECT_EQ(visits.nr_lost(), 0u);
  return visits.Names();
}

void Write(const std::string& folder, std::string lru,
           const std::set<std::string>& names) {
  std::replace(lru.begin(), lru.end(), '-', '_');
  std::ofstream out(absl::StrCat(folder, "/implicit_points_", lru, ".inc"));
  out << "// Written by workloads/implicit_points_test.\n";
  for (const std::string& name : names) out << '"' << name << "\",\n";
}

TEST_P(ImplicitPointsTest, EveryVisitedSiteIsListed) {
  const char* folder = std::getenv("LRUTORTURE_WRITE_IMPLICIT");
  std::set<std::string> visited =
      VisitAll(GetParam(), folder ? kWriteMs : kTestMs);
  if (folder) return Write(folder, GetParam(), visited);
  EXPECT_GT(visited.size(), listed().size() / 2) << "too little has happened";
  std::vector<std::string> missing;
  for (const std::string& name : visited) {
    if (!std::binary_search(listed().begin(), listed().end(), name)) {
      missing.push_back(name);
    }
  }
  EXPECT_EQ(absl::StrJoin(missing, "\n"), "") << "are visited but not listed";
}

TEST_P(ImplicitPointsTest, ListIsSortedAndWellFormed) {
  EXPECT_EQ(std::adjacent_find(listed().begin(), listed().end(),
                               std::greater_equal<>()),
            listed().end());
  for (std::string_view name : listed()) {
    std::string text =
        absl::StrCat(R"({"faults": [{"at": ")", std::string(name),
                     R"(:done", "delay_us": 1}]})");
    EXPECT_EQ(
        absl::StrJoin(harness::ParseConfig(OnLru(GetParam(), text), {}).errors,
                      "\n"),
        "");
  }
}

// As the command line would run it: by name, through the config.
TEST_P(ImplicitPointsTest, DelaysAtListedPointsFire) {
  std::string locks = absl::StrCat(
      "list_lru_add/", GetParam() == "node-lock" ? "lock" : "lock_if_alive");
  harness::Config config =
      Parse(GetParam(), absl::StrCat(R"({"faults": [
      {"at": ")",
                                     locks, R"(>spin_lock", "delay_us": 1},
      {"at": ")",
                                     locks, R"(>spin_lock:done", "delay_us": 1},
      {"at": "-/css_killed_work_fn>mutex_lock:done", "delay_us": 1}]})"));
  config.duration_ms = 300;
  ASSERT_EQ(config.faults.size(), 3u);
  Torture workload;
  RunForked(config, workload);
  for (size_t i = 0; i < config.faults.size(); i++) {
    uint64_t fired = 0;
    for (harness::TaskSlot& slot : harness::recorder()->tasks) {
      fired += slot.fired[i].load(kRelaxed);
    }
    EXPECT_GT(fired, 0u) << config.faults[i].implicit;
  }
}

INSTANTIATE_TEST_SUITE_P(Lrus, ImplicitPointsTest,
                         testing::Values("node-lock", "memcg-lock"));

}  // namespace
}  // namespace workloads
