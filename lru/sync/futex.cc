#include "lru/sync/futex.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <climits>

#include "lru/sync/engine.h"

namespace lru {

static_assert(kWakeAll == INT_MAX);

void futex_wait(const std::atomic<u32>* word, u32 expected) {
  if (const engine_ops* ops = engine()) {
    if (word->load(std::memory_order_relaxed) == expected) ops->block(word);
    return;
  }
  syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, expected, nullptr, nullptr, 0);
}

void futex_wake(const std::atomic<u32>* word, int count) {
  if (const engine_ops* ops = engine()) {
    ops->wake(word);
    return;
  }
  syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, count, nullptr, nullptr, 0);
}

waiting_scope::waiting_scope(const char* operation, const void* lock,
                             const char* name, u32 serial, s32 nid) {
  task* t = current_task();
  if (!t) return;
  t->waiting_for.lock.store(lock, std::memory_order_relaxed);
  t->waiting_for.name.store(name, std::memory_order_relaxed);
  t->waiting_for.serial.store(serial, std::memory_order_relaxed);
  t->waiting_for.nid.store(nid, std::memory_order_relaxed);
  t->waiting.store(operation, std::memory_order_relaxed);
}

waiting_scope::~waiting_scope() {
  if (task* t = current_task()) {
    t->waiting.store(nullptr, std::memory_order_relaxed);
  }
}

bool lock_word::try_lock() {
  u32 expected = 0;
  return state.compare_exchange_strong(expected, 1, std::memory_order_acquire,
                                       std::memory_order_relaxed);
}

void lock_word::lock_slow(int spins) {
  if (!engine()) {
    for (int i = 0; i < spins; i++) {
      if (state.load(std::memory_order_relaxed) == 0 && try_lock()) return;
      cpu_relax();
    }
  }
  while (state.exchange(2, std::memory_order_acquire) != 0) {
    futex_wait(&state, 2);
  }
}

void lock_word::unlock() {
  // pairs with the acquire in try_lock() and lock_slow()
  if (state.exchange(0, std::memory_order_release) == 2) {
    futex_wake(&state, 1);
  }
}

}  // namespace lru
