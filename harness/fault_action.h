// What a fault does to the task that meets it: it waits, by time or for an
// event. Every wait is bounded and ends early when the run stops.
#ifndef LRUTORTURE_HARNESS_FAULT_ACTION_H_
#define LRUTORTURE_HARNESS_FAULT_ACTION_H_

#include <cstdint>

#include "harness/config.h"
#include "lru/fault_points.h"

namespace harness {

// Ends early, by a millisecond at most too late, when the run stops.
void SleepUnlessStopping(uint64_t ns);

// `may_sleep`: nothing is held at the point that forbids it.
void ActDelay(uint64_t delay_ns, DelayHow how, bool may_sleep);

// Waits until memcg `serial` has reached hold.at (a stage), or until anybody
// visits that point when there is no serial or it is no stage. Returns false
// when the time was over first.
bool ActHold(const HoldUntil& hold, uint32_t serial, bool may_sleep);

}  // namespace harness

#endif  // LRUTORTURE_HARNESS_FAULT_ACTION_H_
