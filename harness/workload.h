// What the harness tortures: implemented by workloads/, handed to Main().
// The harness knows no list_lru; it knows actors that step, a quiet phase that
// must converge, totals that must be right, and a teardown that leaves nothing.
#ifndef LRUTORTURE_HARNESS_WORKLOAD_H_
#define LRUTORTURE_HARNESS_WORKLOAD_H_

#include <memory>
#include <string>

#include "harness/config.h"
#include "harness/plan.h"

namespace harness {

// One task's share of the torture. Step() performs one operation and returns;
// all calls come from that task.
class Actor {
 public:
  virtual ~Actor() = default;
  virtual void Step(Prng& prng) = 0;
  // Called once by the same task after the last Step: give back what is held.
  virtual void Stop() {}
};

class Workload {
 public:
  virtual ~Workload() = default;
  // The calls below come in this order, from the main task of the torture
  // process. Names in the config are valid.
  virtual void Setup(const Config& config, uint64_t seed) = 0;
  virtual std::unique_ptr<Actor> MakeActor(const ActorSpec& spec,
                                           uint32_t index) = 0;
  // Actors are at work, and have been for Config::busted_after_ms: from here on
  // the control acts. Not called when that is 0: then it does from Setup on.
  virtual void Bust() {}
  // Memory is short: runs a shrinker on behalf of an allocation of the calling
  // task, one of the actors'. Draws from that Prng alone.
  virtual void Reclaim(Prng&) {}
  // Actors have stopped, faults are off. True when every teardown in flight
  // has ended; called again and again until then.
  virtual bool Quiesce() = 0;
  // Compares everything that must now be exact; reports what is not.
  virtual void CheckTotals() = 0;
  // Destroys all there is and reports what stays behind.
  virtual void Teardown() = 0;
};

// Oracles listen at points, before any fault of the plan acts there: at most
// kObserversMax each, registered in Setup. Same rules as for hooks.
using Observer = void (*)(lru::fault_point fp, const lru::fault_site& site);
inline constexpr int kObserversMax = 8;
void Observe(lru::fault_point fp, Observer observer);
// Called when a fault has made an allocation fail there; one in all.
void ObserveErrors(Observer observer);

// Everything the command line does. Returns the exit code.
int Main(int argc, char** argv, Workload& workload);

}  // namespace harness

#endif  // LRUTORTURE_HARNESS_WORKLOAD_H_
