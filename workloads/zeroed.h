// What oracles remember by serial: big static tables that begin as zeroes.
#ifndef LRUTORTURE_WORKLOADS_ZEROED_H_
#define LRUTORTURE_WORKLOADS_ZEROED_H_

#include <cstddef>
#include <cstring>
#include <type_traits>
#include <utility>

namespace workloads {

// T[kSize] for a T to which all zeroes is a fresh one, as std::atomic of a
// number. Static only. Compilers run the constructors of a static array of
// atomics one by one: a second for 2^18 of them, in every file that has some.
template <typename T, size_t kSize>
class Zeroed {
 public:
  T& operator[](size_t i) { return begin()[i]; }
  const T& operator[](size_t i) const {
    return reinterpret_cast<const T*>(bytes_)[i];
  }
  T* begin() { return reinterpret_cast<T*>(bytes_); }
  T* end() { return begin() + kSize; }
  // While nobody uses it. The first time it is zero as the process begins:
  // pages that are not touched cost nothing, and most are not, in a short run.
  void Clear() {
    if (std::exchange(used_, true)) std::memset(bytes_, 0, sizeof(bytes_));
  }

 private:
  static_assert(std::is_trivially_destructible_v<T>);
  alignas(T) unsigned char bytes_[kSize * sizeof(T)];
  bool used_;
};

}  // namespace workloads

#endif  // LRUTORTURE_WORKLOADS_ZEROED_H_
