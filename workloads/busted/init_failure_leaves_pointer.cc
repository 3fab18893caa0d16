// bugs.md #40, 1bc11d70b5db "mm/list_lru.c: avoid error-path NULL pointer
// deref" (2016, 4.9): list_lru_init() has its nodes, gets no memory for what it
// needs per memcg, frees the nodes, and leaves the pointer to them. A
// list_lru_destroy() after a failed init is legal, and takes them for alive.
//
//   one task (alloc_super(), and destroy_unused_super() after it)
//   lru->node = kzalloc()
//   the memcg part: -ENOMEM
//   kfree(lru->node)
//   list_lru_destroy(): lru->node is not null
//     kfree(lru->node)
//
// Our list_lru_init(), as the kernel's since 5.18, allocates nothing but the
// nodes: its one error point is taken for the memcg part's.
#include "lru/list_lru_common.h"
#include "workloads/registry.h"

namespace workloads::init_failure_leaves_pointer {
namespace {

int InitLeavesPointer(lru::list_lru* lru, bool memcg_aware,
                      lru::shrinker* shrinker) {
  int err = lru::list_lru_init(lru, memcg_aware, shrinker);
  if (!err) return 0;
  lru->node = new lru::list_lru_node[lru::nr_node_ids];
  delete[] lru->node;
  return err;
}

LRUTORTURE_REGISTER(RegisterControl(
    {.info = {.name = "init_failure_leaves_pointer",
              .klass = "lru",
              .lrus = {},
              .doc = "a failed list_lru_init() frees its nodes and leaves the "
                     "pointer to them: list_lru_destroy() frees them again "
                     "(#40, 1bc11d70b5db)",
              .config = "busted/init_failure_leaves_pointer.json",
              .expect = {{"asan", "memory_error", ""},
                         {"release", "crash", ""},
                         {"tsan", "crash", ""},
                         {"gcc", "crash", ""}}},
     .break_it = [](World::Parts& parts) {
       static lru::list_lru_ops ops;
       ops = *parts.lru_ops;
       ops.list_lru_init = InitLeavesPointer;
       parts.lru_ops = &ops;
     }}));

}  // namespace
}  // namespace workloads::init_failure_leaves_pointer
