// Memory of lru/: malloc and free, counted by type and by task, so that
// no_leak can say what is left without a shared counter. Never a pool: ASan
// and a stale pointer must meet.
#ifndef LRUTORTURE_LRU_SYNC_ALLOC_H_
#define LRUTORTURE_LRU_SYNC_ALLOC_H_

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <new>
#include <utility>

#include "lru/sync/task.h"

namespace lru {

// Serials name things in traces and decisions: dense from 1 for each kind,
// never reused, never 0.
enum serial_kind : u8 {
  SERIAL_CSS,
  SERIAL_LRU,
  SERIAL_LIST,
  SERIAL_OBJ,
  SERIAL_OTHER,
  NR_SERIAL_KINDS,
};
u32 next_serial(serial_kind kind);
u32 restart_serials();  // of restart_numbering()

// `delta` live allocations more of that type.
void count_alloc(alloc_type type, s64 delta);
// Visits memory_freed.
void note_freed(alloc_type type, const void* memory);
// Live allocations over all tasks, ended ones included. Exact when no task
// allocates.
s64 live_allocs(alloc_type type);
// Called by task_join(): what an ended task has counted stays counted.
void retire_alloc_counts(task* t);

template <class T, class... Args>
T* kmalloc_type(alloc_type type, Args&&... args) {
  T* p = new (std::nothrow) T(std::forward<Args>(args)...);
  if (p) count_alloc(type, 1);
  return p;
}
template <class T>
void kfree_type(alloc_type type, T* p) {
  if (!p) return;
  count_alloc(type, -1);
  note_freed(type, p);
  delete p;
}

// A T that ends in an array of nr E, which are zero: struct_size(). Freed by
// kfree_flex().
template <class T, class E>
T* kmalloc_flex(alloc_type type, size_t nr) {
  // E may be a pointer. NOLINTNEXTLINE(bugprone-sizeof-expression)
  size_t size = sizeof(T) + nr * sizeof(E);
  void* memory = ::operator new(size, std::nothrow);
  if (!memory) return nullptr;
  count_alloc(type, 1);
  return new (memset(memory, 0, size)) T();
}
template <class T>
void kfree_flex(alloc_type type, T* p) {
  if (!p) return;
  count_alloc(type, -1);
  note_freed(type, p);
  p->~T();
  ::operator delete(p);
}

}  // namespace lru

#endif  // LRUTORTURE_LRU_SYNC_ALLOC_H_
