#include "lru/sync/rcu.h"

#if !defined(LRU_TSAN)
#define _LGPL_SOURCE
#define URCU_INLINE_SMALL_FUNCTIONS
#include <urcu/urcu-memb.h>
#endif

#include "lru/sync/completion.h"
#include "lru/sync/futex.h"

namespace lru {

rcu_capability rcu;
std::atomic<no_section_fn> lru_no_section_hook = nullptr;

namespace {

// --- the own RCU -------------------------------------------------------------
// A reader shows the number of the newest grace period it knows; a grace
// period waits for everyone who shows an older number than its own.
std::atomic<u64> gp_number = 1;

void own_enter(task* t) {
  // A full barrier between showing the number and reading what it protects.
  t->rcu_ctr.exchange(gp_number.load(std::memory_order_relaxed),
                      std::memory_order_seq_cst);
}

void own_leave(task* t) {
  // pairs with the acquire in own_synchronize()
  t->rcu_ctr.store(0, std::memory_order_release);
  if (const engine_ops* ops = engine()) ops->wake(&t->rcu_ctr);
}

void own_synchronize() {
  u64 number = gp_number.fetch_add(1, std::memory_order_seq_cst) + 1;
  u32 slots = task_slots_used();
  for (u32 slot = 0; slot < slots; slot++) {
    while (task* t = task_at(slot)) {
      u64 shown = t->rcu_ctr.load(std::memory_order_seq_cst);
      if (shown == 0 || shown >= number) break;
      if (const engine_ops* ops = engine()) {
        ops->block(&t->rcu_ctr);
      } else {
        task_yield();
      }
    }
  }
}

// --- callbacks
// -----------------------------------------------------------------
std::atomic<rcu_head*> queued = nullptr;  // newest first
std::atomic<u32> wakeups = 0;
std::atomic<u32> stopping = 0;
task* callback_task = nullptr;

rcu_head* oldest_first(rcu_head* newest) {
  rcu_head* list = nullptr;
  while (newest) {
    rcu_head* next = newest->next;
    newest->next = list;
    list = newest;
    newest = next;
  }
  return list;
}

void wait_for_callbacks() {
  waiting_scope waiting("idle", &wakeups, "callbacks", 0, -1);
  u32 seen = wakeups.load(std::memory_order_acquire);
  if (!queued.load(std::memory_order_relaxed) &&
      !stopping.load(std::memory_order_relaxed)) {
    futex_wait(&wakeups, seen);
  }
}

void run_callbacks(void*) {
  for (;;) {
    // pairs with the release in call_rcu()
    rcu_head* list =
        oldest_first(queued.exchange(nullptr, std::memory_order_acquire));
    if (!list) {
      if (stopping.load(std::memory_order_relaxed)) return;
      wait_for_callbacks();
      continue;
    }
    synchronize_rcu();
    while (list) {
      rcu_head* head = list;
      list = head->next;
      head->func(head);
    }
  }
}

std::atomic<u64> gp_begun = 0;
std::atomic<u64> gp_completed = 0;

void note_completed(u64 number) {
  u64 seen = gp_completed.load(std::memory_order_relaxed);
  while (seen < number && !gp_completed.compare_exchange_weak(
                              seen, number, std::memory_order_relaxed)) {
  }
}

}  // namespace

namespace detail {

void note_no_section(const char* function) {
  no_section_fn hook = lru_no_section_hook.load(std::memory_order_relaxed);
  if (hook) hook(function);
}

void rcu_enter_outermost(task* t) {
#if !defined(LRU_TSAN)
  if (!armed(ARMED_ENGINE)) {
    urcu_memb_read_lock();
    return;
  }
#endif
  own_enter(t);
}

void rcu_leave_outermost(task* t) {
#if !defined(LRU_TSAN)
  if (!armed(ARMED_ENGINE)) {
    urcu_memb_read_unlock();
    return;
  }
#endif
  own_leave(t);
}

}  // namespace detail

void synchronize_rcu(const char* fn) {
  sync_point(SYNC_synchronize_rcu, fn, nullptr);
  waiting_scope waiting("synchronize_rcu", &rcu, "grace period", 0, -1);
  u64 number = gp_begun.fetch_add(1, std::memory_order_relaxed) + 1;
  const engine_ops* ops = engine();
  if (ops && ops->synchronize_rcu) {
    ops->synchronize_rcu();
  } else {
#if !defined(LRU_TSAN)
    if (!ops) {
      urcu_memb_synchronize_rcu();
    } else {
      own_synchronize();
    }
#else
    own_synchronize();
#endif
  }
  note_completed(number);
  sync_point(SYNC_synchronize_rcu, fn, nullptr, true);
}

void call_rcu(rcu_head* head, void (*func)(rcu_head*), const char* fn) {
  sync_point(SYNC_call_rcu, fn, head);
  head->func = func;
  rcu_head* newest = queued.load(std::memory_order_relaxed);
  do {
    head->next = newest;
  } while (!queued.compare_exchange_weak(
      newest, head, std::memory_order_release, std::memory_order_relaxed));
  if (!newest) {
    wakeups.fetch_add(1, std::memory_order_release);
    futex_wake(&wakeups, 1);
  }
  sync_point(SYNC_call_rcu, fn, nullptr, true);
}

namespace {
struct barrier_head {
  rcu_head rcu;
  completion done;
};
}  // namespace

void rcu_barrier(const char* fn) {
  sync_point(SYNC_rcu_barrier, fn, nullptr);
  barrier_head barrier;
  call_rcu(&barrier.rcu, [](rcu_head* head) {
    // `rcu` is the first member
    complete(&reinterpret_cast<barrier_head*>(head)->done);
  });
  wait_for_completion(&barrier.done, "callbacks");
  sync_point(SYNC_rcu_barrier, fn, nullptr, true);
}

void rcu_init() {
  stopping.store(0, std::memory_order_relaxed);
  callback_task = task_start("rcu-callbacks", run_callbacks, nullptr);
}

void rcu_exit() {
  rcu_barrier();
  stopping.store(1, std::memory_order_relaxed);
  wakeups.fetch_add(1, std::memory_order_release);
  futex_wake(&wakeups, kWakeAll);
  task_join(callback_task);
  callback_task = nullptr;
}

void rcu_register_task() {
#if !defined(LRU_TSAN)
  if (!engine()) urcu_memb_register_thread();
#endif
}

void rcu_unregister_task() {
#if !defined(LRU_TSAN)
  if (!engine()) urcu_memb_unregister_thread();
#endif
}

u64 rcu_gp_begun() { return gp_begun.load(std::memory_order_relaxed); }
u64 rcu_gp_completed() { return gp_completed.load(std::memory_order_relaxed); }

}  // namespace lru
