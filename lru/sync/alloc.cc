#include "lru/sync/alloc.h"

#include <atomic>

#include "lru/fault_points.h"

namespace lru {

namespace {
std::atomic<u32> last_serial[NR_SERIAL_KINDS];
// Of tasks that have ended, and of code outside any task.
std::atomic<s64> retired[NR_ALLOC_TYPES];
}  // namespace

u32 next_serial(serial_kind kind) {
  return last_serial[kind].fetch_add(1, std::memory_order_relaxed) + 1;
}

u32 restart_serials() {
  u32 css = last_serial[SERIAL_CSS].load(std::memory_order_relaxed);
  for (std::atomic<u32>& last : last_serial) {
    last.store(0, std::memory_order_relaxed);
  }
  return css;
}

void count_alloc(alloc_type type, s64 delta) {
  task* t = current_task();
  if (!t) {
    retired[type].fetch_add(delta, std::memory_order_relaxed);
    return;
  }
  std::atomic<s64>& count = t->nr_alloc[type];
  count.store(count.load(std::memory_order_relaxed) + delta,
              std::memory_order_relaxed);
}

void note_freed(alloc_type type, const void* memory) {
  LRU_POINT(memory_freed, .nr = type, .memory = memory);
}

void retire_alloc_counts(task* t) {
  for (int type = 0; type < NR_ALLOC_TYPES; type++) {
    retired[type].fetch_add(
        t->nr_alloc[type].exchange(0, std::memory_order_relaxed),
        std::memory_order_relaxed);
  }
}

s64 live_allocs(alloc_type type) {
  s64 sum = retired[type].load(std::memory_order_relaxed);
  u32 slots = task_slots_used();
  for (u32 slot = 0; slot < slots; slot++) {
    if (const task* t = task_at(slot)) {
      sum += t->nr_alloc[type].load(std::memory_order_relaxed);
    }
  }
  return sum;
}

}  // namespace lru
