// Window coverage, the cold half: which pairs of a teardown stage and an
// operation a run can bring about, which of them it has, and what to change to
// hit the others.
//
// All of it is derived from what the lru publishes (stages, grace periods, what
// is held at a point, how an operation comes by its memcg) and from the actors
// of the config:
//   reachable  some fault can hold the operation or the stage so that they meet
//   unforced   legal, but only in a gap where no fault point lies, or no actor
//              does it: counted, not demanded
//   excluded   cannot be on a correct lru: a hit means that the table is wrong,
//              or the lru
#ifndef LRUTORTURE_HARNESS_COVERAGE_H_
#define LRUTORTURE_HARNESS_COVERAGE_H_

#include <string>
#include <vector>

#include "harness/config.h"
#include "harness/flight_recorder.h"

namespace harness {

enum class CellStatus { kReachable, kUnforced, kExcluded };

struct Cell {
  lru::fault_point stage;
  int operation;  // of LruInfo::operations
  CellOrder order;
  CellStatus status;
  std::string reason;  // why it is not reachable
  uint64_t hits = 0;
};
// In order of stages, operations, orders. What is but a moment has no
// op_first.
std::vector<Cell> CellsOf(const LruInfo& lru, const Config& config);
// The same with the hits of a run; empty for a lru that publishes nothing.
std::vector<Cell> CellsOf(const Recorder& r, const Config& config);

// "lists_drained during add", "add begun after lists_drained"
std::string CellText(const LruInfo& lru, const Cell& cell);
// A fault that makes its two sides meet, as JSON text.
std::string FaultFor(const LruInfo& lru, const Cell& cell);

// What require.coverage is short of, with what to change; "" when it is met.
std::string CoverageUnmet(const Recorder& r, const Config& config);
// The first excluded cell that was hit, in a sentence; "" when there is none.
// A busted lru may hit them: nothing is said of it.
std::string ImpossibleHit(const Recorder& r, const Config& config);

uint64_t NearMissesOf(const Recorder& r, NearMiss kind);

}  // namespace harness

#endif  // LRUTORTURE_HARNESS_COVERAGE_H_
