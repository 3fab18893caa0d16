// bugs.md #41, "fix memory leak in __memcg_init_list_lru_node()" (Shakeel Butt,
// 2019, syzbot f90a420dfe2b1b03cb2c): lists are made for several memcgs; when
// there is no memory for one of them, those made before are freed, but for the
// last one.
//
//   one task
//   mlru of the memcg            made
//   mlru of its parent           made
//   mlru of the one above        -ENOMEM
//   frees what was made:         for (i = 0; i < n - 1; i++)
//     the parent's is found by nobody, and freed by nobody
#include "lru/node_lock.h"
#include "workloads/registry.h"

namespace workloads::unwind_off_by_one {
namespace {

struct OffByOne : lru::node_lock_steps {
  static void unwind(std::span<const lru::pending_mlru> made) {
    if (made.empty()) return;
    lru::node_lock_steps::unwind(made.first(made.size() - 1));
  }
};

constexpr lru::list_lru_ops kOps =
    lru::make_node_lock_ops<OffByOne>("node-lock", "unwinds one too few");

LRUTORTURE_REGISTER(RegisterControl(
    {.info = {.name = "unwind_off_by_one",
              .klass = "lru",
              .lrus = {"node-lock"},
              .doc = "memcg_list_lru_alloc() makes lists for a memcg and its "
                     "ancestors; when memory runs out, the last one made is "
                     "not freed (#41)",
              .config = "busted/unwind_off_by_one.json",
              .expect = {{"release", "invariant", "no_leak"},
                         {"asan", "invariant", "no_leak"},
                         {"tsan", "invariant", "no_leak"},
                         {"gcc", "invariant", "no_leak"}}},
     .break_it = [](World::Parts& parts) { parts.lru_ops = &kOps; }}));

}  // namespace
}  // namespace workloads::unwind_off_by_one
