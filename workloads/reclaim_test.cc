// ctest: torture
// Allocations of every kind run shrinkers in the middle of a torture, and
// nothing goes wrong: no lock is taken that is held, no item lost.
#include <sys/wait.h>
#include <unistd.h>

#include "gtest/gtest.h"
#include "harness/flight_recorder.h"
#include "harness/supervisor.h"
#include "workloads/torture.h"

namespace workloads {
namespace {

// A world has its lrus before faults act.
constexpr lru::fault_point kPoints[] = {
    lru::FP_memcg_allocated, lru::FP_ref_allocated,  lru::FP_objcg_allocated,
    lru::FP_id_allocated,    lru::FP_mlru_allocated, lru::FP_xa_stored,
    lru::FP_slab_allocated,
};

harness::Config ReclaimingConfig() {
  harness::Config config = harness::ParseConfig("{}", {}).config;
  config.duration_ms = 400;
  for (lru::fault_point at : kPoints) {
    harness::Fault fault;
    fault.at = at;
    fault.reclaim = true;
    fault.one_in = at == lru::FP_slab_allocated ? 20 : 2;
    config.faults.push_back(fault);
  }
  return config;
}

TEST(ReclaimTest, EveryAllocationMayShrink) {
  harness::MapRecorder();
  harness::Config config = ReclaimingConfig();
  pid_t pid = fork();
  if (pid == 0) {
    Torture workload;
    _exit(harness::RunStress(config, 1, workload) ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(pid, &status, 0), pid);
  EXPECT_EQ(status, 0);
  harness::Recorder& r = *harness::recorder();
  EXPECT_EQ(r.nr_findings.load(), 0u) << r.findings[0].message;
  EXPECT_GT(r.teardowns.load(), 0u);
  for (size_t i = 0; i < std::size(kPoints); i++) {
    uint64_t fired = 0;
    for (harness::TaskSlot& slot : r.tasks) fired += slot.fired[i].load();
    EXPECT_GT(fired, 0u) << lru::fault_point_at(kPoints[i]).name;
  }
  harness::UnmapRecorder();
}

}  // namespace
}  // namespace workloads
