#include "lru/fault_points.h"

#include <set>
#include <string>

#include "lru/test_support.h"

namespace lru {
namespace {

TEST(FaultPoints, NamesAreUniqueAndFoundAgain) {
  std::set<std::string> names;
  for (const fault_point_info& info : fault_points()) {
    EXPECT_TRUE(names.insert(info.name).second) << info.name;
    EXPECT_EQ(fault_point_by_name(info.name), info.fp);
    EXPECT_EQ(fault_point_at(info.fp).name, info.name);
    EXPECT_NE(std::string(info.doc), "");
  }
  EXPECT_EQ(names.size(), size_t{NR_FAULT_POINTS});
  EXPECT_EQ(fault_point_by_name("ref_kiled"), NR_FAULT_POINTS);
  EXPECT_EQ(fault_point_by_name(""), NR_FAULT_POINTS);
}

TEST(FaultPoints, EveryStageAndAbsentPointOfNodeLockIsNamedOnce) {
  std::set<fault_point> seen;
  for (const stage_info& stage : node_lock_ops().stages) {
    EXPECT_TRUE(seen.insert(stage.fp).second);
    EXPECT_EQ(stage.after_gp, stage.since != NR_FAULT_POINTS);
    if (stage.after_gp) {
      EXPECT_TRUE(seen.count(stage.since));
    }
  }
  for (fault_point absent : node_lock_ops().absent) {
    EXPECT_TRUE(seen.insert(absent).second);
  }
}

int calls;
int count_call(fault_point, const fault_site&) { return ++calls, -ENOMEM; }
int evaluations;
int evaluated() { return ++evaluations; }

TEST(FaultPoints, ADisarmedPointCallsAndEvaluatesNothing) {
  lru_fault_hook = count_call;
  calls = evaluations = 0;
  LRU_POINT(css_free, .depth = evaluated());
  EXPECT_EQ(LRU_ERROR_POINT(mlru_allocated, .depth = evaluated()), 0);
  EXPECT_EQ(calls, 0);
  EXPECT_EQ(evaluations, 0);
  lru_armed = ARMED_HOOK;
  LRU_POINT(css_free, .depth = evaluated());
  EXPECT_EQ(LRU_ERROR_POINT(mlru_allocated, .depth = evaluated()), -ENOMEM);
  EXPECT_EQ(calls, 2);
  EXPECT_EQ(evaluations, 2);
  lru_armed = 0;
  lru_fault_hook = nullptr;
}

TEST(FaultPoints, WordsForPeople) {
  EXPECT_STREQ(held_name(held::SPIN), "spinlock");
  EXPECT_STREQ(fp_path_name(fp_path::ADD_DEL), "add_del");
  for (int op = 0; op < NR_SYNC_OPS; op++) {
    EXPECT_STRNE(sync_op_name(static_cast<sync_op>(op)), "?");
  }
  EXPECT_STREQ(sync_op_name(SYNC_spin_lock_irq), "spin_lock_irq");
}

TEST(FaultPoints, ReclaimRunsOnlyWhereItTakesNothingThatIsHeld) {
  EXPECT_TRUE(may_reclaim_at(FP_mlru_allocated));
  EXPECT_TRUE(may_reclaim_at(FP_memcg_allocated));  // cgroup_mutex alone
  EXPECT_FALSE(may_reclaim_at(FP_shrinker_info_allocated));
  EXPECT_FALSE(may_reclaim_at(FP_css_free));
  EXPECT_FALSE(may_reclaim_at(NR_FAULT_POINTS));
}

// LRU_API() names the innermost call and gives back the outer one.
void inner() {
  LRU_API();
  EXPECT_STREQ(current_task()->api.load(), "inner");
}
void outer() {
  LRU_API();
  EXPECT_STREQ(current_task()->api.load(), "outer");
  inner();
  EXPECT_STREQ(current_task()->api.load(), "outer");
}
using ApiScopeTest = task_test;
TEST_F(ApiScopeTest, NamesTheCallInProgressWhileArmed) {
  lru_armed = ARMED_HOOK;
  outer();
  EXPECT_EQ(current_task()->api.load(), nullptr);
  lru_armed = 0;
  LRU_API();
  EXPECT_EQ(current_task()->api.load(), nullptr);
}

// An implicit point before and after each operation, with the caller's name.
std::vector<std::string> sites;
void note(const sync_site& site) {
  sites.push_back(std::string(site.function) + ">" + sync_op_name(site.op) +
                  (site.done ? ":done" : ""));
}
void take(spinlock_t* lock) { spin_guard guard(lock); }
TEST_F(ApiScopeTest, ImplicitPointsNameTheFunctionAndTheOperation) {
  spinlock_t lock;
  lru_sync_hook = note;
  lru_armed = ARMED_SYNC;
  take(&lock);
  lru_armed = 0;
  lru_sync_hook = nullptr;
  EXPECT_EQ(sites, (std::vector<std::string>{
                       "take>spin_lock", "take>spin_lock:done",
                       "take>spin_unlock", "take>spin_unlock:done"}));
}

}  // namespace
}  // namespace lru
