// Compiled without sanitizers: see E3 in the header. Plain data, builtins and
// functions of its own; no std::, not even std::atomic.
#include "harness/explore/fiber_engine.h"

#include <sys/mman.h>
#include <unistd.h>

#include "lru/sync/tsan.h"

#if defined(LRU_ASAN)
#include <sanitizer/common_interface_defs.h>
#endif

#if defined(LRU_TSAN)
extern "C" {  // sanitizer/tsan_interface.h
void* __tsan_create_fiber(unsigned flags);
void* __tsan_get_current_fiber();
void __tsan_set_fiber_name(void* fiber, const char* name);
void __tsan_switch_to_fiber(void* fiber, unsigned flags);
}
#endif

#define EXPLORE_FN LRU_UNINSTRUMENTED

// Saves what a call must preserve, keeps the old stack in *from and goes on on
// the new one.
extern "C" void lrutorture_switch_stack(void** from, void* to);
#if defined(__x86_64__)
asm(R"(
.text
.p2align 4
.type lrutorture_switch_stack,@function
lrutorture_switch_stack:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size lrutorture_switch_stack, .-lrutorture_switch_stack
)");
#else
extern "C" void lrutorture_switch_stack(void**, void*) { __builtin_trap(); }
#endif

namespace harness::explore {
namespace {

constexpr uint64_t kPointNs = 1000;
// Sanitizers put red zones around everything.
#if defined(LRU_ASAN) || defined(LRU_TSAN)
constexpr uint64_t kStackBytes = 512 << 10;
#else
constexpr uint64_t kStackBytes = 128 << 10;
#endif
constexpr uint64_t kGuardBytes = 4096;
constexpr uint32_t kSavedWords = 6;  // by lrutorture_switch_stack(), rbp last
constexpr uint32_t kMain = 0;

struct Fiber {
  void* stack_pointer;  // of one that does not run
  char* stack;          // lowest address; of main's, as far as known
  uint64_t stack_bytes;
  void* tsan;
  void* asan_fake_stack;
  lru::task* task;
  void (*fn)(void*);
  void* arg;
  const void* key;   // while it is blocked, and until it runs again
  uint64_t wake_at;  // while it sleeps
  bool done;
};

Fiber fibers[kFibersMax];
// A bit per fiber. One that exists is in one of three, or it is done.
uint64_t existing, runnable, blocked, sleeping;
uint64_t woken;      // runnable, and has not run since it was blocked
uint64_t late_once;  // of those that have not run since: see Taken()
uint32_t current;
uint64_t now;  // points since the engine began, and what was slept through
uint64_t steps_max, steps_end;  // `steps_end`: that much is allowed by now
uint64_t marked_step;           // ~0: none
uint64_t next_look;  // the nearest step at which one of the two matters
ScheduleCounts* counts;
Strategy* strategy;
ScheduleLog* log_of_choices;
EngineEvents events;
void (*abandoned)();

EXPLORE_FN inline uint64_t BitOf(uint32_t fiber) {
  return uint64_t{1} << fiber;
}
EXPLORE_FN inline uint32_t FirstOf(uint64_t set) {
  return static_cast<uint32_t>(__builtin_ctzll(set));
}
EXPLORE_FN inline Fiber* FiberOf(const lru::task* t) {
  return static_cast<Fiber*>(t->thread);
}
EXPLORE_FN inline uint32_t IndexOf(const Fiber* fiber) {
  return static_cast<uint32_t>(fiber - fibers);
}

[[noreturn]] EXPLORE_FN void Die(const char* what) {
  uint64_t length = 0;
  while (what[length]) length++;
  // Nobody is left to tell when this fails, too.
  (void)!write(STDERR_FILENO, what, length);
  _exit(4);
}

// --- switching ---------------------------------------------------------------

EXPLORE_FN void FinishSwitch() {
#if defined(LRU_ASAN)
  const void* bottom = nullptr;
  size_t bytes = 0;
  __sanitizer_finish_switch_fiber(fibers[current].asan_fake_stack, &bottom,
                                  &bytes);
  // The first to be switched to comes from main, whose stack is the thread's.
  if (!fibers[kMain].stack) {
    fibers[kMain].stack = static_cast<char*>(const_cast<void*>(bottom));
    fibers[kMain].stack_bytes = bytes;
  }
#endif
}

// The last one at that step counts: it has the choice that was made there.
EXPLORE_FN void MarkCourse() { counts->marked_hash = CourseHash(*counts); }

EXPLORE_FN void SwitchTo(uint32_t next) {
  if (next == current) return;
  Fiber& from = fibers[current];
  Fiber& to = fibers[next];
  current = next;
  woken &= ~BitOf(next);
  late_once &= ~BitOf(next);
  counts->running = next;
  if (marked_step == counts->steps) MarkCourse();
  lru::set_current_task(to.task);
#if defined(LRU_TSAN)
  constexpr unsigned kNoSync = 1;
  __tsan_switch_to_fiber(to.tsan, kNoSync);
#endif
#if defined(LRU_ASAN)
  __sanitizer_start_switch_fiber(&from.asan_fake_stack, to.stack,
                                 to.stack_bytes);
#endif
  lrutorture_switch_stack(&from.stack_pointer, to.stack_pointer);
  FinishSwitch();
  if (abandoned) abandoned();
}

// --- who goes on -------------------------------------------------------------

EXPLORE_FN void WakeSleepers() {
  for (uint64_t left = sleeping; left; left &= left - 1) {
    uint32_t fiber = FirstOf(left);
    if (fibers[fiber].wake_at > now) continue;
    sleeping &= ~BitOf(fiber);
    runnable |= BitOf(fiber);
  }
}

EXPLORE_FN void JumpToFirstSleeper() {
  uint64_t first = ~uint64_t{0};
  for (uint64_t left = sleeping; left; left &= left - 1) {
    uint64_t wake_at = fibers[FirstOf(left)].wake_at;
    if (wake_at < first) first = wake_at;
  }
  if (first > now) now = first;
  WakeSleepers();
}

// Without a strategy: the one who runs, or the next in a circle.
EXPLORE_FN uint32_t NextInCircle(bool yields) {
  if ((runnable & BitOf(current)) && !yields) return current;
  uint64_t behind = runnable & (~uint64_t{1} << current);
  return FirstOf(behind ? behind : runnable);
}

// There is somebody who can run when it returns.
EXPLORE_FN uint32_t Next(bool yields) {
  if (sleeping) WakeSleepers();
  if (!runnable) {
    if (!sleeping) {
      events.deadlocked();
      Die("lrutorture: a deadlock was not the end\n");
    }
    JumpToFirstSleeper();
  }
  if (!(runnable & (runnable - 1))) return FirstOf(runnable);
  if (!strategy) return NextInCircle(yields);
  counts->choices++;
  uint32_t chosen = strategy->Choose({.runnable = runnable,
                                      .current = current,
                                      .yields = yields,
                                      .step = counts->steps});
  if (!(runnable >> chosen & 1)) Die("lrutorture: a bad choice\n");
  if (log_of_choices) log_of_choices->Append(chosen);
  return chosen;
}

EXPLORE_FN void LookAtStep() {
  if (counts->steps == marked_step) MarkCourse();
  if (counts->steps > steps_end) {
    events.too_many_steps();
    steps_end += steps_max;
  }
  next_look = steps_end + 1;
  if (marked_step > counts->steps && marked_step < next_look) {
    next_look = marked_step;
  }
}

EXPLORE_FN void Step(uint32_t point, uint32_t memcg) {
  now++;
  counts->steps++;
  uint64_t hash = (counts->hash ^
                   (uint64_t{current} << 48 ^ uint64_t{point} << 32 ^ memcg)) *
                  0x9E3779B97F4A7C15u;
  counts->hash = hash ^ hash >> 32;
  if (__atomic_load_n(events.stop, __ATOMIC_RELAXED)) events.stopped();
  if (counts->steps >= next_look) LookAtStep();
}

EXPLORE_FN void SchedulePoint(const char*, uint32_t point, uint32_t memcg) {
  if (!lru::current_task()) return;  // a thread that is no task
  Step(point, memcg);
  bool yields = point == lru::kPointYield || point == lru::kPointCpuRelax;
  if (!sleeping && runnable == BitOf(current)) return;
  SwitchTo(Next(yields));
}

// A point, too: whoever is chosen passes one before the next choice, so that
// the hash tells every choice from the others that there were.
EXPLORE_FN void Block(const void* key) {
  Step(lru::kPointBlock, 0);
  fibers[current].key = key;
  runnable &= ~BitOf(current);
  blocked |= BitOf(current);
  SwitchTo(Next(false));
}

EXPLORE_FN void Wake(const void* key) {
  for (uint64_t left = blocked; left; left &= left - 1) {
    uint32_t fiber = FirstOf(left);
    if (fibers[fiber].key != key) continue;
    blocked &= ~BitOf(fiber);
    runnable |= BitOf(fiber);
    woken |= BitOf(fiber);
  }
}

// Once for each time that it waits. From then on it can be chosen, though it
// would only block again: dfs sees that somebody is kept out for ever (by one
// who yields, and takes the lock again each time) by who could run all the
// while.
EXPLORE_FN bool Taken(const void* key) {
  uint64_t late = 0;
  for (uint64_t left = woken & ~late_once; left; left &= left - 1) {
    uint32_t fiber = FirstOf(left);
    if (fibers[fiber].key == key) late |= BitOf(fiber);
  }
  late_once |= late;
  woken &= ~late;
  runnable &= ~late;
  blocked |= late;
  return late != 0;
}

EXPLORE_FN void StallNs(uint64_t ns) {
  Step(lru::kPointYield, 0);
  uint64_t points = ns / kPointNs;
  fibers[current].wake_at = now + (points ? points : 1);
  runnable &= ~BitOf(current);
  sleeping |= BitOf(current);
  SwitchTo(Next(false));
}

// --- tasks -------------------------------------------------------------------

EXPLORE_FN void OrderAfter([[maybe_unused]] void* tag) {
#if defined(LRU_TSAN)
  __tsan_acquire(tag);
#endif
}
EXPLORE_FN void OrderBefore([[maybe_unused]] void* tag) {
#if defined(LRU_TSAN)
  __tsan_release(tag);
#endif
}

// What a fiber of the pool does: one task after another.
[[noreturn]] EXPLORE_FN void FiberMain() {
  FinishSwitch();
  for (;;) {
    Fiber& self = fibers[current];
    OrderAfter(&self);  // who made the task; pairs with Create()
    self.fn(self.arg);
    OrderBefore(&self);  // pairs with Join()
    Step(lru::kPointExit, 0);
    self.done = true;
    runnable &= ~BitOf(current);
    Wake(&self);
    SwitchTo(Next(false));
  }
}

EXPLORE_FN void MakeStack(Fiber& fiber) {
  uint64_t bytes = kStackBytes + kGuardBytes;
  void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED || mprotect(memory, kGuardBytes, PROT_NONE) != 0) {
    Die("lrutorture: no memory for another fiber\n");
  }
  fiber.stack = static_cast<char*>(memory) + kGuardBytes;
  fiber.stack_bytes = kStackBytes;
  // As if it had been switched away from just before FiberMain(), which finds
  // the stack as after a call: 8 off the alignment, and no frame above.
  auto** top = reinterpret_cast<void**>(fiber.stack + kStackBytes - 56);
  top[0] = nullptr;
  top[-1] = reinterpret_cast<void*>(FiberMain);
  for (uint32_t i = 0; i < kSavedWords; i++)
    top[-2 - static_cast<int>(i)] = nullptr;
  fiber.stack_pointer = top - 1 - kSavedWords;
#if defined(LRU_TSAN)
  fiber.tsan = __tsan_create_fiber(0);
#endif
}

EXPLORE_FN void Create(lru::task* t, void (*fn)(void*), void* arg) {
  if (!~existing) Die("lrutorture: explore runs 64 tasks at most\n");
  uint32_t index = FirstOf(~existing);
  Fiber& fiber = fibers[index];
  if (!fiber.stack) MakeStack(fiber);
  fiber.task = t;
  fiber.fn = fn;
  fiber.arg = arg;
  fiber.done = false;
  t->thread = &fiber;
#if defined(LRU_TSAN)
  __tsan_set_fiber_name(fiber.tsan, t->name);
#endif
  OrderBefore(&fiber);
  existing |= BitOf(index);
  runnable |= BitOf(index);
  auto nr = static_cast<uint64_t>(__builtin_popcountll(existing));
  if (nr > counts->tasks) counts->tasks = nr;
}

EXPLORE_FN void Join(lru::task* t) {
  Fiber* fiber = FiberOf(t);
  while (!fiber->done) Block(fiber);
  OrderAfter(fiber);
  existing &= ~BitOf(IndexOf(fiber));
}

EXPLORE_FN void TaskExit(lru::task*) {}
EXPLORE_FN uint64_t NowNs() { return now * kPointNs; }
EXPLORE_FN uint64_t NowTicks() { return now; }

constexpr lru::engine_ops kFiberEngine = {
    .task_create = Create,
    .task_exit = TaskExit,
    .task_join = Join,
    .schedule_point = SchedulePoint,
    .block = Block,
    .wake = Wake,
    .taken = Taken,
    .synchronize_rcu = nullptr,
    .now_ns = NowNs,
    .stall_ns = StallNs,
    .now_ticks = NowTicks,
};

}  // namespace

