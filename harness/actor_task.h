// One actor as a task of its own: waits at the start barrier, steps until the
// run stops, gives back what it holds.
#ifndef LRUTORTURE_HARNESS_ACTOR_TASK_H_
#define LRUTORTURE_HARNESS_ACTOR_TASK_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "harness/config.h"
#include "harness/pacer.h"
#include "harness/plan.h"
#include "harness/workload.h"

namespace harness {

struct ActorTask {
  std::string name;  // "adder-0"
  const ActorSpec* spec = nullptr;
  uint32_t type_index = 0;  // of Config::actors
  std::unique_ptr<Actor> actor;
  Prng prng{0};
  std::unique_ptr<Pacer> pacer;  // null: it goes as fast as it is let
  uint64_t operations_max = ~uint64_t{0};
  const std::atomic<uint32_t>* go = nullptr;  // the start barrier
  std::atomic<uint32_t> done = 0;             // has nothing more to do
  lru::task* task = nullptr;
};

// All actors of a config, in its order.
class ActorTasks {
 public:
  ActorTasks(const Config& config, uint64_t seed, Workload& workload);
  // Starts the tasks; they wait for Go().
  void Start();
  void Go();
  // Waits until every actor has returned.
  void JoinAll();
  // The same, but gives up 200 ms after a finding has
  // been latched, since an actor may be caught in a list that is broken: false.
  bool Join();

 private:
  bool AllDone() const;

  std::vector<std::unique_ptr<ActorTask>> tasks_;
  std::atomic<uint32_t> go_ = 0;
};

}  // namespace harness

#endif  // LRUTORTURE_HARNESS_ACTOR_TASK_H_
