#include "lru/sync/spinlock.h"

#include <cstdio>
#include <cstdlib>

namespace lru {

std::atomic<lock_order_fn> lru_lock_order_hook = nullptr;

namespace {

void push_held(task* t, const lock_base* l, u32 subclass) {
  u32 nr = t->nr_held.load(std::memory_order_relaxed);
  if (nr < kTaskLocksMax) {
    lock_ref& ref = t->held[nr];
    ref.name.store(l->name, std::memory_order_relaxed);
    ref.serial.store(l->serial, std::memory_order_relaxed);
    ref.nid.store(l->nid, std::memory_order_relaxed);
    ref.subclass.store(subclass, std::memory_order_relaxed);
    ref.lock.store(l, std::memory_order_relaxed);
  }
  t->nr_held.store(nr + 1, std::memory_order_relaxed);
}

void note_order(const lock_base* l, u32 subclass) {
  if (!armed(ARMED_HOOK)) return;
  lock_order_fn hook = lru_lock_order_hook.load(std::memory_order_relaxed);
  if (hook) hook(l, subclass);
}

}  // namespace

namespace detail {

void note_taken(const lock_base* l, u32 subclass) {
  task* t = current_task();
  if (t->nr_held.load(std::memory_order_relaxed) != 0) [[unlikely]]
    note_order(l, subclass);
  push_held(t, l, subclass);
}

void note_tried(const lock_base* l) { push_held(current_task(), l, 0); }

void note_released(const lock_base* l) {
  task* t = current_task();
  u32 nr = t->nr_held.load(std::memory_order_relaxed);
  if (nr == 0) return;
  u32 last = nr - 1;
  for (u32 i = 0; i < last && i < kTaskLocksMax; i++) {
    // Released out of order: close the gap.
    if (t->held[i].lock.load(std::memory_order_relaxed) != l) continue;
    for (u32 j = i; j + 1 < nr && j + 1 < kTaskLocksMax; j++) {
      const lock_ref& from = t->held[j + 1];
      lock_ref& to = t->held[j];
      to.lock.store(from.lock.load(std::memory_order_relaxed),
                    std::memory_order_relaxed);
      to.name.store(from.name.load(std::memory_order_relaxed),
                    std::memory_order_relaxed);
      to.serial.store(from.serial.load(std::memory_order_relaxed),
                      std::memory_order_relaxed);
      to.nid.store(from.nid.load(std::memory_order_relaxed),
                   std::memory_order_relaxed);
      to.subclass.store(from.subclass.load(std::memory_order_relaxed),
                        std::memory_order_relaxed);
    }
    break;
  }
  t->nr_held.store(last, std::memory_order_relaxed);
}

void lock_contended(lock_base* l, const char* operation, int spins,
                    u32 subclass) {
  // Before the wait, which may be for ever.
  if (current_task()->nr_held.load(std::memory_order_relaxed) != 0) {
    note_order(l, subclass);
  }
  waiting_scope waiting(operation, l, l->name, l->serial, l->nid);
  l->word.lock_slow(spins);
}

}  // namespace detail

bool spin_trylock(spinlock_t* l,
                  const char* fn) ABSL_NO_THREAD_SAFETY_ANALYSIS {
  sync_point(SYNC_spin_trylock, fn, l);
  detail::rcu_enter();
  LRU_TSAN_PRE_TRYLOCK(l);
  bool ok = l->word.try_lock();
  LRU_TSAN_POST_TRYLOCK(l, ok);
  if (ok) {
    detail::note_tried(l);
  } else {
    detail::rcu_leave();
  }
  sync_point(SYNC_spin_trylock, fn, l, true);
  return ok;
}

void mutex_lock(mutex* l, const char* fn) ABSL_NO_THREAD_SAFETY_ANALYSIS {
  sync_point(SYNC_mutex_lock, fn, l);
  if (rcu_read_lock_held()) note_order(l, 0);
  detail::acquire(l, "mutex_lock", 50);
  sync_point(SYNC_mutex_lock, fn, l, true);
}

void mutex_unlock(mutex* l, const char* fn) ABSL_NO_THREAD_SAFETY_ANALYSIS {
  sync_point(SYNC_mutex_unlock, fn, l);
  detail::release(l);
  sync_point(SYNC_mutex_unlock, fn, nullptr, true);
}

namespace {
void assert_held(const lock_base* l) {
  if (lock_is_held(l)) return;
  fprintf(stderr, "lrutorture: %s is not held by %s\n", l->name,
          current_task()->name);
  abort();
}
}  // namespace

void lockdep_assert_held(const spinlock_t* l) { assert_held(l); }
void lockdep_assert_held(const mutex* l) { assert_held(l); }

}  // namespace lru
