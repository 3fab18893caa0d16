// lock_order: locks are taken in one order, whoever takes them. What lockdep
// does for the kernel: a graph of lock classes, in which taking B while holding
// A is an edge from A to B. A cycle is a deadlock that only waits for its
// moment; it is reported when its last edge comes, not when it bites.
//
// A class is a lock's name, so that all nlru->lock are one. Two locks of one
// class at a time are a cycle by themselves, unless the second is taken by
// spin_lock_nested(): a class of its own (memcg-lock's reparent, child before
// parent). A trylock never waits: it is no edge, but what is taken while its
// lock is held is. Nothing here depends on the lru: each has its own graph.
//
// And a mutex is not taken with interrupts off, in a read section, nor, which
// is one, under a spinlock: who sleeps there holds up every grace period, and
// waits for ever for a holder that waits for one ("invalid wait context").
//
// And a lock that interrupts take as well, those of an lru that is irq_safe, is
// never held with interrupts on: an interrupt that came then would wait for the
// task that it stands on.
//
// And a lock is let go by the task that holds it: by another, or once more, it
// is taken from whoever holds it then.
#include <cstring>

#include "harness/flight_recorder.h"
#include "lru/sync/spinlock.h"
#include "workloads/registry.h"

namespace workloads::lock_order_oracle {
namespace {

using harness::kRelaxed;
constexpr int kNames = 32;  // more are not judged
constexpr int kClasses = 2 * kNames;

// Literals, in the order they were met; a class is an index, twice, and
// whether it is nested.
std::atomic<const char*> names[kNames];
std::atomic<uint64_t> taken_under[kClasses];  // edges: bit of the one taken
std::atomic<uint32_t> reported;
static_assert(kClasses <= 64, "one bit per class");

int NameIndex(const char* name) {
  for (int i = 0; i < kNames; i++) {
    const char* there = names[i].load(kRelaxed);
    if (!there && names[i].compare_exchange_strong(there, name, kRelaxed)) {
      return i;
    }
    if (there == name || strcmp(there, name) == 0) return i;
  }
  return -1;
}

int ClassOf(const char* name, uint32_t subclass) {
  int index = name ? NameIndex(name) : -1;
  return index < 0 ? -1 : 2 * index + (subclass != 0);
}

const char* NameOf(int lock_class) {
  return names[lock_class / 2].load(kRelaxed);
}

// The classes on a way from `from` to `to`, both included; 0: there is none.
int FindWay(int from, int to, int (&way)[kClasses]) {
  int before[kClasses];  // breadth first: the shortest way
  uint64_t seen = uint64_t{1} << from;
  int queue[kClasses] = {from};
  for (int at = 0, end = 1; at < end; at++) {
    int here = queue[at];
    if (here == to) {
      int length = 0, reverse[kClasses];
      for (int c = to; c != from; c = before[c]) reverse[length++] = c;
      reverse[length++] = from;
      for (int i = 0; i < length; i++) way[i] = reverse[length - 1 - i];
      return length;
    }
    uint64_t next = taken_under[here].load(kRelaxed) & ~seen;
    seen |= next;
    for (; next; next &= next - 1) {
      int c = __builtin_ctzll(next);
      before[c] = here;
      queue[end++] = c;
    }
  }
  return 0;
}

// "a, then b, then c"
struct Text {
  char text[256] = {};
  size_t length = 0;
  void Append(const char* part) {
    while (*part && length + 1 < sizeof(text)) text[length++] = *part++;
  }
};

Text OrderOf(const int (&way)[kClasses], int length) {
  Text text;
  for (int i = 0; i < length; i++) {
    if (i) text.Append(", then ");
    text.Append(NameOf(way[i]));
    if (way[i] % 2) text.Append(" (nested)");
  }
  return text;
}

void Report(const lru::lock_ref& held, const lru::lock_base& taken,
            const int (&way)[kClasses], int length) {
  reported.store(1, kRelaxed);
  const char* who = lru::current_task()->name;
  uint32_t held_serial = held.serial.load(kRelaxed);
  const char* held_name = held.name.load(kRelaxed);
  if (length == 1) {
    bool same = held.lock.load(kRelaxed) == &taken;
    harness::ReportViolation(
        {.invariant = "lock_order", .what = held_name, .other = taken.name},
        "%s takes %s %u while it holds %s %u: %s", who, taken.name,
        taken.serial, same ? "the same" : held_name, held_serial,
        same ? "it waits for itself"
             : "of two tasks that do so the other way round, each waits for "
               "the other");
    return;
  }
  // Whichever edge came last.
  bool sorted = strcmp(held_name, taken.name) < 0;
  harness::ReportViolation(
      {.invariant = "lock_order",
       .what = sorted ? held_name : taken.name,
       .other = sorted ? taken.name : held_name},
      "%s takes %s %u while it holds %s %u, but elsewhere the order is %s: "
      "tasks that do both can wait for each other for ever",
      who, taken.name, taken.serial, held_name, held_serial,
      OrderOf(way, length).text);
}

void NoteEdge(const lru::lock_ref& held, const lru::lock_base& taken, int to) {
  int from = ClassOf(held.name.load(kRelaxed), held.subclass.load(kRelaxed));
  if (from < 0) return;
  uint64_t bit = uint64_t{1} << to;
  if (taken_under[from].load(kRelaxed) & bit) return;
  if (taken_under[from].fetch_or(bit, kRelaxed) & bit) return;
  int way[kClasses];
  if (int length = FindWay(to, from, way)) Report(held, taken, way, length);
}

void CheckContext(const lru::lock_base& taken, const lru::task& task) {
  bool reads = task.rcu_nesting.load(kRelaxed) != 0;
  if (!taken.sleeps || (!reads && !task.irqs_off)) return;
  if (reported.exchange(1, kRelaxed)) return;
  uint32_t nr = task.nr_held.load(kRelaxed);
  const char* api = task.api.load(kRelaxed);
  harness::ReportViolation(
      {.invariant = "lock_order",
       .what = taken.name,
       .other = reads ? "read section" : "interrupts off"},
      "%s takes %s%s%s, which may sleep, %s%s%s", task.name, taken.name,
      api ? " in " : "", api ? api : "",
      reads ? "in a read section" : "with interrupts off",
      nr && nr <= lru::kTaskLocksMax ? " with the last lock taken being " : "",
      nr && nr <= lru::kTaskLocksMax ? task.held[nr - 1].name.load(kRelaxed)
                                     : "");
}

void OnTaken(const lru::lock_base* taken, uint32_t subclass) {
  CheckContext(*taken, *lru::current_task());
  int to = ClassOf(taken->name, subclass);
  if (to < 0) return;
  const lru::task* task = lru::current_task();
  uint32_t nr = task->nr_held.load(kRelaxed);
  for (uint32_t i = 0; i < nr && i < lru::kTaskLocksMax; i++) {
    NoteEdge(task->held[i], *taken, to);
  }
}

void OnIrqsOn(const lru::lock_base* held) {
  const lru::task* task = lru::current_task();
  const char* api = task->api.load(kRelaxed);
  harness::ReportViolation(
      {.invariant = "lock_order", .what = held->name, .other = "interrupts on"},
      "%s holds %s %u in %s with interrupts on; one that takes it as well "
      "would wait for ever",
      task->name, held->name, held->serial, api ? api : "no call");
}

void OnBadUnlock(const lru::lock_base* released) {
  const lru::task* task = lru::current_task();
  const char* api = task->api.load(kRelaxed);
  harness::ReportInvariant(
      "lock_order", 0,
      "%s unlocks %s %u in %s, but does not hold it: whoever does is no longer "
      "alone",
      task->name, released->name, released->serial, api ? api : "no call");
}

void Start(World&) {
  for (auto& name : names) name.store(nullptr, kRelaxed);
  for (auto& edges : taken_under) edges.store(0, kRelaxed);
  reported.store(0, kRelaxed);
  lru::lru_lock_order_hook.store(OnTaken, kRelaxed);
  lru::lru_irqs_on_hook.store(OnIrqsOn, kRelaxed);
  lru::lru_bad_unlock_hook.store(OnBadUnlock, kRelaxed);
}

// Two tasks that closed a cycle at the same moment may have missed each
// other's edge.
void CheckTotals(World&) {
  if (reported.load(kRelaxed)) return;
  for (int from = 0; from < kClasses; from++) {
    uint64_t edges = taken_under[from].load(kRelaxed);
    for (; edges; edges &= edges - 1) {
      int way[kClasses];
      int length = FindWay(__builtin_ctzll(edges), from, way);
      if (length == 0) continue;
      harness::ReportInvariant(
          "lock_order", 0,
          "locks are taken in a circle: %s, then again %s; tasks that meet "
          "there can wait for each other for ever",
          OrderOf(way, length).text, NameOf(way[0]));
      return;
    }
  }
}

void AfterTeardown() {
  lru::lru_lock_order_hook.store(nullptr, kRelaxed);
  lru::lru_irqs_on_hook.store(nullptr, kRelaxed);
  lru::lru_bad_unlock_hook.store(nullptr, kRelaxed);
}

LRUTORTURE_REGISTER(RegisterOracle(
    {{"lock_order", "",
      "All tasks take their locks in one order: whoever holds one lock takes "
      "no other that is ever held when the first is taken; nobody takes a "
      "mutex in a read section or with interrupts off, holds a lock that "
      "interrupts take with "
      "interrupts on, or lets go what he does not hold."}},
    {.start = Start,
     .check_totals = CheckTotals,
     .after_teardown = AfterTeardown}));

}  // namespace
}  // namespace workloads::lock_order_oracle
