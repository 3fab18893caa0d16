// spinlock_t and mutex in the kernel's words. A spinlock spins for a moment
// and then sleeps, because many threads share few cores here. Holding a
// spinlock is an RCU read section.
//
// There are no interrupts here, but an account of who has them off: the _irq
// forms keep it, and a lock that interrupts take as well (irq_safe) is not to
// be held with them on.
//
// clang proves statically who holds what; the task's list of held locks tells
// the watchdog and the oracles.
#ifndef LRUTORTURE_LRU_SYNC_SPINLOCK_H_
#define LRUTORTURE_LRU_SYNC_SPINLOCK_H_

#include <utility>

#include "absl/base/thread_annotations.h"
#include "lru/sync/atomic.h"
#include "lru/sync/engine.h"
#include "lru/sync/futex.h"
#include "lru/sync/rcu.h"
#include "lru/sync/tsan.h"

namespace lru {

// What both locks are: a word, and a name for people.
struct lock_base {
  lock_word word;
  u32 serial = 0;  // which of the many locks called `name`, 0 if there is one
  s32 nid = -1;
  const char* name;
  bool sleeps = false;
  bool irq_safe = false;
  explicit lock_base(const char* lock_name = "lock", u32 lock_serial = 0,
                     s32 lock_nid = -1)
      : serial(lock_serial), nid(lock_nid), name(lock_name) {}
};

class ABSL_LOCKABLE spinlock_t : public lock_base {
 public:
  using lock_base::lock_base;
};
class ABSL_LOCKABLE mutex : public lock_base {
 public:
  explicit mutex(const char* lock_name = "mutex", u32 lock_serial = 0,
                 s32 lock_nid = -1)
      : lock_base(lock_name, lock_serial, lock_nid) {
    sleeps = true;
  }
};

inline void spin_lock_init(spinlock_t* l, const char* name, u32 serial = 0,
                           s32 nid = -1) {
  l->name = name;
  l->serial = serial;
  l->nid = nid;
}

// True when the calling task holds it: for assertions and oracles.
inline bool lock_is_held(const lock_base* l) {
  const task* t = current_task();
  u32 nr = t->nr_held.load(std::memory_order_relaxed);
  // Nearly always it is the only one.
  if (nr && t->held[0].lock.load(std::memory_order_relaxed) == l) return true;
  for (u32 i = 0; i < nr && i < kTaskLocksMax; i++) {
    const void* held = t->held[i].lock.load(std::memory_order_relaxed);
    if (held == l || !held) return true;  // null: benefit of the doubt
  }
  return nr > kTaskLocksMax;  // not recorded: the same
}

// Hears of every lock that the calling task takes while it holds others
// (task::held, without the new one): lockdep's view. At the latest before the
// task blocks; a trylock, which never waits, is not told. The rules of
// fault_hook_fn; called only while ARMED_HOOK is set. Of a mutex that is taken
// in a read section or with interrupts off it hears before the task may sleep
// there, whatever it holds.
using lock_order_fn = void (*)(const lock_base* taken, u32 subclass);
extern std::atomic<lock_order_fn> lru_lock_order_hook;
// Hears of every irq_safe lock that the calling task has taken, or goes on
// holding, with interrupts on: lockdep's "inconsistent {HARDIRQ-ON-W} usage".
// Under the same rules.
using irqs_on_fn = void (*)(const lock_base* held);
extern std::atomic<irqs_on_fn> lru_irqs_on_hook;
// Hears of every lock that the calling task lets go and does not hold, before
// it is let go. Under the same rules.
using bad_unlock_fn = void (*)(const lock_base* released);
extern std::atomic<bad_unlock_fn> lru_bad_unlock_hook;

// For a second lock of the same kind, where the caller knows an order.
inline constexpr u32 SINGLE_DEPTH_NESTING = 1;

// Of the calling task, and not counted: whoever may find them off already uses
// save and restore.
inline void local_irq_disable() { current_task()->irqs_off = true; }
void local_irq_enable();
// Whether they were off before.
inline bool local_irq_save() {
  return std::exchange(current_task()->irqs_off, true);
}
inline void local_irq_restore(bool were_off) {
  if (!were_off) local_irq_enable();
}

class [[nodiscard]] irqs_off_guard {
 public:
  // False: they stay as they are.
  explicit irqs_off_guard(bool off) : were_off_(!off || local_irq_save()) {}
  ~irqs_off_guard() { local_irq_restore(were_off_); }
  irqs_off_guard(const irqs_off_guard&) = delete;
  irqs_off_guard& operator=(const irqs_off_guard&) = delete;

