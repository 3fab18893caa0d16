// Atomics in the kernel's words, over std::atomic so that TSan, g++ and the
// reader see the same memory model. Marked accesses (READ_ONCE, WRITE_ONCE)
// are relaxed, as in the kernel's tools/testing; publication of pointers is
// release/acquire. Each operation is an implicit point before and after.
#ifndef LRUTORTURE_LRU_SYNC_ATOMIC_H_
#define LRUTORTURE_LRU_SYNC_ATOMIC_H_

#include <atomic>

#include "lru/sync/engine.h"

namespace lru {

namespace detail {
// One atomic operation between its two implicit points.
template <class Op>
inline auto marked(sync_op op, const char* fn, const void* object, Op body) {
  sync_point(op, fn, object);
  auto value = body();
  sync_point(op, fn, object, true);
  return value;
}
}  // namespace detail

#define LRU_FN const char* fn = __builtin_FUNCTION()

template <class T>
inline T READ_ONCE(const std::atomic<T>& x, LRU_FN) {
  return detail::marked(SYNC_load, fn, &x,
                        [&] { return x.load(std::memory_order_relaxed); });
}

template <class T>
inline void WRITE_ONCE(std::atomic<T>& x, std::type_identity_t<T> value,
                       LRU_FN) {
  sync_point(SYNC_store, fn, &x);
  x.store(value, std::memory_order_relaxed);
  sync_point(SYNC_store, fn, &x, true);
}

template <class T>
inline T smp_load_acquire(const std::atomic<T>& x, LRU_FN) {
  return detail::marked(SYNC_load, fn, &x,
                        [&] { return x.load(std::memory_order_acquire); });
}

template <class T>
inline void smp_store_release(std::atomic<T>& x, std::type_identity_t<T> value,
                              LRU_FN) {
  sync_point(SYNC_store, fn, &x);
  x.store(value, std::memory_order_release);
  sync_point(SYNC_store, fn, &x, true);
}

template <class T>
inline T xchg(std::atomic<T>& x, std::type_identity_t<T> value, LRU_FN) {
  return detail::marked(SYNC_rmw, fn, &x, [&] {
    return x.exchange(value, std::memory_order_seq_cst);
  });
}

// True when x was `expected` and is now `value`; else `expected` says what it
// was.
template <class T>
inline bool try_cmpxchg(std::atomic<T>& x, T* expected,
                        std::type_identity_t<T> value, LRU_FN) {
  return detail::marked(SYNC_rmw, fn, &x, [&] {
    return x.compare_exchange_strong(*expected, value,
                                     std::memory_order_seq_cst);
  });
}

// Value before. Fully ordered, as the kernel's value-returning ones are.
template <class T>
inline T atomic_fetch_add(std::atomic<T>& x, std::type_identity_t<T> delta,
                          LRU_FN) {
  return detail::marked(SYNC_rmw, fn, &x, [&] {
    return x.fetch_add(delta, std::memory_order_seq_cst);
  });
}

// Value before, unordered: atomic_fetch_add_relaxed().
template <class T>
inline T atomic_fetch_add_relaxed(std::atomic<T>& x,
                                  std::type_identity_t<T> delta, LRU_FN) {
  return detail::marked(SYNC_rmw, fn, &x, [&] {
    return x.fetch_add(delta, std::memory_order_relaxed);
  });
}

template <class T>
inline bool atomic_dec_and_test(std::atomic<T>& x, LRU_FN) {
  return atomic_fetch_add(x, T(-1), fn) == 1;
}

// Unordered, as atomic_inc(), atomic_add() and this_cpu_add().
template <class T>
inline void atomic_add(std::atomic<T>& x, std::type_identity_t<T> delta,
                       LRU_FN) {
  sync_point(SYNC_rmw, fn, &x);
  x.fetch_add(delta, std::memory_order_relaxed);
  sync_point(SYNC_rmw, fn, &x, true);
}

// Bit operations: test_and_* are fully ordered, set_bit and clear_bit are not
// (use smp_mb__after_atomic()).
inline void set_bit(int nr, std::atomic<u64>& word, LRU_FN) {
  sync_point(SYNC_rmw, fn, &word);
  word.fetch_or(u64{1} << nr, std::memory_order_relaxed);
  sync_point(SYNC_rmw, fn, &word, true);
}
inline void clear_bit(int nr, std::atomic<u64>& word, LRU_FN) {
  sync_point(SYNC_rmw, fn, &word);
  word.fetch_and(~(u64{1} << nr), std::memory_order_relaxed);
  sync_point(SYNC_rmw, fn, &word, true);
}
inline bool test_bit(int nr, const std::atomic<u64>& word, LRU_FN) {
  return (READ_ONCE(word, fn) >> nr) & 1;
}

// TSan knows no fences; nothing in lru/ relies on one for happens-before of
// plain accesses, only for the order of marked ones.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wtsan"
#endif
inline void smp_mb(LRU_FN) {
  sync_point(SYNC_smp_mb, fn, nullptr);
  std::atomic_thread_fence(std::memory_order_seq_cst);
}
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif
inline void smp_mb__after_atomic(LRU_FN) { smp_mb(fn); }
inline void smp_mb__before_atomic(LRU_FN) { smp_mb(fn); }

}  // namespace lru

#endif  // LRUTORTURE_LRU_SYNC_ATOMIC_H_
