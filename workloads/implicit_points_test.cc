// ctest: torture
// The checked-in lists of implicit points, one per lru, name every site that a
// run visits while faults are armed. After a change of lru/ or of the actors,
// write them anew from longer runs (release build, four minutes), and look at
// the difference:
//
//   LRUTORTURE_WRITE_IMPLICIT=lru build/release/workloads/workloads_test
//       --gtest_filter='*/ImplicitPointsTest.*IsListed*'
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "gtest/gtest.h"
#include "harness/flight_recorder.h"
#include "harness/supervisor.h"
#include "workloads/registry.h"
#include "workloads/torture.h"

namespace workloads {
namespace {

using harness::kRelaxed;
constexpr uint64_t kTestMs = 700;
constexpr uint64_t kWriteMs = 30'000;

// --- what each thread has visited: written by it alone, in memory that the
// test shares with the process of the run

struct Place {
  std::atomic<const char*> function = nullptr;  // null: free
  std::atomic<const char*> outer = nullptr;
  std::atomic<uint32_t> op = 0;
};

struct Visits {
  Place places[4096];
};

struct Shared {
  std::atomic<uint32_t> nr_threads;
  std::atomic<uint64_t> nr_lost;
  Visits visits[128];
};
Shared* shared = nullptr;

Visits* MyVisits() {
  thread_local const uint32_t index = shared->nr_threads.fetch_add(1, kRelaxed);
  return index < std::size(shared->visits) ? &shared->visits[index] : nullptr;
}

void Collect(const lru::sync_site& site) {
  lru::task* task = lru::current_task();
  Visits* visits = task ? MyVisits() : nullptr;
  if (!visits) {
    shared->nr_lost.fetch_add(1, kRelaxed);
    return;
  }
  const char* outer = task->api.load(kRelaxed);
  size_t hash = reinterpret_cast<uintptr_t>(site.function) * 31 +
                reinterpret_cast<uintptr_t>(outer) * 7 + site.op;
  for (size_t probe = 0; probe < std::size(visits->places); probe++) {
    Place& place = visits->places[(hash + probe) % std::size(visits->places)];
    const char* function = place.function.load(kRelaxed);
    if (!function) {
      place.outer.store(outer, kRelaxed);
      place.op.store(site.op, kRelaxed);
      place.function.store(site.function, kRelaxed);
      return;
    }
    if (function == site.function && place.outer.load(kRelaxed) == outer &&
        place.op.load(kRelaxed) == site.op) {
      return;
    }
  }
  shared->nr_lost.fetch_add(1, kRelaxed);
}

std::set<std::string> Visited() {
  std::set<std::string> names;
  for (const Visits& visits : shared->visits) {
    for (const Place& place : visits.places) {
      const char* function = place.function.load(kRelaxed);
      if (!function) continue;
      const char* outer = place.outer.load(kRelaxed);
      auto op = static_cast<lru::sync_op>(place.op.load(kRelaxed));
      names.insert(absl::StrCat(outer ? outer : lru::kNoOuter, "/", function,
                                ">", lru::sync_op_name(op)));
    }
  }
  return names;
}

// --- the runs

class Watched : public Torture {
 public:
  // The harness has installed its own hook by now and has not armed it.
  void Setup(const harness::Config& config, uint64_t seed) override {
    Torture::Setup(config, seed);
    lru::lru_sync_hook.store(Collect, kRelaxed);
  }
};

// `text` is an object with something in it.
std::string OnLru(const std::string& lru, const std::string& text) {
  return absl::StrCat(R"({"lru": ")", lru, R"(", )", text.substr(1));
}

harness::Config Parse(const std::string& lru, const std::string& text,
                      uint64_t duration_ms) {
  harness::ParsedConfig parsed = harness::ParseConfig(OnLru(lru, text), {});
  EXPECT_EQ(absl::StrJoin(parsed.errors, "\n"), "");
  harness::Config config = parsed.config;
  config.duration_ms = duration_ms;
  config.actors.clear();
  for (const harness::ActorInfo& info : harness::Catalog::Get().actors()) {
    harness::ActorSpec spec;
    spec.type = info.name;
    spec.count = 2;
    config.actors.push_back(spec);
  }
  return config;
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

constexpr const char* kConfigs[] = {
    R"({"topology": {"slab_reuse": "never", "depth": 3, "irq_lrus": 1}})",
    // Everybody on the same few lists, memory short.
    R"({"topology": {"nids": 1, "lrus": 1, "memcgs": 2, "objects": 16,
                     "slab_reuse": "immediate"},
        "faults": [
          {"at": "memcg_allocated", "error": "ENOMEM", "one_in": 20},
          {"at": "objcg_allocated", "error": "ENOMEM", "one_in": 20},
          {"at": "shrinker_info_allocated", "error": "ENOMEM", "one_in": 20},
          {"at": "id_allocated", "error": "ENOMEM", "one_in": 20},
          {"at": "mlru_allocated", "error": "ENOMEM", "one_in": 20},
          {"at": "xa_stored", "error": "ENOMEM", "one_in": 20},
          {"at": "slab_allocated", "error": "ENOMEM", "one_in": 20}]})",
    // More shrinkers than a word has bits.
    R"({"topology": {"lrus": 64, "memcgs": 2, "objects": 16}})",
    // Lookups that outlive what they found.
    R"({"topology": {"memcgs": 4, "objects": 32},
        "faults": [
          {"at": "css_dying_set", "delay_us": 200, "one_in": 4},
          {"at": "kmemcg_ids_changed", "delay_us": 200, "one_in": 4},
          {"at": "memcg_looked_up", "delay_us": 100, "one_in": 50},
          {"at": "mlru_allocated", "delay_us": 200, "one_in": 4}]})"};

// Of the lru of that name.
class ImplicitPointsTest : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    void* memory = mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ASSERT_NE(memory, MAP_FAILED);
    shared = static_cast<Shared*>(memory);
    harness::MapRecorder();
  }
  void TearDown() override {
    harness::UnmapRecorder();
    munmap(shared, sizeof(Shared));
  }
  std::span<const std::string_view> listed() {
    return harness::Catalog::Get().FindLru(GetParam())->implicit;
  }
};

void VisitAll(const std::string& lru, uint64_t duration_ms) {
  for (const char* text : kConfigs) {
    harness::UnmapRecorder();
    harness::MapRecorder();
    harness::Config config = Parse(lru, text, duration_ms);
    // Never fires, as its hook is replaced; arms sync operations for as long
    // as faults are armed.
    harness::Fault fault;
    fault.at = lru::NR_FAULT_POINTS;
    fault.implicit = "none/none>load";
    fault.delay = harness::Delay{0, 0};
    config.faults.push_back(fault);
    Watched workload;
    RunForked(config, workload);
  }
  EXPECT_EQ(shared->nr_lost.load(kRelaxed), 0u);
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
  VisitAll(GetParam(), folder ? kWriteMs : kTestMs);
  std::set<std::string> visited = Visited();
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
      Parse(GetParam(),
            absl::StrCat(R"({"faults": [
      {"at": ")",
                         locks, R"(>spin_lock", "delay_us": 1},
      {"at": ")",
                         locks, R"(>spin_lock:done", "delay_us": 1},
      {"at": "-/css_killed_work_fn>mutex_lock:done", "delay_us": 1}]})"),
            300);
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
