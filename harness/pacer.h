// Keeps actors from starving the teardowns. Teardown is six steps through
// three queues and two grace periods; on few cores, actors that never sleep
// win every time slice, and three equal runs differ by a factor of 1,000.
#ifndef LRUTORTURE_HARNESS_PACER_H_
#define LRUTORTURE_HARNESS_PACER_H_

#include <cstdint>

#include "harness/config.h"

namespace harness {

// One per task, used by that task alone. An actor may run kRunAhead operations
// ahead of the count of finished teardowns; then it sleeps until the next one
// has finished, 1 ms at most, so that a teardown that never ends stalls nobody
// but itself.
class Pacer {
 public:
  static constexpr uint32_t kRunAhead = 220;
  static constexpr uint64_t kWaitNsMax = 1'000'000;

  // Destroyers are the pace. Without any there is none.
  Pacer(const Config& config, const ActorSpec& spec);
  void AfterOperation();

 private:
  bool enabled_;
  uint32_t ahead_ = 0;
  uint64_t teardowns_ = 0;
};

bool HasDestroyers(const Config& config);

}  // namespace harness

#endif  // LRUTORTURE_HARNESS_PACER_H_
