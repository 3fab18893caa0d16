// Work queues with one task each (alloc_ordered_workqueue, kernel/workqueue.c):
// work runs in the order queued, one at a time.
#ifndef LRUTORTURE_LRU_SYNC_WORKQUEUE_H_
#define LRUTORTURE_LRU_SYNC_WORKQUEUE_H_

#include "lru/sync/futex.h"
#include "lru/sync/rcu.h"
#include "lru/sync/spinlock.h"

namespace lru {

struct work_struct {
  work_struct* next = nullptr;
  void (*func)(work_struct*) = nullptr;
  std::atomic<u32> pending = 0;
};
// Only while it is not pending.
inline void INIT_WORK(work_struct* work, void (*func)(work_struct*)) {
  work->func = func;
  work->pending.store(0, std::memory_order_relaxed);
}

struct workqueue_struct;

// `name` is the name of its task, a string literal.
workqueue_struct* alloc_workqueue(const char* name);
// Runs what is queued, then stops the task.
void destroy_workqueue(workqueue_struct* wq);

// False when the work is pending already. The work may be queued again, or
// freed, by its own func.
bool queue_work(workqueue_struct* wq, work_struct* work, LRU_FN);
// Waits until all that was queued before the call has run.
void flush_workqueue(workqueue_struct* wq, LRU_FN);

// Work that is queued after a grace period.
struct rcu_work {
  rcu_head rcu;  // first
  work_struct work;
  workqueue_struct* wq = nullptr;
};
inline void INIT_RCU_WORK(rcu_work* rwork, void (*func)(work_struct*)) {
  INIT_WORK(&rwork->work, func);
}
void queue_rcu_work(workqueue_struct* wq, rcu_work* rwork, LRU_FN);

}  // namespace lru

#endif  // LRUTORTURE_LRU_SYNC_WORKQUEUE_H_
