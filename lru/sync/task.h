// A task is whatever runs code of lru/: a thread under `stress`, a fiber under
// `explore`. Everything the harness wants to know about it hangs off this one
// struct, which may live in memory that a supervisor process shares: it holds
// no pointer that is not a string literal, a code address or a mere identity.
//
// Thread safety: a task is written by itself alone. Others (the watchdog, the
// report writer, possibly in another process) read the atomics, relaxed.
#ifndef LRUTORTURE_LRU_SYNC_TASK_H_
#define LRUTORTURE_LRU_SYNC_TASK_H_

#include <atomic>

#include "lru/sync/types.h"

namespace lru {

// What a task holds or waits for. `serial` and `nid` say which one of the many
// locks of that name; 0 and -1 when there is only one.
struct lock_ref {
  // Identity, never dereferenced. Null: there were more than kTaskLocksMax, and
  // this one was not written down.
  std::atomic<const void*> lock = nullptr;
  std::atomic<const char*> name = nullptr;  // "nlru->lock"
  std::atomic<u32> serial = 0;
  std::atomic<s32> nid = -1;
  std::atomic<u32> subclass = 0;  // of spin_lock_nested()
};

// Memory that lru/ allocates, by type; no_leak counts each of them.
enum alloc_type : u8 {
  ALLOC_MEMCG,
  ALLOC_OBJCG,
  ALLOC_MLRU,
  ALLOC_SHRINKER_INFO,
  ALLOC_SLAB_OBJ,
  ALLOC_LRU,    // the arrays of a list_lru
  ALLOC_OTHER,  // xarray chunks, shrinkers, percpu shards
  NR_ALLOC_TYPES,
};
const char* alloc_type_name(alloc_type type);

inline constexpr int kTaskLocksMax = 8;
inline constexpr int kTaskNameMax = 24;

struct task {
  char name[kTaskNameMax] = {};  // "adder-0", "wq-offline": unique in a run
  u32 id = 0;                    // dense, in creation order; not used again
  u32 cpu = 0;                   // shard of every percpu counter
  std::atomic<s32> tid = 0;      // kernel thread id, for the watchdog's signal
  bool in_use = false;

  std::atomic<const char*> api = nullptr;      // outer API call in progress
  std::atomic<const char*> waiting = nullptr;  // operation blocked in, or null
  lock_ref waiting_for;                        // valid while `waiting` is set
  std::atomic<u32> nr_held = 0;                // may exceed kTaskLocksMax
  lock_ref held[kTaskLocksMax];
  bool irqs_off = false;  // local_irq_disable()
  std::atomic<u32> rcu_nesting = 0;
  // Which outermost read section it is in: never the same number again, in any
  // task; 0 outside. Shown after the real rcu_read_lock() and taken back before
  // the real unlock: whoever sees it twice knows that no grace period that
  // began in between has ended.
  std::atomic<u64> rcu_section = 0;
  u64 rcu_sections = 0;          // the last one's number
  std::atomic<u64> rcu_ctr = 0;  // own RCU: 0 outside, else the phase entered

  // live allocations made minus freed by this task, by type; may be negative.
  std::atomic<s64> nr_alloc[NR_ALLOC_TYPES] = {};

  void* call = nullptr;    // of a plug-in that is in progress: its own
  void* thread = nullptr;  // engine's own
  void* user = nullptr;    // whoever gave the task its work; lru/ ignores it
};

// The running task; null in a thread that lru/ has not started or adopted.
// Never instrumented by TSan: fibers move it between stacks behind its back.
#if defined(LRU_TSAN)
task* current_task();
#else
namespace detail {
extern constinit thread_local task* the_current_task;
}
inline task* current_task() { return detail::the_current_task; }
#endif
void set_current_task(task* t);

// Where tasks come from: the harness puts them into shared memory. `get` may
// return null when there are too many. Set before any task exists.
struct task_source {
  task* (*get)();
  void (*put)(task*);
};
void set_task_source(const task_source* source);  // null: malloc

// Starts a task that runs fn(arg). Aborts when there is no memory for it: no
// caller could go on.
task* task_start(const char* name, void (*fn)(void*), void* arg);
// Waits for it to return and gives it back to its source.
void task_join(task* t);

// Makes a task of the calling thread (main, a test), and undoes that.
task* task_adopt(const char* name);
void task_disown();

void restart_task_ids();  // of restart_numbering()

// Every task in use; slots may be null. Used by the own RCU and by no_leak.
inline constexpr u32 kTasksMax = 256;
task* task_at(u32 slot);
u32 task_slots_used();  // none beyond has ever been used

// Processor time handed on; under an engine, a schedule point.
void cpu_relax();
void task_yield();
// Monotonic time in ns (engine's virtual time under `explore`), and sleeping.
u64 now_ns();
void sleep_ns(u64 ns);
// The cheapest monotonic counter there is, for time stamps of events; ticks
// are converted by ns = (ticks - base) / ticks_per_ns(). Calibrated once.
struct engine_ops;
namespace detail {
extern const engine_ops* the_engine;
u64 ticks_of_engine();
}  // namespace detail
#if defined(__x86_64__) && !defined(LRU_TSAN)
inline u64 now_ticks() {
  return detail::the_engine ? detail::ticks_of_engine()
                            : __builtin_ia32_rdtsc();
}
#else
u64 now_ticks();
#endif
double ticks_per_ns();

}  // namespace lru

#endif  // LRUTORTURE_LRU_SYNC_TASK_H_
