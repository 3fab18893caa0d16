// memcg_list_lru_free() takes the lists of a memcg out of the xarray and
// forgets them: a leak for every memcg that had a list. The kernel has leaked
// such pieces at the same seams (bugs.md #41, #44).
//
//   offline worker
//   mlru = xa_erase()
//   (kvfree_rcu(mlru) is missing)
//   nobody finds it any more, nobody frees it
#include "workloads/busted/break_steps.h"

namespace workloads::mlru_never_freed {
namespace {

template <class Steps>
struct NeverFreed : Steps {
  static void free_mlru(lru::list_lru_memcg*) {}
};

LRUTORTURE_REGISTER(RegisterControl(
    {.info = {.name = "mlru_never_freed",
              .klass = "lru",
              .lrus = {},
              .doc = "memcg_list_lru_free() takes the lists out of the xarray "
                     "and never frees them",
              .config = "busted/mlru_never_freed.json",
              .expect = {{"release", "invariant", "no_leak"},
                         {"asan", "invariant", "no_leak"},
                         {"tsan", "invariant", "no_leak"},
                         {"gcc", "invariant", "no_leak"}}},
     .break_it = BreakSteps<NeverFreed>}));

}  // namespace
}  // namespace workloads::mlru_never_freed
