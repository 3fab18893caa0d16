#include "lru/sync/spinlock.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

namespace lru {

std::atomic<lock_order_fn> lru_lock_order_hook = nullptr;
std::atomic<bad_unlock_fn> lru_bad_unlock_hook = nullptr;
std::atomic<irqs_on_fn> lru_irqs_on_hook = nullptr;

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

void note_irqs_on(const lock_base* l) {
  if (!armed(ARMED_HOOK)) return;
  irqs_on_fn hook = lru_irqs_on_hook.load(std::memory_order_relaxed);
  if (hook) hook(l);
}

// Of the nr locks that t holds; nr: it is not one of them. One that could not
// be written down may be any.
u32 place_of(const task& t, u32 nr, const lock_base* l) {
  u32 not_known = nr > kTaskLocksMax ? nr - 1 : nr;
  for (u32 i = std::min<u32>(nr, kTaskLocksMax); i-- > 0;) {
    const void* held = t.held[i].lock.load(std::memory_order_relaxed);
    if (held == l) return i;
    if (!held) not_known = i;
  }
  return not_known;
}

void note_bad_unlock(const lock_base* l) {
  if (!armed(ARMED_HOOK)) return;
  bad_unlock_fn hook = lru_bad_unlock_hook.load(std::memory_order_relaxed);
  if (hook) hook(l);
}

}  // namespace

namespace detail {

void note_taken(const lock_base* l, u32 subclass) {
  task* t = current_task();
  if (t->nr_held.load(std::memory_order_relaxed) != 0) [[unlikely]]
    note_order(l, subclass);
  push_held(t, l, subclass);
  if (l->irq_safe && !t->irqs_off) [[unlikely]]
    note_irqs_on(l);
}

void note_tried(const lock_base* l) {
  task* t = current_task();
  push_held(t, l, 0);
  if (l->irq_safe && !t->irqs_off) note_irqs_on(l);
}

void note_released(const lock_base* l) {
  task* t = current_task();
  u32 nr = t->nr_held.load(std::memory_order_relaxed);
  u32 at = place_of(*t, nr, l);
  if (at == nr) return note_bad_unlock(l);
  for (; at + 1 < nr && at + 1 < kTaskLocksMax; at++) {
    // Released out of order: close the gap.
    const lock_ref& from = t->held[at + 1];
    lock_ref& to = t->held[at];
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
  // A place is left for one that was not written down.
  if (nr > kTaskLocksMax && at < kTaskLocksMax) {
    t->held[kTaskLocksMax - 1].lock.store(nullptr, std::memory_order_relaxed);
  }
  t->nr_held.store(nr - 1, std::memory_order_relaxed);
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

// As mark_held_locks(): what is held from here on is held with them on.
void local_irq_enable() {
  task* t = current_task();
  t->irqs_off = false;
  u32 nr = t->nr_held.load(std::memory_order_relaxed);
  for (u32 i = 0; i < nr && i < kTaskLocksMax; i++) {
    // Held, so it is there.
    auto* l = static_cast<const lock_base*>(
        t->held[i].lock.load(std::memory_order_relaxed));
    if (l && l->irq_safe) note_irqs_on(l);
  }
}

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
  if (rcu_read_lock_held() || current_task()->irqs_off) note_order(l, 0);
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
