// Completions (kernel/sched/completion.c): one side waits until the other says
// that something is done.
#ifndef LRUTORTURE_LRU_SYNC_COMPLETION_H_
#define LRUTORTURE_LRU_SYNC_COMPLETION_H_

#include "lru/sync/atomic.h"
#include "lru/sync/futex.h"

namespace lru {

// The waiter may free it as soon as wait_for_completion() has returned.
struct completion {
  std::atomic<u32> done = 0;
};

inline void reinit_completion(completion* x) {
  x->done.store(0, std::memory_order_relaxed);
}

inline void complete(completion* x, LRU_FN) {
  sync_point(SYNC_complete, fn, x);
  // pairs with the acquire in wait_for_completion()
  x->done.store(1, std::memory_order_release);
  futex_wake(&x->done, kWakeAll);
  sync_point(SYNC_complete, fn, nullptr, true);
}

// `what` names it in reports. Sleeps.
inline void wait_for_completion(completion* x, const char* what, LRU_FN) {
  sync_point(SYNC_wait_for_completion, fn, x);
  if (x->done.load(std::memory_order_acquire) == 0) {
    waiting_scope waiting("wait_for_completion", x, what, 0, -1);
    while (x->done.load(std::memory_order_acquire) == 0) {
      futex_wait(&x->done, 0);
    }
  }
  sync_point(SYNC_wait_for_completion, fn, x, true);
}

}  // namespace lru

#endif  // LRUTORTURE_LRU_SYNC_COMPLETION_H_
