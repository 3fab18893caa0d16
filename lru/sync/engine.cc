#include "lru/sync/engine.h"

#include "lru/sync/alloc.h"
#include "lru/sync/spinlock.h"

namespace lru {

std::atomic<u32> lru_armed = 0;
std::atomic<sync_hook_fn> lru_sync_hook = nullptr;

namespace detail {
const engine_ops* the_engine = nullptr;
}

const char* sync_op_name(sync_op op) {
  static constexpr const char* kNames[] = {
#define X(name) #name,
      LRU_SYNC_OPS(X)
#undef X
  };
  return op < NR_SYNC_OPS ? kNames[op] : "?";
}

void set_engine(const engine_ops* ops) {
  detail::the_engine = ops;
  u32 bits = lru_armed.load(std::memory_order_relaxed) & ~ARMED_ENGINE;
  if (ops) bits |= ARMED_ENGINE;
  lru_armed.store(bits, std::memory_order_relaxed);
}

u32 restart_numbering() {
  restart_task_ids();
  return restart_serials();
}

namespace {

// Who was woken and came too late would only block again: not worth a schedule
// of its own.
void note_taken(const engine_ops& ops, sync_op op, const void* object) {
  if (!ops.taken || (op != SYNC_spin_lock && op != SYNC_spin_lock_irq &&
                     op != SYNC_spin_trylock && op != SYNC_mutex_lock)) {
    return;
  }
  auto* lock = static_cast<lock_base*>(const_cast<void*>(object));
  if (ops.taken(&lock->word.state)) {
    lock->word.state.store(2, std::memory_order_relaxed);  // somebody sleeps
  }
}

}  // namespace

void sync_point_slow(sync_op op, const char* function, const void* object,
                     bool done) {
  if (armed(ARMED_SYNC)) {
    sync_hook_fn hook = lru_sync_hook.load(std::memory_order_relaxed);
    if (hook) hook(sync_site{op, done, function, object});
  }
  if (armed(ARMED_ENGINE)) {
    if (done) note_taken(*engine(), op, object);
    engine()->schedule_point(sync_op_name(op), kPointSync + 2 * op + done, 0);
  }
}

}  // namespace lru
