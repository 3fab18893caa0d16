// No kernel had it: memcg_list_lru_free() frees the lists with no grace period,
// kfree() for kvfree_rcu(). Lookups read them without a lock (bugs.md,
// invariant 27).
//
//   counter                            offline worker
//   rcu_read_lock()
//   l = list_lru_from_memcg_idx()
//                                      xa_erase(): nobody finds it any more
//                                      kfree(mlru)
//   reads l->nr_items of freed memory
#include "workloads/busted/break_steps.h"

namespace workloads::mlru_freed_at_once {
namespace {

template <class Steps>
struct FreedAtOnce : Steps {
  static void free_mlru(lru::list_lru_memcg* mlru) {
    lru::kfree_type(lru::ALLOC_MLRU, mlru);
  }
};

LRUTORTURE_REGISTER(RegisterControl(
    {.info = {.name = "mlru_freed_at_once",
              .klass = "lru",
              .lrus = {},
              .doc = "memcg_list_lru_free() frees the lists at once: who found "
                     "them under RCU reads freed memory",
              .config = "busted/mlru_freed_at_once.json",
              .expect = {{"release", "invariant", "rcu_before_free"},
                         {"asan", "invariant", "rcu_before_free"},
                         {"tsan", "invariant", "rcu_before_free"},
                         {"gcc", "invariant", "rcu_before_free"}}},
     .break_it = BreakSteps<FreedAtOnce>}));

}  // namespace
}  // namespace workloads::mlru_freed_at_once
