#include "harness/pacer.h"

#include <algorithm>

#include "harness/flight_recorder.h"

namespace harness {
namespace {
constexpr char kDestroyer[] = "destroyer";
constexpr uint64_t kNapNs = 100'000;
}  // namespace

bool HasDestroyers(const Config& config) {
  return std::any_of(
      config.actors.begin(), config.actors.end(),
      [](const ActorSpec& spec) { return spec.type == kDestroyer; });
}

Pacer::Pacer(const Config& config, const ActorSpec& spec)
    : enabled_(spec.type != kDestroyer && HasDestroyers(config)) {}

void Pacer::AfterOperation() {
  if (!enabled_ || ++ahead_ < kRunAhead) return;
  const Recorder& r = *recorder();
  uint64_t waited = 0;
  uint64_t now = r.teardowns.load(std::memory_order_relaxed);
  while (now == teardowns_ && waited < kWaitNsMax &&
         !r.stop.load(std::memory_order_relaxed)) {
    lru::sleep_ns(kNapNs);
    waited += kNapNs;
    now = r.teardowns.load(std::memory_order_relaxed);
  }
  if (waited) NoteSleep();
  teardowns_ = now;
  ahead_ = 0;
}

}  // namespace harness
