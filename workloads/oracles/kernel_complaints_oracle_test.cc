// kernel_warning: heard from the first lru of the world to the end.
#include "lru/kernel/plugin.h"
#include "workloads/oracle_testing.h"

namespace workloads {
namespace {

using testing::Each;
using testing::IsEmpty;
using testing::SizeIs;

Findings InitWith(int (*init)(lru::list_lru* lru, bool memcg_aware,
                              lru::shrinker* shrinker)) {
  static lru::list_lru_ops ops;
  ops = lru::node_lock_ops();
  if (init) ops.list_lru_init = init;
  return RunScenario([] {
    Scenario s(CleanParts(ops));
    s.Finish();
  });
}

TEST(KernelComplaintsOracleTest, NothingIsSaid) {
  EXPECT_THAT(InitWith(nullptr), IsEmpty());
}

TEST(KernelComplaintsOracleTest, AWarningWhileTheWorldIsMade) {
  Findings findings = InitWith(
      [](lru::list_lru* lru, bool memcg_aware, lru::shrinker* shrinker) {
        lru::kernel::complain(lru::KERNEL_WARNS, "nid", "list_lru_init");
        return lru::node_lock_ops().list_lru_init(lru, memcg_aware, shrinker);
      });
  EXPECT_THAT(findings, SizeIs(2)) << "one for each lru";
  EXPECT_THAT(findings, Each(SaysWhat("kernel_warning", "nid,list_lru_init")));
}

}  // namespace
}  // namespace workloads
