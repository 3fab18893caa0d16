// A callback that returns LRU_RETRY is not taken off nr_to_walk. The kernel
// counts down before the callback, "so that we don't livelock if we get stuck
// on large numbers of LRU_RETRY items" (mm/list_lru.c).
//
//   walker
//   nr_to_walk = 1
//   isolate(A): LRU_RETRY, A's lock is taken; restart
//   isolate(A): LRU_RETRY; restart
//   ... for as long as A's owner, who may wait for nlru->lock, keeps its lock
#include "workloads/busted/break_steps.h"

namespace workloads::retry_is_free {
namespace {

template <class Steps>
struct RetryIsFree : Steps {
  static bool visit_is_free(lru::lru_status status) {
    return status == lru::LRU_RETRY;
  }
};

LRUTORTURE_REGISTER(RegisterControl(
    {.info = {.name = "retry_is_free",
              .klass = "lru",
              .lrus = {},
              .doc = "a callback that returns LRU_RETRY does not count "
                     "against nr_to_walk: a walk can go on for ever",
              .config = "busted/retry_is_free.json",
              .expect = {{"release", "invariant", "walk_contract"},
                         {"asan", "invariant", "walk_contract"},
                         {"tsan", "invariant", "walk_contract"},
                         {"gcc", "invariant", "walk_contract"}}},
     .break_it = BreakSteps<RetryIsFree>}));

}  // namespace
}  // namespace workloads::retry_is_free
