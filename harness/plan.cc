#include "harness/plan.h"

#include <algorithm>
#include <bit>

namespace harness {
namespace {

constexpr uint64_t kGolden = 0x9E3779B97F4A7C15;  // 2^64 / golden ratio, odd

// The part of [min, max] us that lies in octave [2^(b-1), 2^b] us (b == 0:
// [0, 1]), drawn uniformly in ns. Octaves are drawn uniformly as well: every
// doubling is as likely as the next, without floating point.
uint64_t LogUniformNs(const Delay& delay, Prng& prng) {
  uint64_t bottom = std::bit_width(delay.min_us);
  uint64_t top = delay.max_us == 0 ? 0 : std::bit_width(delay.max_us - 1);
  top = std::max(top, bottom);
  uint64_t octave = bottom + prng.Below(top - bottom + 1);
  uint64_t low = octave == 0 ? 0 : uint64_t{1} << (octave - 1);
  uint64_t high = uint64_t{1} << octave;
  low = std::max(low, delay.min_us) * 1000;
  high = std::min(high, delay.max_us) * 1000;
  return low + prng.Below(high - low + 1);
}

uint64_t DelayNs(const Delay& delay, Prng& prng) {
  if (delay.distribution == Distribution::kLogUniform) {
    return LogUniformNs(delay, prng);
  }
  uint64_t low = delay.min_us * 1000;
  uint64_t high = delay.max_us * 1000;
  return low + prng.Below(high - low + 1);
}

// The attributes that need no random number.
bool Considered(const Fault& fault, const FaultVisits& visits) {
  if (fault.nth != 0 && visits.visits != fault.nth) return false;
  if (visits.visits <= fault.space) return false;
  if ((visits.visits - fault.space) % fault.interval != 0) return false;
  return fault.times < 0 || visits.fired < fault.times;
}

}  // namespace

uint64_t Mix64(uint64_t x) {
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
  return x ^ (x >> 31);
}

uint64_t Prng::Next() {
  state += kGolden;
  return Mix64(state);
}

uint64_t Prng::Below(uint64_t bound) {
  return static_cast<uint64_t>(
      (static_cast<unsigned __int128>(Next()) * bound) >> 64);
}

uint64_t Fold(uint64_t hash, uint64_t word) {
  return Mix64((hash ^ word) + kGolden);
}

uint64_t HashName(std::string_view name) {
  uint64_t hash = Fold(0, name.size());
  for (char c : name) hash = Fold(hash, static_cast<unsigned char>(c));
  return hash;
}

Decision Decide(uint64_t seed, const Fault& fault, uint32_t index,
                uint64_t task_hash, FaultVisits& visits) {
  ++visits.visits;
  Decision decision;
  if (!Considered(fault, visits)) return decision;
  Prng prng{Fold(Fold(Fold(seed, task_hash), index), visits.visits)};
  if (prng.Below(fault.one_in) != 0) return decision;
  decision.fire = true;
  ++visits.fired;
  if (fault.delay) decision.delay_ns = DelayNs(*fault.delay, prng);
  if (fault.reclaim) decision.draw = prng.Next();
  return decision;
}

}  // namespace harness