EXPLORE_FN uint64_t CourseHash(const ScheduleCounts& counts_of_it) {
  return counts_of_it.hash ^ counts_of_it.running * 0x9E3779B97F4A7C15u;
}

void StartEngine(const EngineEvents& what_happens) {
  events = what_happens;
  current = kMain;
  existing = runnable = BitOf(kMain);
  blocked = sleeping = woken = late_once = 0;
  strategy = nullptr;
  abandoned = nullptr;
#if defined(LRU_TSAN)
  fibers[kMain].tsan = __tsan_get_current_fiber();
#endif
  lru::set_engine(&kFiberEngine);
}

void StopEngine() { lru::set_engine(nullptr); }

EXPLORE_FN void BeginSchedule(ScheduleCounts* counts_of_it, ScheduleLog* log,
                              uint64_t limit) {
  fibers[kMain].task = lru::current_task();
  fibers[kMain].task->thread = &fibers[kMain];
  counts = counts_of_it;
  *counts = {.steps = 0,
             .choices = 0,
             .hash = 0,
             .tasks = 1,
             .running = kMain,
             .marked_hash = 0};
  log_of_choices = log;
  steps_max = steps_end = limit;
  marked_step = ~uint64_t{0};
  next_look = limit + 1;
  now = 1;  // no time stamp is 0
}

EXPLORE_FN void MarkStep(uint64_t step) {
  marked_step = step;
  if (step < next_look) next_look = step;
}

EXPLORE_FN void SetStrategy(Strategy* chooser) { strategy = chooser; }

EXPLORE_FN void AbandonSchedule(void (*goes_on)()) {
  strategy = nullptr;
  marked_step = ~uint64_t{0};  // main's own way back is no choice
  abandoned = goes_on;
  if (current == kMain) abandoned();
  SwitchTo(kMain);
  Die("lrutorture: an abandoned schedule went on\n");
}

EXPLORE_FN bool PlaceOf(const lru::task* t, uint64_t* return_address,
                        void** frame) {
  const Fiber* fiber = FiberOf(t);
  if (!fiber || IndexOf(fiber) == current || fiber->done) return false;
  auto* saved = static_cast<uint64_t*>(fiber->stack_pointer);
  *return_address = saved[kSavedWords];
  *frame = reinterpret_cast<void*>(saved[kSavedWords - 1]);
  return true;
}

}  // namespace harness::explore
