// memcg_list_lru_free() takes the lists of a memcg out of the xarray and
// forgets them: a leak for every memcg that had a list. The kernel has leaked
// such pieces at the same seams (bugs.md #41, #44).
//
//   offline worker
//   mlru = xa_erase()
//   (kvfree_rcu(mlru) is missing)
//   nobody finds it any more, nobody frees it
#include "lru/node_lock.h"
#include "workloads/registry.h"

namespace workloads::mlru_never_freed {
namespace {

struct NeverFreed : lru::node_lock_steps {
  static void free_mlru(lru::list_lru_memcg*) {}
};

constexpr lru::list_lru_ops kOps =
    lru::make_node_lock_ops<NeverFreed>("node-lock", "without the free");

LRUTORTURE_REGISTER(RegisterControl(
    {.info = {.name = "mlru_never_freed",
              .klass = "lru",
              .lrus = {"node-lock"},
              .doc = "memcg_list_lru_free() takes the lists out of the xarray "
                     "and never frees them",
              .config = "busted/mlru_never_freed.json",
              .expect = {{"release", "invariant", "no_leak"},
                         {"asan", "invariant", "no_leak"},
                         {"tsan", "invariant", "no_leak"},
                         {"gcc", "invariant", "no_leak"}}},
     .break_it = [](World::Parts& parts) { parts.lru_ops = &kOps; }}));

}  // namespace
}  // namespace workloads::mlru_never_freed
