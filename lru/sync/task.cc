#include "lru/sync/task.h"

#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>

#if defined(__x86_64__)
#include <x86intrin.h>
#endif

#include "lru/sync/alloc.h"
#include "lru/sync/engine.h"
#include "lru/sync/rcu.h"
#include "lru/sync/tsan.h"

namespace lru {
namespace {

// The only thread_local of the project: fibers share it, so it is read and
// written by uninstrumented code alone.
}  // namespace
namespace detail {
constinit thread_local task* the_current_task = nullptr;
}
using detail::the_current_task;
namespace {

// Never given back to malloc: a grace period may still be reading the slot.
std::atomic<task*> spare_tasks[kTasksMax];

task* malloc_get() {
  for (std::atomic<task*>& spare : spare_tasks) {
    if (task* t = spare.exchange(nullptr, std::memory_order_acquire)) {
      return t;
    }
  }
  return new (std::nothrow) task;
}
void malloc_put(task* t) {
  for (std::atomic<task*>& spare : spare_tasks) {
    task* expected = nullptr;
    if (spare.compare_exchange_strong(expected, t, std::memory_order_release,
                                      std::memory_order_relaxed)) {
      return;
    }
  }
}
constexpr task_source kMallocSource = {malloc_get, malloc_put};
const task_source* the_source = &kMallocSource;

std::atomic<task*> tasks[kTasksMax];
std::atomic<u32> slots_used = 0;
std::atomic<u32> next_task_id = 0;

struct start_args {
  task* t;
  void (*fn)(void*);
  void* arg;
};

[[noreturn]] void die(const char* what) {
  fprintf(stderr, "lrutorture: %s\n", what);
  abort();
}

// Before t runs, so a grace period that has to wait for it looks so far:
// sequentially consistent, as what readers and grace periods show each other.
void use_slot(u32 slot) {
  u32 used = slots_used.load();
  while (used <= slot && !slots_used.compare_exchange_weak(used, slot + 1)) {
  }
}

task* task_new(const char* name) {
  task* t = the_source->get();
  if (!t) die("no room for another task");
  snprintf(t->name, sizeof(t->name), "%s", name);
  t->in_use = true;
  t->id = next_task_id.fetch_add(1, std::memory_order_relaxed);
  t->cpu = t->id;
  t->rcu_sections = u64{t->id} << 40;
  for (u32 slot = 0; slot < kTasksMax; slot++) {
    task* expected = nullptr;
    // pairs with the acquire in task_at()
    if (tasks[slot].compare_exchange_strong(expected, t,
                                            std::memory_order_release,
                                            std::memory_order_relaxed)) {
      use_slot(slot);
      return t;
    }
  }
  die("more tasks than kTasksMax");
}

void task_delete(task* t) {
  for (std::atomic<task*>& slot : tasks) {
    if (slot.load(std::memory_order_relaxed) == t) {
      slot.store(nullptr, std::memory_order_release);
    }
  }
  retire_alloc_counts(t);
  t->in_use = false;
  the_source->put(t);
}

void* thread_main(void* p) {
  start_args args = *static_cast<start_args*>(p);
  delete static_cast<start_args*>(p);
  set_current_task(args.t);
  args.t->tid.store(static_cast<s32>(syscall(SYS_gettid)),
                    std::memory_order_relaxed);
  pthread_setname_np(pthread_self(), args.t->name);  // 15 letters or nothing
  rcu_register_task();
  args.fn(args.arg);
  rcu_unregister_task();
  args.t->tid.store(0, std::memory_order_relaxed);
  set_current_task(nullptr);
  return nullptr;
}

}  // namespace

const char* alloc_type_name(alloc_type type) {
  constexpr const char* kNames[] = {
      "mem_cgroup", "obj_cgroup", "list_lru_memcg", "shrinker_info",
      "object",     "list_lru",   "other"};
  return type < NR_ALLOC_TYPES ? kNames[type] : "?";
}

#if defined(LRU_TSAN)
LRU_UNINSTRUMENTED task* current_task() { return the_current_task; }
#endif
LRU_UNINSTRUMENTED void set_current_task(task* t) { the_current_task = t; }

void set_task_source(const task_source* source) {
  the_source = source ? source : &kMallocSource;
}

task* task_start(const char* name, void (*fn)(void*), void* arg) {
  task* t = task_new(name);
  if (const engine_ops* ops = engine()) {
    ops->task_create(t, fn, arg);
    return t;
  }
  pthread_t thread;
  if (pthread_create(&thread, nullptr, thread_main,
                     new start_args{t, fn, arg}) != 0) {
    die("cannot create a thread");
  }
  t->thread = reinterpret_cast<void*>(thread);
  return t;
}

void task_join(task* t) {
  if (const engine_ops* ops = engine()) {
    ops->task_join(t);
  } else {
    pthread_join(reinterpret_cast<pthread_t>(t->thread), nullptr);
  }
  task_delete(t);
}

task* task_adopt(const char* name) {
  task* t = task_new(name);
  set_current_task(t);
  t->tid.store(static_cast<s32>(syscall(SYS_gettid)),
               std::memory_order_relaxed);
  rcu_register_task();
  return t;
}

void task_disown() {
  task* t = current_task();
  rcu_unregister_task();
  set_current_task(nullptr);
  task_delete(t);
}

u32 task_slots_used() { return slots_used.load(); }

task* task_at(u32 slot) { return tasks[slot].load(std::memory_order_acquire); }

void restart_task_ids() { next_task_id.store(0, std::memory_order_relaxed); }

void cpu_relax() {
  if (armed(ARMED_ENGINE)) [[unlikely]] {
    engine()->schedule_point("cpu_relax", kPointCpuRelax, 0);
    return;
  }
#if defined(__x86_64__)
  _mm_pause();
#endif
}

void task_yield() {
  if (armed(ARMED_ENGINE)) [[unlikely]] {
    engine()->schedule_point("yield", kPointYield, 0);
    return;
  }
  sched_yield();
}

u64 now_ns() {
  if (armed(ARMED_ENGINE)) [[unlikely]]
    return engine()->now_ns();
  timespec ts;
  clock_gettime(CLOCK_MONOTONIC, &ts);
  return static_cast<u64>(ts.tv_sec) * 1'000'000'000 + ts.tv_nsec;
}

void sleep_ns(u64 ns) {
  if (armed(ARMED_ENGINE)) [[unlikely]] {
    engine()->stall_ns(ns);
    return;
  }
  timespec ts = {static_cast<time_t>(ns / 1'000'000'000),
                 static_cast<long>(ns % 1'000'000'000)};
  nanosleep(&ts, nullptr);
}

LRU_UNINSTRUMENTED u64 detail::ticks_of_engine() {
  if (const engine_ops* ops = the_engine) [[unlikely]] {
    if (ops->now_ticks) return ops->now_ticks();
  }
#if defined(__x86_64__)
  return __rdtsc();
#else
  return lru::now_ns();
#endif
}
#if !defined(__x86_64__) || defined(LRU_TSAN)
LRU_UNINSTRUMENTED u64 now_ticks() { return detail::ticks_of_engine(); }
#endif

double ticks_per_ns() {
#if defined(__x86_64__)
  static const double ratio = [] {
    u64 ns = now_ns(), ticks = now_ticks();
    sleep_ns(10'000'000);
    return static_cast<double>(now_ticks() - ticks) /
           static_cast<double>(now_ns() - ns);
  }();
  return ratio;
#else
  return 1.0;
#endif
}

}  // namespace lru
