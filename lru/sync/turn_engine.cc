#include "lru/sync/turn_engine.h"

#include <pthread.h>
#include <sched.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "lru/sync/engine.h"

namespace lru {
namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;

enum turn_state : u32 { UNUSED, READY, BLOCKED, DONE };

// Written by whoever has the turn; all that two tasks touch is relaxed (T2).
struct turn_record {
  std::atomic<u32> state = UNUSED;
  std::atomic<task*> t = nullptr;
  std::atomic<u32> parked = 0;
  std::atomic<const void*> key = nullptr;       // while BLOCKED
  std::atomic<const char*> stop_at = nullptr;   // asked for by run_until()
  std::atomic<const char*> function = nullptr;  // of the implicit point it
  std::atomic<u32> done = 0;                    // is at, and whether after it
  // Written before the thread is made, read by it and by the one who joins.
  void (*fn)(void*) = nullptr;
  void* arg = nullptr;
  pthread_t thread = {};
};

constexpr u32 kRecords = 64;
constexpr u32 kMain = 0;
constexpr u32 kNobody = kRecords;
turn_record records[kRecords];

std::atomic<u32> turn = kMain;
std::atomic<u32> directed = kNobody;  // whom main wants to run
std::atomic<u32> directing = 0;       // main waits for it, or for quiet
std::atomic<u32> spawning = 0;        // the next task begins parked
std::atomic<u64> virtual_ns = 0;

turn_record* record_of(const task* t) {
  return static_cast<turn_record*>(t->thread);
}
u32 self() { return static_cast<u32>(record_of(current_task()) - records); }
u32 state_of(u32 r) { return records[r].state.load(kRelaxed); }

[[noreturn]] void die(const char* what, const char* who) {
  static constexpr const char* kStates[] = {"unused", "ready", "blocked",
                                            "done"};
  fprintf(stderr, "turn_engine: %s%s\n", what, who);
  for (turn_record& r : records) {
    u32 state = r.state.load(kRelaxed);
    const task* t = r.t.load(kRelaxed);
    if (state == UNUSED || state == DONE) continue;
    fprintf(stderr, "  %s: %s%s", t->name, kStates[state],
            r.parked.load(kRelaxed) ? ", parked" : "");
    if (const char* operation = t->waiting.load(kRelaxed)) {
      fprintf(stderr, ", waits in %s for %s", operation,
              t->waiting_for.name.load(kRelaxed));
    }
    for (u32 i = 0; i < t->nr_held.load(kRelaxed) && i < kTaskLocksMax; i++) {
      fprintf(stderr, ", holds %s", t->held[i].name.load(kRelaxed));
    }
    if (t->rcu_nesting.load(kRelaxed)) fprintf(stderr, ", inside RCU");
    fprintf(stderr, "\n");
  }
  abort();
}

// --- whose turn it is --------------------------------------------------------

void wait_for_turn(u32 me) {
  while (turn.load(kRelaxed) != me) sched_yield();
  std::atomic_signal_fence(std::memory_order_seq_cst);
}

void hand_to(u32 next, u32 me) {
  if (next == me) return;
  std::atomic_signal_fence(std::memory_order_seq_cst);
  turn.store(next, kRelaxed);
  wait_for_turn(me);
}

// Who must run before anybody else may: main when it was blocked and is not
// any more, then the one whom main wants to run.
u32 preferred() {
  if (state_of(kMain) == READY && !directing.load(kRelaxed)) return kMain;
  u32 target = directed.load(kRelaxed);
  return target != kNobody && state_of(target) == READY ? target : kNobody;
}

u32 next_in_background(u32 after) {
  for (u32 i = 1; i < kRecords; i++) {
    u32 r = (after + i) % kRecords;
    if (r == kMain || r == directed.load(kRelaxed)) continue;
    if (state_of(r) == READY && !records[r].parked.load(kRelaxed)) return r;
  }
  return kNobody;
}

u32 next_turn(u32 me, bool yields) {
  u32 first = preferred();
  if (first != kNobody && !(yields && first == me)) return first;
  u32 next = next_in_background(me);
  if (next != kNobody) return next;
  if (first != kNobody) return first;
  if (state_of(me) == READY) return me;
  if (state_of(kMain) != READY) die("deadlock: nobody can go on", "");
  return kMain;
}

void wake(const void* key) {
  for (turn_record& r : records) {
    if (r.state.load(kRelaxed) == BLOCKED && r.key.load(kRelaxed) == key) {
      r.state.store(READY, kRelaxed);
    }
  }
}

void block(const void* key) {
  u32 me = self();
  records[me].key.store(key, kRelaxed);
  records[me].state.store(BLOCKED, kRelaxed);
  hand_to(next_turn(me, false), me);
}

// --- points ------------------------------------------------------------------

// The implicit point that the schedule point right after it is about.
void note_site(const sync_site& site) {
  turn_record* r = record_of(current_task());
  r->function.store(site.function, kRelaxed);
  r->done.store(site.done, kRelaxed);
}

bool is_at(const turn_record& r, const char* point, const char* what) {
  const char* function = r.function.load(kRelaxed);
  char buffer[160];
  snprintf(buffer, sizeof(buffer), "%s%s%s%s",
           strchr(point, '>') && function ? function : "",
           strchr(point, '>') ? ">" : "", what,
           r.done.load(kRelaxed) ? ":done" : "");
  return strcmp(buffer, point) == 0;
}

void schedule_point(const char* what, u32, u32) {
  if (!current_task()) return;  // a thread that is no task
  u32 me = self();
  turn_record& r = records[me];
  virtual_ns.fetch_add(1000, kRelaxed);
  const char* stop_at = r.stop_at.load(kRelaxed);
  bool stops = stop_at && is_at(r, stop_at, what);
  r.function.store(nullptr, kRelaxed);
  r.done.store(0, kRelaxed);
  if (stops) {
    r.stop_at.store(nullptr, kRelaxed);
    r.parked.store(1, kRelaxed);
    hand_to(kMain, me);
  } else if (!strcmp(what, "yield") || !strcmp(what, "cpu_relax")) {
    hand_to(next_turn(me, true), me);
  } else if (me != kMain && preferred() != kNobody) {
    hand_to(preferred(), me);
  }
}

// --- tasks -------------------------------------------------------------------

void* thread_main(void* p) {
  auto* r = static_cast<turn_record*>(p);
  u32 me = static_cast<u32>(r - records);
  set_current_task(r->t.load(kRelaxed));
  wait_for_turn(me);
  r->fn(r->arg);
  r->state.store(DONE, kRelaxed);
  wake(r);
  set_current_task(nullptr);
  turn.store(next_turn(me, false), kRelaxed);
  return nullptr;
}

turn_record* new_record(task* t) {
  for (turn_record& r : records) {
    if (r.state.load(kRelaxed) != UNUSED) continue;
    r.t.store(t, kRelaxed);
    r.state.store(READY, kRelaxed);
    r.parked.store(spawning.exchange(0, kRelaxed), kRelaxed);
    t->thread = &r;
    return &r;
  }
  die("too many tasks", "");
}

void create(task* t, void (*fn)(void*), void* arg) {
  turn_record* r = new_record(t);
  r->fn = fn;
  r->arg = arg;
  if (pthread_create(&r->thread, nullptr, thread_main, r) != 0) {
    die("cannot create a thread for ", t->name);
  }
}

void forget(turn_record* r) {
  r->stop_at.store(nullptr, kRelaxed);
  r->state.store(UNUSED, kRelaxed);
  r->t.store(nullptr, kRelaxed);
}

void join(task* t) {
  turn_record* r = record_of(t);
  r->parked.store(0, kRelaxed);
  while (r->state.load(kRelaxed) != DONE) block(r);
  pthread_join(r->thread, nullptr);
  forget(r);
}

void stall_ns(u64 ns) {
  virtual_ns.fetch_add(ns, kRelaxed);
  schedule_point("yield", kPointYield, 0);
}

constexpr engine_ops kTurnEngine = {
    .task_create = create,
    .task_exit = [](task*) {},
    .task_join = join,
    .schedule_point = schedule_point,
    .block = block,
    .wake = wake,
    .taken = nullptr,
    .synchronize_rcu = nullptr,
    .now_ns = [] { return virtual_ns.fetch_add(1, kRelaxed); },
    .stall_ns = stall_ns,
    .now_ticks = nullptr,
};

// Main waits until the one directed stops or nobody can go on.
void direct(turn_record* target) {
  u32 index = target ? static_cast<u32>(target - records) : kNobody;
  if (target) target->parked.store(0, kRelaxed);
  directed.store(index, kRelaxed);
  directing.store(1, kRelaxed);
  u32 next = preferred();
  if (next == kNobody) next = next_in_background(kMain);
  if (next != kNobody) hand_to(next, kMain);
  directing.store(0, kRelaxed);
  directed.store(kNobody, kRelaxed);
}

void call_and_delete(void* arg) {
  auto* fn = static_cast<std::function<void()>*>(arg);
  (*fn)();
  delete fn;
}

}  // namespace