 private:
  bool were_off_;
};

namespace detail {
void note_taken(const lock_base* l, u32 subclass);
void note_tried(const lock_base* l);  // got by trylock
void note_released(const lock_base* l);
void lock_contended(lock_base* l, const char* operation, int spins,
                    u32 subclass);

inline void acquire(lock_base* l, const char* operation, int spins,
                    u32 subclass = 0) {
  LRU_TSAN_PRE_LOCK(l);
  if (!l->word.try_lock()) [[unlikely]]
    lock_contended(l, operation, spins, subclass);
  LRU_TSAN_POST_LOCK(l);
  note_taken(l, subclass);
}
inline void release(lock_base* l) {
  note_released(l);
  LRU_TSAN_PRE_UNLOCK(l);
  l->word.unlock();
  LRU_TSAN_POST_UNLOCK(l);
}
inline void spin_acquire(spinlock_t* l, sync_op op, const char* fn,
                         u32 subclass = 0) {
  sync_point(op, fn, l);
  rcu_enter();
  acquire(l, "spin_lock", 200, subclass);
  sync_point(op, fn, l, true);
}
inline void spin_release(spinlock_t* l, sync_op op, const char* fn) {
  sync_point(op, fn, l);
  release(l);
  rcu_leave();
  // The lock may be freed from here on: no object.
  sync_point(op, fn, nullptr, true);
}
}  // namespace detail

inline void spin_lock(spinlock_t* l, LRU_FN)
    ABSL_EXCLUSIVE_LOCK_FUNCTION(l) ABSL_NO_THREAD_SAFETY_ANALYSIS {
  detail::spin_acquire(l, SYNC_spin_lock, fn);
}
// lockdep's annotation: not the first of its kind, and in a known order.
inline void spin_lock_nested(spinlock_t* l, u32 subclass, LRU_FN)
    ABSL_EXCLUSIVE_LOCK_FUNCTION(l) ABSL_NO_THREAD_SAFETY_ANALYSIS {
  detail::spin_acquire(l, SYNC_spin_lock, fn, subclass);
}
inline void spin_unlock(spinlock_t* l, LRU_FN)
    ABSL_UNLOCK_FUNCTION(l) ABSL_NO_THREAD_SAFETY_ANALYSIS {
  detail::spin_release(l, SYNC_spin_unlock, fn);
}
inline void spin_lock_irq(spinlock_t* l, LRU_FN)
    ABSL_EXCLUSIVE_LOCK_FUNCTION(l) ABSL_NO_THREAD_SAFETY_ANALYSIS {
  local_irq_disable();
  detail::spin_acquire(l, SYNC_spin_lock_irq, fn);
}
inline void spin_unlock_irq(spinlock_t* l, LRU_FN)
    ABSL_UNLOCK_FUNCTION(l) ABSL_NO_THREAD_SAFETY_ANALYSIS {
  detail::spin_release(l, SYNC_spin_unlock_irq, fn);
  local_irq_enable();
}
bool spin_trylock(spinlock_t* l, LRU_FN)
    ABSL_EXCLUSIVE_TRYLOCK_FUNCTION(true, l);

// May sleep. Not an RCU read section.
void mutex_lock(mutex* l, LRU_FN) ABSL_EXCLUSIVE_LOCK_FUNCTION(l);
void mutex_unlock(mutex* l, LRU_FN) ABSL_UNLOCK_FUNCTION(l);

// Aborts unless the calling task holds it: lockdep_assert_held().
void lockdep_assert_held(const spinlock_t* l) ABSL_ASSERT_EXCLUSIVE_LOCK(l);
void lockdep_assert_held(const mutex* l) ABSL_ASSERT_EXCLUSIVE_LOCK(l);

class [[nodiscard]] ABSL_SCOPED_LOCKABLE spin_guard {
 public:
  explicit spin_guard(spinlock_t* l, LRU_FN) ABSL_EXCLUSIVE_LOCK_FUNCTION(l)
      : lock_(l), fn_(fn) {
    spin_lock(lock_, fn_);
  }
  ~spin_guard() ABSL_UNLOCK_FUNCTION() { spin_unlock(lock_, fn_); }
  spin_guard(const spin_guard&) = delete;
  spin_guard& operator=(const spin_guard&) = delete;

 private:
  spinlock_t* lock_;
  const char* fn_;
};

class [[nodiscard]] ABSL_SCOPED_LOCKABLE mutex_guard {
 public:
  explicit mutex_guard(mutex* l, LRU_FN) ABSL_EXCLUSIVE_LOCK_FUNCTION(l)
      : lock_(l), fn_(fn) {
    mutex_lock(lock_, fn_);
  }
  ~mutex_guard() ABSL_UNLOCK_FUNCTION() { mutex_unlock(lock_, fn_); }
  mutex_guard(const mutex_guard&) = delete;
  mutex_guard& operator=(const mutex_guard&) = delete;

 private:
  mutex* lock_;
  const char* fn_;
};

}  // namespace lru

#endif  // LRUTORTURE_LRU_SYNC_SPINLOCK_H_
