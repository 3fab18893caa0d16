#include "harness/flight_recorder.h"

#include <sys/mman.h>

#include <cstdio>
#include <cstdlib>
#include <new>
#include <type_traits>

#include "harness/event.h"

namespace harness {

namespace detail {
Recorder* the_recorder = nullptr;
}
using detail::the_recorder;

static_assert(offsetof(TaskSlot, task) == 0, "a task* is a TaskSlot*");
static_assert(lru::NR_FAULT_POINTS <= 64, "stages are bits of `reached`");

namespace {

// A slot is used once: what its task did still counts after it has gone.
lru::task* GetTask() {
  uint32_t index = the_recorder->nr_tasks.fetch_add(1, kRelaxed);
  if (index >= lru::kTasksMax) {
    the_recorder->nr_tasks.fetch_sub(1, kRelaxed);
    return nullptr;
  }
  TaskSlot& slot = the_recorder->tasks[index];
  slot.type_index.store(~0u, kRelaxed);
  slot.fp_here.store(~0u, kRelaxed);
  return new (&slot.task) lru::task;
}
void PutTask(lru::task*) {}

constexpr lru::task_source kRecorderSource = {GetTask, PutTask};

void Bump(std::atomic<uint64_t>& own) {
  own.store(own.load(kRelaxed) + 1, kRelaxed);
}

bool Frozen() {
  return the_recorder == nullptr || the_recorder->freeze.load(kRelaxed) != 0;
}

// What calls an engine's clock is apart and last, so that BeginOperation() and
// EndOperation() keep nothing for it.
[[gnu::noinline]] void StartNow(TaskSlot& slot) {
  slot.op_started_ticks.store(lru::now_ticks(), kRelaxed);
}

void EndAt(TaskSlot& slot, const Operation& op, int32_t result, uint64_t now) {
  uint64_t began = slot.op_started_ticks.load(kRelaxed);
  uint64_t ticks = began && now > began ? now - began : 0;
  uint32_t duration = ticks > ~0u ? ~0u : static_cast<uint32_t>(ticks);
  WriteEvent(slot, now, op, result, duration);
  int verb = static_cast<int>(op.verb);
  slot.latency[verb].AddOwn(ticks);
  Bump(slot.operations[verb]);
  Bump(slot.progress);
  slot.op_started_ticks.store(0, kRelaxed);
  slot.op_ended_ticks = now;
}

[[gnu::noinline]] void EndByEngine(TaskSlot& slot, const Operation& op,
                                   int32_t result) {
  EndAt(slot, op, result, lru::now_ticks());
}

}  // namespace

Recorder* MapRecorder() {
  if (the_recorder) UnmapRecorder();
  void* memory = mmap(nullptr, sizeof(Recorder), PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) {
    perror("lrutorture: cannot map the flight recorder");
    exit(4);
  }
  // All zero is a valid Recorder; tasks are constructed as they are handed out.
  the_recorder = static_cast<Recorder*>(memory);
  the_recorder->ticks_per_ns = lru::ticks_per_ns();
  return the_recorder;
}

void EnterPhase(Phase phase) {
  the_recorder->phase.store(static_cast<uint32_t>(phase), kRelaxed);
}

void UnmapRecorder() {
  if (!the_recorder) return;
  Recorder* unmapped = the_recorder;
  the_recorder = nullptr;  // first: a signal may come in between
  munmap(unmapped, sizeof(Recorder));
}

void UseRecorderTasks() { lru::set_task_source(&kRecorderSource); }

void BeginOperation(const Operation& op) {
  TaskSlot* slot = CurrentSlot();
  if (!slot || Frozen()) return;
  // What the one before has left under way is over.
  slot->tracks = 0;
  StoreOperation(slot->op_words, op);
  uint64_t ended = slot->op_ended_ticks;
  if (!ended) [[unlikely]]
    return StartNow(*slot);
  slot->op_started_ticks.store(ended, kRelaxed);
}

void NoteSleep() {
  if (TaskSlot* slot = CurrentSlot()) slot->op_ended_ticks = 0;
}

void RefineOperation(const Operation& op) {
  TaskSlot* slot = CurrentSlot();
  if (!slot || Frozen()) return;
  StoreOperation(slot->op_words, op);
}

void EndOperation(const Operation& op, int32_t result) {
  TaskSlot* slot = CurrentSlot();
  if (!slot || Frozen()) return;
  if (lru::engine()) [[unlikely]]
    return EndByEngine(*slot, op, result);
  EndAt(*slot, op, result, lru::now_ticks());
}

void RecordFault(lru::fault_point fp, uint32_t fault) {
  TaskSlot* slot = CurrentSlot();
  if (!slot || Frozen()) return;
  Operation op;
  op.verb = Verb::k_fault;
  op.object = fp;
  WriteEvent(*slot, lru::now_ticks(), op, static_cast<int32_t>(fault), 0);
}

}  // namespace harness
