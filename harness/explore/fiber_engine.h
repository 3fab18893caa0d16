// The second engine: every task is a fiber of one OS thread, and a strategy
// decides at every operation of lru/sync/ and every fault point who goes on.
//
// E1  The only nondeterminism is the strategy's: no clock, address or thread
//     id takes part. Time is virtual: a point is a microsecond, and when all
//     who could run sleep, it jumps to the first who wakes.
// E2  Nobody runs and nobody sleeps: a deadlock, exactly.
// E3  The hand-off orders nothing in the eyes of ThreadSanitizer, or no race
//     would be left to see: the scheduler is compiled without sanitizers, uses
//     no inline code of a library (one copy serves the whole program), and
//     switches by __tsan_switch_to_fiber() without synchronisation. What a
//     thread has by being created and joined is annotated instead.
// E4  Fibers are pooled with their stacks; what is under test never is.
//
// Read sections and grace periods are those of lru/sync/rcu.cc over block() and
// wake(): a grace period ends when the last read section that was open at its
// beginning has ended, and acquires from every reader.
//
// x86-64 only, by the switch of stacks.
#ifndef LRUTORTURE_HARNESS_EXPLORE_FIBER_ENGINE_H_
#define LRUTORTURE_HARNESS_EXPLORE_FIBER_ENGINE_H_

#include <cstdint>

#include "harness/explore/record.h"
#include "harness/explore/strategy.h"
#include "lru/sync/engine.h"

namespace harness::explore {

#if defined(__x86_64__)
inline constexpr bool kFibersWork = true;
#else
inline constexpr bool kFibersWork = false;
#endif

// Main, the work queues and the callbacks of RCU, with room for more.
inline constexpr uint32_t kTasksOfLru = 8;

// What the engine cannot decide. Called by the fiber that noticed, with nobody
// else able to run; none of them returns but where it says so.
struct EngineEvents {
  void (*deadlocked)();
  // So many points since the last call. Returns when somebody gets anywhere.
  void (*too_many_steps)();
  // `*stop` was found set: a finding has been latched.
  void (*stopped)();
  const uint32_t* stop;
};

// Becomes the engine; the calling thread runs the fiber of the task that it
// adopts next. While no task exists.
void StartEngine(const EngineEvents& events);
// All other tasks have been joined.
void StopEngine();

// A schedule begins, by the task that StartEngine()'s thread has adopted.
// `counts` begin anew; `log` gets each choice, and may be null; every steps_max
// points too_many_steps() is asked.
void BeginSchedule(ScheduleCounts* counts, ScheduleLog* log,
                   uint64_t steps_max);
// From here on `strategy` chooses; null: whoever runs goes on as long as it
// can, which is how a schedule begins and ends.
void SetStrategy(Strategy* strategy);
// ScheduleCounts::marked_hash is to be the hash at that step. Behind
// BeginSchedule().
void MarkStep(uint64_t step);
// For EngineEvents: nobody runs again but main, and that goes on in
// `abandoned`, which does not return.
[[noreturn]] void AbandonSchedule(void (*abandoned)());

// Where a task that does not run will go on, and its frame pointer there: for
// CaptureStack(). False: it runs, or is no fiber.
bool PlaceOf(const lru::task* t, uint64_t* return_address, void** frame);

}  // namespace harness::explore

#endif  // LRUTORTURE_HARNESS_EXPLORE_FIBER_ENGINE_H_
