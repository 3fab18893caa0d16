#include "harness/fault_action.h"

#include <algorithm>

#include "harness/flight_recorder.h"

namespace harness {
namespace {

// So long a sleep hears of the stop only afterwards.
constexpr uint64_t kSleepChunkNs = 1'000'000;
// A hold spins for so long before it gives its processor away.
constexpr uint64_t kHoldSpinNs = 5'000;
constexpr uint64_t kHoldSleepNs = 20'000;

template <class Relax>
void BusyWait(uint64_t ns, Relax relax) {
  const double ticks = static_cast<double>(ns) * recorder()->ticks_per_ns;
  const uint64_t end = lru::now_ticks() + static_cast<uint64_t>(ticks);
  while (lru::now_ticks() < end && !Stopping()) relax();
}

bool IsStage(lru::fault_point fp) {
  lru::fp_path path = lru::fault_point_at(fp).path;
  return path == lru::fp_path::MEMCG || path == lru::fp_path::LIST;
}

// What a hold waits for, as two loads.
class Awaited {
 public:
  Awaited(lru::fault_point at, uint32_t serial)
      : at_(at),
        serial_(IsStage(at) ? serial : 0),
        visits_(recorder()->point_visits[at].load(kRelaxed)) {}

  bool Happened() const {
    const Recorder& r = *recorder();
    if (!serial_) return r.point_visits[at_].load(kRelaxed) != visits_;
    const MemcgSlot& slot = r.memcgs[serial_ % kMemcgSlots];
    uint32_t now = slot.serial.load(kRelaxed);
    if (now > serial_) return true;  // long gone: its slot has been reused
    return now == serial_ && (slot.reached.load(kRelaxed) >> at_ & 1);
  }

 private:
  lru::fault_point at_;
  uint32_t serial_;
  uint64_t visits_;
};

}  // namespace

void SleepUnlessStopping(uint64_t ns) {
  while (ns > 0 && !Stopping()) {
    uint64_t chunk = std::min(ns, kSleepChunkNs);
    lru::sleep_ns(chunk);
    ns -= chunk;
  }
}

void ActDelay(uint64_t delay_ns, DelayHow how, bool may_sleep) {
  if (how == DelayHow::kAuto || (how == DelayHow::kSleep && !may_sleep)) {
    how = may_sleep ? DelayHow::kSleep : DelayHow::kSpin;
  }
  switch (how) {
    case DelayHow::kAuto:
    case DelayHow::kSleep:
      return SleepUnlessStopping(delay_ns);
    case DelayHow::kSpin:
      return BusyWait(delay_ns, lru::cpu_relax);
    case DelayHow::kYield:
      return BusyWait(delay_ns, lru::task_yield);
  }
}

bool ActHold(const HoldUntil& hold, uint32_t serial, bool may_sleep) {
  const Awaited awaited(hold.at, serial);
  const double ticks_per_us = recorder()->ticks_per_ns * 1000;
  const uint64_t began = lru::now_ticks();
  const auto limit = static_cast<uint64_t>(
      static_cast<double>(hold.timeout_us) * ticks_per_us);
  const auto spin =
      static_cast<uint64_t>(kHoldSpinNs * recorder()->ticks_per_ns);
  while (!awaited.Happened()) {
    uint64_t waited = lru::now_ticks() - began;
    if (waited > limit) return false;
    if (Stopping()) return true;
    if (waited < spin) {
      lru::cpu_relax();
    } else if (may_sleep) {
      lru::sleep_ns(kHoldSleepNs);
    } else {
      lru::task_yield();
    }
  }
  return true;
}

}  // namespace harness
