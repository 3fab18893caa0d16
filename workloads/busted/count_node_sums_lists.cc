// bugs.md #36, 2c80cd57c743 "mm/list_lru.c: fix list_lru_count_node() to be
// race free" (Sahitya Tummala, 2017): the count of a node was the sum of its
// lists, taken one after the other, while items move from one to another.
//
//   counter                             offline worker
//   the root's list: 3
//                                       splices the child's 40 items to the
//                                         root's
//   the child's list: 0
//   3 items in all; the other way round they count twice
#include "workloads/busted/break_steps.h"

namespace workloads::count_node_sums_lists {
namespace {

template <class Steps>
struct SumsLists : Steps {
  // As list_lru_count_one() of its owner.
  static long count_of_list(const lru::list_lru* lru, int nid,
                            const lru::list_lru_one* l) {
    long count = lru::READ_ONCE(l->nr_items, "list_lru_count_one");
    LRU_POINT(count_loaded, .lru = lru, .list = l, .nid = nid, .nr = count);
    return static_cast<long>(Steps::count_of(count));
  }

  static long count_of_node(lru::list_lru* lru, int nid) {
    lru::rcu_guard guard("list_lru_count_one");
    long sum = count_of_list(lru, nid, &lru->node[nid].lru);
    int index = 0;
    while (auto* mlru = static_cast<lru::list_lru_memcg*>(
               lru::xa_find(&lru->xa, &index))) {
      sum += count_of_list(lru, nid, &mlru->node[nid]);
      index++;
    }
    return sum;
  }
};

LRUTORTURE_REGISTER(RegisterControl(
    {.info = {.name = "count_node_sums_lists",
              .klass = "lru",
              .lrus = {},
              .doc = "list_lru_count_node() adds up the lists of all memcgs: "
                     "what a reparent moves meanwhile counts twice or not at "
                     "all (#36, 2c80cd57c743)",
              .config = "busted/count_node_sums_lists.json",
              .expect = {{"release", "invariant", "counts_sane"},
                         {"asan", "invariant", "counts_sane"},
                         {"tsan", "invariant", "counts_sane"},
                         {"gcc", "invariant", "counts_sane"}}},
     .break_it = BreakSteps<SumsLists>}));

}  // namespace
}  // namespace workloads::count_node_sums_lists
