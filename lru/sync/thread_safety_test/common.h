// What every snippet starts from: a counter under a spinlock, one under a
// mutex, and a pointer that only readers follow. Never linked, never run.
#ifndef LRUTORTURE_LRU_SYNC_THREAD_SAFETY_TEST_COMMON_H_
#define LRUTORTURE_LRU_SYNC_THREAD_SAFETY_TEST_COMMON_H_

#include "lru/sync/spinlock.h"
#include "lru/sync/workqueue.h"

namespace lru {

struct guarded {
  spinlock_t lock;
  mutex outer ABSL_ACQUIRED_BEFORE(lock);
  long count ABSL_GUARDED_BY(lock) = 0;
  long total ABSL_GUARDED_BY(outer) = 0;
};
int* find() ABSL_SHARED_LOCKS_REQUIRED(rcu);
void change(guarded* g) ABSL_EXCLUSIVE_LOCKS_REQUIRED(g->lock);

}  // namespace lru

#endif  // LRUTORTURE_LRU_SYNC_THREAD_SAFETY_TEST_COMMON_H_
