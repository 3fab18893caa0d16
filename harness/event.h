// How an operation is written down, and an event of it.
#ifndef LRUTORTURE_HARNESS_EVENT_H_
#define LRUTORTURE_HARNESS_EVENT_H_

#include <cstdint>

#include "harness/flight_recorder.h"

namespace harness {

void StoreOperation(OperationWords& words, const Operation& op);
Operation LoadOperation(const OperationWords& words);

// Appends to the calling task's ring, which only that task writes.
void WriteEvent(TaskSlot& slot, uint64_t ticks, const Operation& op,
                int32_t what, uint32_t duration_ticks);

}  // namespace harness

#endif  // LRUTORTURE_HARNESS_EVENT_H_
