// Blocking, for the parts of lru/sync/ that wait. Under an engine the engine
// blocks; otherwise the kernel's futex does. Not for other rooms.
#ifndef LRUTORTURE_LRU_SYNC_FUTEX_H_
#define LRUTORTURE_LRU_SYNC_FUTEX_H_

#include <atomic>

#include "lru/sync/types.h"

namespace lru {

// Sleeps while *word == expected; may return early.
void futex_wait(const std::atomic<u32>* word, u32 expected);
// The word may already be freed: waking a stranger is harmless.
void futex_wake(const std::atomic<u32>* word, int count);
inline constexpr int kWakeAll = 0x7fffffff;

// Where a task waits, for the watchdog: set in the slow path only.
class waiting_scope {
 public:
  waiting_scope(const char* operation, const void* lock, const char* name,
                u32 serial, s32 nid);
  ~waiting_scope();
  waiting_scope(const waiting_scope&) = delete;
  waiting_scope& operator=(const waiting_scope&) = delete;
};

// The word under every lock: 0 free, 1 held, 2 held and somebody may sleep.
// Safe to free as soon as unlock has released it (d4 in the list of known
// hazards): nothing in the memory is touched after the exchange.
struct lock_word {
  std::atomic<u32> state = 0;
  bool try_lock();
  void lock_slow(int spins);
  void unlock();
};

}  // namespace lru

#endif  // LRUTORTURE_LRU_SYNC_FUTEX_H_
