// Window coverage, the hot half: which operation met which stage of the
// teardown of its memcg, counted while they run.
//
// An operation is under way from its first point that names the memcg to its
// last, as the lru publishes them (lru::operation_info). It has met a stage
// when the stage came in between (the operation came first), or was the newest
// one when the operation began (the stage came first). Stages of a list count
// for the operations on that list.
//
// Task-local data and relaxed atomics only. What came is read from the memcg's
// slot: a stage that is seen late is counted late, never too early.
#ifndef LRUTORTURE_HARNESS_WINDOW_H_
#define LRUTORTURE_HARNESS_WINDOW_H_

#include "harness/catalog.h"
#include "harness/flight_recorder.h"

namespace harness {

constexpr uint64_t Bit(lru::fault_point fp) { return uint64_t{1} << fp; }

// Makes the tables for the points of this lru; null: nothing is counted. Call
// before any task exists.
void CompileWindows(const LruInfo* lru);
// Whether some operation begins or goes on at this point.
bool IsStep(lru::fault_point fp);
// `task`, which calls, has come to a step. `may_be_dying`: MayBeDying(site).
void NoteStep(lru::fault_point fp, const lru::fault_site& site, TaskSlot& task,
              bool may_be_dying);
// The teardown has: the last use lies so far back.
void NoteFree(const MemcgSlot& memcg, uint64_t now_ticks);

}  // namespace harness

#endif  // LRUTORTURE_HARNESS_WINDOW_H_
