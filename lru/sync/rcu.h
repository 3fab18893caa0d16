// Read-copy update in the kernel's words.
//
// Read sections and synchronize_rcu() are liburcu's (memb flavour). call_rcu()
// is ours: one task loops synchronize_rcu() over what has been queued, since a
// library that polls every 10 ms would outlast every race under test. The tsan
// build and every second engine use a small instrumented RCU instead, because
// annotations over one tag order too much.
//
// Static checking: `rcu` is a capability, shared by read sections. Functions
// that need one say ABSL_SHARED_LOCKS_REQUIRED(rcu).
//
// A held spinlock is a read section, as in the kernel since 4.20 (RCU flavours
// consolidated): mm/list_lru.c relies on it.
#ifndef LRUTORTURE_LRU_SYNC_RCU_H_
#define LRUTORTURE_LRU_SYNC_RCU_H_

#include <atomic>

#include "absl/base/thread_annotations.h"
#include "lru/sync/atomic.h"
#include "lru/sync/engine.h"
#include "lru/sync/task.h"

namespace lru {

class ABSL_LOCKABLE rcu_capability{};
extern rcu_capability rcu;

namespace detail {
void rcu_enter_outermost(task* t);
void rcu_leave_outermost(task* t);

inline void rcu_enter() {
  task* t = current_task();
  u32 nesting = t->rcu_nesting.load(std::memory_order_relaxed);
  if (nesting == 0) {
    rcu_enter_outermost(t);
    t->rcu_section.store(++t->rcu_sections, std::memory_order_relaxed);
  }
  t->rcu_nesting.store(nesting + 1, std::memory_order_relaxed);
}
inline void rcu_leave() {
  task* t = current_task();
  u32 nesting = t->rcu_nesting.load(std::memory_order_relaxed) - 1;
  t->rcu_nesting.store(nesting, std::memory_order_relaxed);
  if (nesting == 0) {
    t->rcu_section.store(0, std::memory_order_relaxed);
    rcu_leave_outermost(t);
  }
}
}  // namespace detail

// Nests. Never blocks. The caller is a task.
inline void rcu_read_lock(LRU_FN)
    ABSL_SHARED_LOCK_FUNCTION(rcu) ABSL_NO_THREAD_SAFETY_ANALYSIS {
  sync_point(SYNC_rcu_read_lock, fn, nullptr);
  detail::rcu_enter();
  sync_point(SYNC_rcu_read_lock, fn, nullptr, true);
}
inline void rcu_read_unlock(LRU_FN)
    ABSL_UNLOCK_FUNCTION(rcu) ABSL_NO_THREAD_SAFETY_ANALYSIS {
  sync_point(SYNC_rcu_read_unlock, fn, nullptr);
  detail::rcu_leave();
  sync_point(SYNC_rcu_read_unlock, fn, nullptr, true);
}

inline bool rcu_read_lock_held() {
  return current_task()->rcu_nesting.load(std::memory_order_relaxed) != 0;
}

// Hears of what is found in no read section and would need one, as lockdep's
// "suspicious RCU usage": the memory is there nearly always, so that nothing
// else would notice. Called in `function`, only while ARMED_HOOK is set; the
// rules of fault_hook_fn.
using no_section_fn = void (*)(const char* function);
extern std::atomic<no_section_fn> lru_no_section_hook;
namespace detail {
void note_no_section(const char* function);
}
inline void rcu_lockdep_assert(LRU_FN) {
  if (armed(ARMED_HOOK)) [[unlikely]] {
    if (!rcu_read_lock_held()) detail::note_no_section(fn);
  }
}
// Tells the compiler what a held spinlock, or a caller's contract, implies.
inline void rcu_assume_held() ABSL_ASSERT_SHARED_LOCK(rcu) {}

class [[nodiscard]] ABSL_SCOPED_LOCKABLE rcu_guard {
 public:
  explicit rcu_guard(LRU_FN) ABSL_SHARED_LOCK_FUNCTION(rcu) : fn_(fn) {
    rcu_read_lock(fn_);
  }
  ~rcu_guard() ABSL_UNLOCK_FUNCTION() { rcu_read_unlock(fn_); }
  rcu_guard(const rcu_guard&) = delete;
  rcu_guard& operator=(const rcu_guard&) = delete;

 private:
  const char* fn_;
};

// Publication: pairs with each other. `held`: so is what keeps p from changing.
template <class T>
inline T* rcu_dereference_check(const std::atomic<T*>& p, bool held, LRU_FN) {
  if (!held) rcu_lockdep_assert(fn);
  return smp_load_acquire(p, fn);
}
template <class T>
inline T* rcu_dereference(const std::atomic<T*>& p, LRU_FN) {
  return rcu_dereference_check(p, false, fn);
}
template <class T>
inline void rcu_assign_pointer(std::atomic<T*>& p,
                               std::type_identity_t<T*> value, LRU_FN) {
  smp_store_release(p, value, fn);
}

// Waits until every read section open at the call has ended. Sleeps.
void synchronize_rcu(LRU_FN) ABSL_LOCKS_EXCLUDED(rcu);

struct rcu_head {
  rcu_head* next = nullptr;
  void (*func)(rcu_head*) = nullptr;
};
// Runs func(head) in the task "rcu-callbacks" after a grace period; callbacks
// of one task run in the order queued. Never blocks, never allocates.
void call_rcu(rcu_head* head, void (*func)(rcu_head*), LRU_FN);
// Waits until every callback queued before the call has run.
void rcu_barrier(LRU_FN) ABSL_LOCKS_EXCLUDED(rcu);

// Starts and stops the task that runs callbacks. rcu_exit flushes first.
void rcu_init();
void rcu_exit();

// Each task calls these on its own thread; task_start() does it.
void rcu_register_task();
void rcu_unregister_task();

// Grace periods, for oracles: relaxed counters. A whole grace period lies
// between two moments when, at the second, rcu_gp_completed() exceeds what
// rcu_gp_begun() was at the first.
u64 rcu_gp_begun();
u64 rcu_gp_completed();  // the number of the newest one that has completed

}  // namespace lru

#endif  // LRUTORTURE_LRU_SYNC_RCU_H_
