// No kernel had it: list_lru_count_one() without its read section. What it has
// found by the memcg's id is freed under it, a grace period after the teardown
// has erased it.
//
//   shrinker                    offline worker
//   finds the memcg's list
//                               splices, erases the slot, kvfree_rcu()
//                               grace period: waits for nobody
//   reads nr_items: freed
#include "lru/node_lock.h"
#include "workloads/registry.h"

namespace workloads::count_one_without_rcu {
namespace {

unsigned long CountOneWithoutRcu(lru::list_lru* lru, int nid,
                                 lru::mem_cgroup* memcg)
    ABSL_NO_THREAD_SAFETY_ANALYSIS {
  lru::api_scope scope("list_lru_count_one");
  const lru::list_lru_one* list =
      lru::list_lru_from_memcg_idx(lru, nid, lru::memcg_kmem_id(memcg));
  long count = list ? list->nr_items.load(std::memory_order_relaxed) : 0;
  LRU_POINT(count_loaded, .memcg = memcg, .lru = lru, .list = list, .nid = nid,
            .nr = count);
  return lru::node_lock_steps::count_of(count);
}

constexpr lru::list_lru_ops kOps = [] {
  lru::list_lru_ops ops = lru::make_node_lock_ops<lru::node_lock_steps>(
      "node-lock", "counts without RCU");
  ops.list_lru_count_one = CountOneWithoutRcu;
  return ops;
}();

LRUTORTURE_REGISTER(RegisterControl(
    {.info = {.name = "count_one_without_rcu",
              .klass = "lru",
              .lrus = {"node-lock"},
              .doc = "list_lru_count_one() reads a list that it has found in "
                     "no read section",
              .config = "busted/count_one_without_rcu.json",
              .expect = {{"release", "invariant", "rcu_before_free"},
                         {"asan", "invariant", "rcu_before_free"},
                         {"tsan", "invariant", "rcu_before_free"},
                         {"gcc", "invariant", "rcu_before_free"}}},
     .break_it = [](World::Parts& parts) { parts.lru_ops = &kOps; }}));

}  // namespace
}  // namespace workloads::count_one_without_rcu