turn_engine::turn_engine() {
  set_engine(&kTurnEngine);
  lru_sync_hook.store(note_site, kRelaxed);
  new_record(task_adopt("main"));
  lru_armed.fetch_or(ARMED_SYNC, kRelaxed);
}

turn_engine::~turn_engine() {
  lru_armed.fetch_and(~ARMED_SYNC, kRelaxed);
  for (u32 r = kMain + 1; r < kRecords; r++) {
    if (state_of(r) != UNUSED) die("never joined: ", records[r].t.load()->name);
  }
  forget(&records[kMain]);
  task_disown();
  lru_sync_hook.store(nullptr, kRelaxed);
  set_engine(nullptr);
}

task* turn_engine::spawn(const char* name, std::function<void()> fn) {
  spawning.store(1, kRelaxed);
  return task_start(name, call_and_delete,
                    new std::function<void()>(std::move(fn)));
}

task* turn_engine::find(const char* name) {
  for (turn_record& r : records) {
    task* t = r.t.load(kRelaxed);
    if (t && strcmp(t->name, name) == 0) return t;
  }
  die("no such task: ", name);
}

void turn_engine::run_until(task* t, const char* point) {
  turn_record* r = record_of(t);
  r->stop_at.store(point, kRelaxed);
  direct(r);
  if (r->stop_at.load(kRelaxed)) die("never reached: ", point);
}

bool turn_engine::run_until_blocked(task* t) {
  turn_record* r = record_of(t);
  direct(r);
  if (r->state.load(kRelaxed) == DONE) return false;
  r->parked.store(1, kRelaxed);
  return true;
}

void turn_engine::run(task* t) {
  turn_record* r = record_of(t);
  direct(r);
  if (r->state.load(kRelaxed) != DONE) die("cannot end: ", t->name);
  task_join(t);
}

void turn_engine::run_background() { direct(nullptr); }

void turn_engine::unpark(task* t) { record_of(t)->parked.store(0, kRelaxed); }

void turn_engine::let_go(task* t) {
  unpark(t);
  run_background();
}

}  // namespace lru
