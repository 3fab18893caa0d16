// The engine slot: who decides which task runs next. `stress` leaves it empty:
// the operating system decides. A second engine fills it, and then every
// operation of lru/sync/ asks it.
//
// One global word says whether anything is listening. It is written before any
// actor starts and after the last has stopped; every sync operation and every
// fault point tests it once, relaxed.
#ifndef LRUTORTURE_LRU_SYNC_ENGINE_H_
#define LRUTORTURE_LRU_SYNC_ENGINE_H_

#include <atomic>

#include "lru/sync/task.h"
#include "lru/sync/types.h"

namespace lru {

enum armed_bits : u32 {
  ARMED_HOOK = 1,    // fault points call the fault hook
  ARMED_SYNC = 2,    // sync operations call the sync hook (implicit points)
  ARMED_ENGINE = 4,  // an engine schedules the tasks
};
extern std::atomic<u32> lru_armed;
inline u32 armed(u32 bits) {
  return lru_armed.load(std::memory_order_relaxed) & bits;
}

// Every operation of lru/sync/: an implicit point before and after it.
// clang-format off: it never comes to rest on this one.
#define LRU_SYNC_OPS(X)                                         \
  X(spin_lock) X(spin_lock_irq) X(spin_trylock) X(spin_unlock)  \
  X(spin_unlock_irq) X(mutex_lock) X(mutex_unlock)              \
  X(rcu_read_lock) X(rcu_read_unlock) X(synchronize_rcu)        \
  X(call_rcu) X(rcu_barrier) X(queue_work) X(flush_workqueue)   \
  X(complete) X(wait_for_completion) X(load) X(store) X(rmw)    \
  X(smp_mb)
// clang-format on

enum sync_op : u8 {
#define X(name) SYNC_##name,
  LRU_SYNC_OPS(X)
#undef X
      NR_SYNC_OPS,
};
const char* sync_op_name(sync_op op);

// One implicit point: `OUTER/FUNCTION>OP` before, `...>OP:done` after. OUTER is
// the call of the outer API that its task is in (task::api), or `-` when there
// is none: work queues, RCU callbacks, css and memcg code, callers.
inline constexpr char kNoOuter[] = "-";
struct sync_site {
  sync_op op;
  bool done;
  const char* function;  // string literal
  const void* object;    // identity of the lock or word
};
using sync_hook_fn = void (*)(const sync_site& site);
extern std::atomic<sync_hook_fn> lru_sync_hook;

// What a point is called by whoever schedules: the same number in every build,
// which the address of its name is not.
inline constexpr u32 kPointCpuRelax = 0;
inline constexpr u32 kPointYield = 1;
inline constexpr u32 kPointBlock = 2;  // the task cannot go on
inline constexpr u32 kPointExit = 3;   // it has ended
inline constexpr u32 kPointSync = 4;   // + 2 * sync_op + done
inline constexpr u32 kPointFault =
    kPointSync + 2 * NR_SYNC_OPS;  // + its number

// What a second engine implements. All calls come from a task of that engine.
struct engine_ops {
  // Runs fn(arg) as task t, some time after this returns; `join` blocks until
  // it has returned.
  void (*task_create)(task* t, void (*fn)(void*), void* arg);
  void (*task_exit)(task* t);
  void (*task_join)(task* t);
  // May let another task run. `memcg` is the serial that a fault point names.
  void (*schedule_point)(const char* what, u32 point, u32 memcg);
  // The caller cannot go on until somebody wakes `key`. May return early: the
  // caller tests its condition again.
  void (*block)(const void* key);
  void (*wake)(const void* key);  // all who wait for it
  // The caller has taken what `key` guards before those who were woken for it
  // could run: some wait on. True: there are such, and they must be woken
  // again. Null: they find out themselves.
  bool (*taken)(const void* key);
  // Returns when every read section that was open at the call has ended. Null:
  // the small RCU of rcu.cc does, waiting by block().
  void (*synchronize_rcu)();
  u64 (*now_ns)();
  void (*stall_ns)(u64 ns);  // the caller does not run for that long
  // now_ticks(); null: the processor's own counter. Not instrumented: it is
  // read inside reports of TSan.
  u64 (*now_ticks)();
};
// Null for `stress`. Set while no task exists.
void set_engine(const engine_ops* ops);
// Serials and task ids begin anew, so that what is done once more looks the
// same. While no task exists and nothing of lru/ is alive. Returns how many
// css there have been since the last time.
u32 restart_numbering();
namespace detail {
extern const engine_ops* the_engine;
}
inline const engine_ops* engine() { return detail::the_engine; }

void sync_point_slow(sync_op op, const char* function, const void* object,
                     bool done);
inline void sync_point(sync_op op, const char* function, const void* object,
                       bool done = false) {
  if (armed(ARMED_SYNC | ARMED_ENGINE)) [[unlikely]] {
    sync_point_slow(op, function, object, done);
  }
}

}  // namespace lru

#endif  // LRUTORTURE_LRU_SYNC_ENGINE_H_
