#include "lru/sync/workqueue.h"

#include "lru/sync/completion.h"

namespace lru {

struct workqueue_struct {
  const char* name = nullptr;
  spinlock_t lock{"wq->lock"};
  work_struct* head ABSL_GUARDED_BY(lock) = nullptr;
  work_struct* tail ABSL_GUARDED_BY(lock) = nullptr;
  std::atomic<u32> wakeups = 0;
  std::atomic<u32> stopping = 0;
  task* worker = nullptr;
};

namespace {

work_struct* take(workqueue_struct* wq) {
  spin_guard guard(&wq->lock);
  work_struct* work = wq->head;
  if (!work) return nullptr;
  wq->head = work->next;
  if (!wq->head) wq->tail = nullptr;
  return work;
}

void worker_main(void* arg) {
  auto* wq = static_cast<workqueue_struct*>(arg);
  for (;;) {
    u32 seen = wq->wakeups.load(std::memory_order_acquire);
    if (work_struct* work = take(wq)) {
      auto* func = work->func;
      // From here it may be queued again; func may free it.
      work->pending.store(0, std::memory_order_release);
      func(work);
      continue;
    }
    if (wq->stopping.load(std::memory_order_relaxed)) return;
    waiting_scope waiting("idle", wq, "work", 0, -1);
    futex_wait(&wq->wakeups, seen);
  }
}

void wake_worker(workqueue_struct* wq) {
  wq->wakeups.fetch_add(1, std::memory_order_release);
  futex_wake(&wq->wakeups, 1);
}

struct flush_work {
  work_struct work;  // first
  completion done;
};

// Named, not lambdas: implicit points bear the name of their function.
void flush_work_fn(work_struct* work) {
  complete(&reinterpret_cast<flush_work*>(work)->done);
}

void rcu_work_rcufn(rcu_head* head) {
  auto* expired = reinterpret_cast<rcu_work*>(head);
  queue_work(expired->wq, &expired->work);
}

}  // namespace

workqueue_struct* alloc_workqueue(const char* name) {
  auto* wq = new workqueue_struct;
  wq->name = name;
  wq->worker = task_start(name, worker_main, wq);
  return wq;
}

void destroy_workqueue(workqueue_struct* wq) {
  flush_workqueue(wq);
  wq->stopping.store(1, std::memory_order_relaxed);
  wake_worker(wq);
  task_join(wq->worker);
  delete wq;
}

bool queue_work(workqueue_struct* wq, work_struct* work, const char* fn) {
  sync_point(SYNC_queue_work, fn, work);
  // pairs with the release in worker_main()
  if (work->pending.exchange(1, std::memory_order_acq_rel)) return false;
  {
    spin_guard guard(&wq->lock);
    work->next = nullptr;
    if (wq->tail) {
      wq->tail->next = work;
    } else {
      wq->head = work;
    }
    wq->tail = work;
  }
  wake_worker(wq);
  sync_point(SYNC_queue_work, fn, nullptr, true);
  return true;
}

void flush_workqueue(workqueue_struct* wq, const char* fn) {
  sync_point(SYNC_flush_workqueue, fn, wq);
  flush_work flush;
  INIT_WORK(&flush.work, flush_work_fn);
  queue_work(wq, &flush.work);
  wait_for_completion(&flush.done, wq->name);
  sync_point(SYNC_flush_workqueue, fn, wq, true);
}

void queue_rcu_work(workqueue_struct* wq, rcu_work* rwork, const char* fn) {
  rwork->wq = wq;
  call_rcu(&rwork->rcu, rcu_work_rcufn, fn);
}

}  // namespace lru
