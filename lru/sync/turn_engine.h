// The second engine: real threads, one turn at a time, and the test decides
// who gets it. It proves the slot of engine.h and drives the `ordered` tests.
//
// T1  Exactly one task runs; it keeps the turn until it blocks, yields, ends,
//     or stops at the point that the test asked for.
// T2  The turn is handed on by relaxed atomics and sched_yield() alone, so
//     TSan sees no order between tasks but the one lru/ makes: a race between
//     two tasks that ran strictly one after the other is still reported.
//     (On the machine itself the order holds because of x86's.)
// T3  Nobody can go on: the process aborts and says who waits for what.
//
// A task is either parked (it runs only when it is named) or not. Spawned
// tasks begin parked; those that lru/ starts, work queues and "rcu-callbacks",
// do not: they run whenever whoever has the turn cannot go on.
//
// The test's main thread is the task "main". It runs undisturbed unless it
// blocks; then all that is not parked runs until it is woken.
//
// Points: the name of a fault point ("kmemcg_ids_changed"), of an operation of
// lru/sync/ ("spin_lock": before any of them), one of them in one function
// ("store_mlru>spin_lock"), or "yield" and "cpu_relax". ":done" means after.
#ifndef LRUTORTURE_LRU_SYNC_TURN_ENGINE_H_
#define LRUTORTURE_LRU_SYNC_TURN_ENGINE_H_

#include <functional>

#include "lru/sync/task.h"

namespace lru {

// One at a time; made while no task exists, destroyed when all but main have
// been joined. Every call comes from main.
class turn_engine {
 public:
  turn_engine();
  ~turn_engine();
  turn_engine(const turn_engine&) = delete;
  turn_engine& operator=(const turn_engine&) = delete;

  // A parked task. What fn has written may be read after run().
  task* spawn(const char* name, std::function<void()> fn);
  // A task by its name: those that lru/ has started too. Aborts if none.
  task* find(const char* name);

  // Gives turns to t, and while it is blocked to all that are not parked,
  // until t stops right at the point; it is parked then. `point` is a literal.
  void run_until(task* t, const char* point);
  // The same, until t is blocked and nobody else can go on. False when it has
  // returned instead.
  bool run_until_blocked(task* t);
  // To its end, and joins it.
  void run(task* t);
  // Gives turns to all that are not parked until they are blocked or ended.
  void run_background();
  // t is not parked any more.
  void unpark(task* t);
  // unpark() and run_background().
  void let_go(task* t);
};

}  // namespace lru

#endif  // LRUTORTURE_LRU_SYNC_TURN_ENGINE_H_
