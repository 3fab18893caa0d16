// What TSan must be told about lru/sync/. Nothing in other builds. Each
// annotation has a test that fails without it or with too much of it.
#ifndef LRUTORTURE_LRU_SYNC_TSAN_H_
#define LRUTORTURE_LRU_SYNC_TSAN_H_

#if defined(LRU_TSAN)
#include <sanitizer/tsan_interface.h>
// Locks are TSan mutexes, so that its reports name the ones held and it can
// find inversions. linker_init: they need neither creation nor destruction.
inline constexpr unsigned kTsanLock = __tsan_mutex_linker_init;
#define LRU_TSAN_PRE_LOCK(l) __tsan_mutex_pre_lock((l), kTsanLock)
#define LRU_TSAN_POST_LOCK(l) __tsan_mutex_post_lock((l), kTsanLock, 0)
#define LRU_TSAN_PRE_TRYLOCK(l) \
  __tsan_mutex_pre_lock((l), kTsanLock | __tsan_mutex_try_lock)
#define LRU_TSAN_POST_TRYLOCK(l, ok)                                    \
  __tsan_mutex_post_lock((l),                                           \
                         kTsanLock | __tsan_mutex_try_lock |            \
                             ((ok) ? 0 : __tsan_mutex_try_lock_failed), \
                         0)
#define LRU_TSAN_PRE_UNLOCK(l) (void)__tsan_mutex_pre_unlock((l), 0)
#define LRU_TSAN_POST_UNLOCK(l) __tsan_mutex_post_unlock((l), 0)
#else
#define LRU_TSAN_PRE_LOCK(l) (void)(l)
#define LRU_TSAN_POST_LOCK(l) (void)(l)
#define LRU_TSAN_PRE_TRYLOCK(l) (void)(l)
#define LRU_TSAN_POST_TRYLOCK(l, ok) (void)(l), (void)(ok)
#define LRU_TSAN_PRE_UNLOCK(l) (void)(l)
#define LRU_TSAN_POST_UNLOCK(l) (void)(l)
#endif

// clang only, and more than no_sanitize("thread"): atomics stay instrumented
// under that one. g++ has no tsan preset here.
#if defined(__clang__)
#define LRU_UNINSTRUMENTED __attribute__((disable_sanitizer_instrumentation))
#else
#define LRU_UNINSTRUMENTED
#endif

#endif  // LRUTORTURE_LRU_SYNC_TSAN_H_
