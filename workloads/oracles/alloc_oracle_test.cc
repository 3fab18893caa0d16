// alloc_before_add, with one mistake at a time.
#include <sys/wait.h>

#include "workloads/oracle_testing.h"

namespace workloads {
namespace {

using testing::Contains;
using testing::IsEmpty;
using testing::Not;

constexpr const char* kAlloc = "alloc_before_add";

TEST(AllocOracleTest, ChargedAndAddedIsSilent) {
  EXPECT_THAT(RunScenario([] {
                Scenario s;
                s.ChargeAndAdd(3);  // its ancestors had none
                s.ChargeAndAdd(0, 1, 1);
                s.Destroy(2);
                s.ChargeAndAdd(1);
                s.Finish();
              }),
              IsEmpty());
}

// What list_lru_add() would look up, without what it would then touch.
void LookUp(Scenario& s, Object* object, lru::mem_cgroup* memcg) {
  lru::list_lru_one* l = s.ListOf(memcg, object->nid);
  lru::spin_guard guard(&s.world().lru(0)->node[0].lock);
  if (l) return;
  s.Feed(lru::FP_dead_list_seen, {.memcg = memcg,
                                  .lru = s.world().lru(0),
                                  .item = &object->lru,
                                  .nid = object->nid});
}

WorkloadOps OpsWithoutAlloc() {
  WorkloadOps ops = CleanWorkloadOps();
  ops.alloc_lists = [](World&, uint32_t, lru::mem_cgroup*) { return 0; };
  return ops;
}

TEST(AllocOracleTest, NeverAllocated) {
  EXPECT_THAT(
      RunScenario([] {
        World::Parts parts = CleanParts();
        WorkloadOps ops = OpsWithoutAlloc();
        parts.ops = &ops;
        Scenario s(parts);
        LookUp(s, s.Charge(3), s.memcg(3));
      }),
      Contains(testing::AllOf(Says(kAlloc, "lists were never allocated"),
                              SaysWhat(kAlloc, ""))));
}

// It is found by an ancestor, to whom its objcg has gone.
TEST(AllocOracleTest, AnAncestorWithoutLists) {
  auto found = [](bool after_an_error) {
    return RunScenario([after_an_error] {
      World::Parts parts = CleanParts();
      WorkloadOps ops = OpsWithoutAlloc();
      parts.ops = &ops;
      harness::Config config = ChainConfig();
      harness::Fault fault;
      fault.at = lru::FP_xa_stored;
      fault.enomem = true;
      config.faults.push_back(fault);
      Scenario s(parts, config);
      Object* object = s.Charge(3);
      if (after_an_error) {
        harness::ArmFaults();
        EXPECT_NE(
            parts.lru_ops->memcg_list_lru_alloc(s.memcg(2), s.world().lru(0)),
            0);
        harness::DisarmFaults();
      }
      LookUp(s, object, s.memcg(0));
    });
  };
  EXPECT_THAT(found(true),
              Contains(SaysWhat(kAlloc, "ancestor after an error")));
  EXPECT_THAT(found(false), Contains(SaysWhat(kAlloc, "ancestor")));
}

// Reparented, none of its ancestors having lists either: still never allocated.
TEST(AllocOracleTest, NeverAllocatedAndReparented) {
  EXPECT_THAT(RunScenario([] {
                World::Parts parts = CleanParts();
                WorkloadOps ops = OpsWithoutAlloc();
                parts.ops = &ops;
                Scenario s(parts);
                Object* object = s.Charge(3);
                lru::mem_cgroup* memcg = s.world().GetMemcg(3);
                s.Destroy(3);
                LookUp(s, object, memcg);
                lru::mem_cgroup_put(memcg);
              }),
              Contains(Says(kAlloc, "lists were never allocated")));
}

// d5: a memcg whose lists are gone, and whose id names nobody.
TEST(AllocOracleTest, ReparentedToNowhere) {
  Findings findings = RunScenario([] {
    Scenario s;
    Object* object = s.ChargeAndAdd(3);
    lru::mem_cgroup* memcg = s.world().GetMemcg(3);
    s.Destroy(3);
    memcg->kmemcg_id = lru::MEM_CGROUP_ID_MAX;
    LookUp(s, object, memcg);
    lru::mem_cgroup_put(memcg);
  });
  EXPECT_THAT(findings, Contains(Says("reparent_target", "found no list")));
  EXPECT_THAT(findings, Not(Contains(Says(kAlloc, ""))));
}

// The whole lru, to its end: the oracle has spoken before.
TEST(AllocOracleTest, TheLruDiesOfItLater) {
  harness::MapRecorder();
  pid_t pid = fork();
  if (pid == 0) {
    World::Parts parts = CleanParts();
    WorkloadOps ops = OpsWithoutAlloc();
    parts.ops = &ops;
    Scenario s(parts);
    s.Add(s.Charge(3));
    _exit(0);
  }
  int status = 0;
  ASSERT_EQ(waitpid(pid, &status, 0), pid);
  EXPECT_FALSE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  EXPECT_THAT(ReadFindings(), Contains(Says(kAlloc, "never allocated")));
  harness::UnmapRecorder();
}

TEST(AllocOracleTest, AncestorsLeftOut) {
  EXPECT_THAT(RunScenario([] {
                Scenario s;
                Object* object = s.Charge(3);
                lru::list_lru* lru = s.world().lru(0);
                lru::xa_erase_irq(&lru->xa, s.memcg(1)->kmemcg_id);
                s.Add(object);
              }),
              Contains(Says(kAlloc, "has none that their items could be")));
}

TEST(AllocOracleTest, NobodyToReparentTo) {
  EXPECT_THAT(RunScenario([] {
                Scenario s;
                s.Charge(3);
                const lru::list_lru_one* nothing = nullptr;
                s.Feed(lru::FP_src_locked, {.memcg = s.memcg(3),
                                            .lru = s.world().lru(0),
                                            .list = s.ListOf(s.memcg(3)),
                                            .nid = 0,
                                            .dst = nothing,
                                            .parent = s.memcg(2)});
              }),
              Contains(Says(kAlloc, "which has no lists on lru 1")));
}

TEST(AllocOracleTest, ByAMemcgThatHasBeenFreed) {
  EXPECT_THAT(RunScenario([] {
                Scenario s;
                s.Feed(lru::FP_dead_list_seen,
                       {.lru = s.world().lru(0), .nid = 0});
              }),
              Contains(Says("reparent_target", "that has been freed")));
}

}  // namespace
}  // namespace workloads
