// What oracles remember by serial: big static tables that begin as zeroes.
#ifndef LRUTORTURE_WORKLOADS_ZEROED_H_
#define LRUTORTURE_WORKLOADS_ZEROED_H_

#include <atomic>
#include <cstddef>
#include <cstring>
#include <type_traits>

namespace workloads {

// T[kSize] for a T to which all zeroes is a fresh one, as std::atomic of a
// number. Static only. Compilers run the constructors of a static array of
// atomics one by one: a second for 2^18 of them, in every file that has some.
template <typename T, size_t kSize>
class Zeroed {
 public:
  T& operator[](size_t i) {
    if (i >= used_.load(std::memory_order_relaxed)) [[unlikely]] {
      UseUpTo(i + 1);
    }
    return *At(i);
  }
  const T& operator[](size_t i) const { return *At(i); }
  // No place from here on is other than zero.
  size_t used() const { return used_.load(std::memory_order_relaxed); }
  // While nobody uses it. Costs as much as was used: serials begin anew with
  // each schedule, and then the first few places are all there is to zero.
  void Clear() {
    std::memset(bytes_, 0,
                used_.exchange(0, std::memory_order_relaxed) * sizeof(T));
  }

 private:
  T* At(size_t i) const {
    return reinterpret_cast<T*>(const_cast<unsigned char*>(bytes_)) + i;
  }
  void UseUpTo(size_t end) {
    size_t used = used_.load(std::memory_order_relaxed);
    while (used < end &&
           !used_.compare_exchange_weak(used, end, std::memory_order_relaxed)) {
    }
  }

  static_assert(std::is_trivially_destructible_v<T>);
  alignas(T) unsigned char bytes_[kSize * sizeof(T)];
  std::atomic<size_t> used_;  // places that may be other than zero
};

}  // namespace workloads

#endif  // LRUTORTURE_WORKLOADS_ZEROED_H_
