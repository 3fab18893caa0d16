// How an operation is packed into the words of an event, and back.
#ifndef LRUTORTURE_HARNESS_EVENT_H_
#define LRUTORTURE_HARNESS_EVENT_H_

#include <cstdint>

#include "harness/flight_recorder.h"

namespace harness {

// Two words; bits 56 and up of the second are free.
struct PackedOperation {
  uint64_t words[2];
};
PackedOperation Pack(const Operation& op);
Operation Unpack(const PackedOperation& packed);

// Appends to the calling task's ring, which only that task writes.
void WriteEvent(TaskSlot& slot, uint64_t ticks, const PackedOperation& op,
                int32_t what, uint32_t duration_ticks);

}  // namespace harness

#endif  // LRUTORTURE_HARNESS_EVENT_H_
