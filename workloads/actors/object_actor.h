// What adder and deleter share: drawing objects, and adding, deleting, freeing
// them by the rules of object.h. Not an actor of its own.
#ifndef LRUTORTURE_WORKLOADS_ACTORS_OBJECT_ACTOR_H_
#define LRUTORTURE_WORKLOADS_ACTORS_OBJECT_ACTOR_H_

#include "harness/flight_recorder.h"
#include "harness/workload.h"
#include "workloads/world.h"

namespace workloads {

class ObjectActor : public harness::Actor {
 public:
  ObjectActor(World& world, const harness::ActorSpec& spec);
  void Step(harness::Prng& prng) override;

 protected:
  // One in so many operations recycles, adds, deletes: weights, sum 16.
  struct Mix {
    uint64_t recycle;
    uint64_t add;
  };
  virtual Mix mix() const = 0;

 private:
  void StepShared(harness::Prng& prng);
  void StepOwn(harness::Prng& prng);
  Object* Charge(harness::Prng& prng);
  void AddOne(harness::Prng& prng, Object* object);
  void DelOne(harness::Prng& prng, Object* object);
  bool RetireOwn(Object* object);

  World& world_;
  harness::Objects objects_;
  std::vector<Object*>& own_;
  TaskNotes notes_;
};

}  // namespace workloads

#endif  // LRUTORTURE_WORKLOADS_ACTORS_OBJECT_ACTOR_H_
