// What the actors that own objects share: charging, adding, deleting, freeing
// them by the rules of object.h, each as an operation on record. Not actors of
// their own.
#ifndef LRUTORTURE_WORKLOADS_ACTORS_OBJECT_ACTOR_H_
#define LRUTORTURE_WORKLOADS_ACTORS_OBJECT_ACTOR_H_

#include "harness/flight_recorder.h"
#include "harness/workload.h"
#include "workloads/world.h"

namespace workloads {

class ObjectOwner : public harness::Actor {
 protected:
  explicit ObjectOwner(World& world);

  World& world() { return world_; }
  // Places of its own objects; null where there is none.
  std::vector<Object*>& own() { return own_; }
  // First of all in a step.
  void TakeNotes(harness::Prng& prng);

  Object* Charge(uint32_t memcg_index, uint32_t lru_index, int nid);
  // The object's own, or one under RCU; by object or by a memcg looked up.
  void AddOne(harness::Prng& prng, Object* object);
  void DelOne(harness::Prng& prng, Object* object);
  // By a memcg that may be used for it: see WorkloadOps::add_to.
  void AddTo(Object* object, lru::mem_cgroup* memcg);
  void DelFrom(Object* object, lru::mem_cgroup* memcg);
  // Runs change() on an own object that is not on somebody's private list.
  template <class F>
  void WithOwn(Object* object, F change);
  // False: it is on somebody's private list.
  bool RetireOwn(Object* object);

 private:
  bool LocksItself(harness::Prng& prng);
  template <class F>
  void Change(harness::Verb verb, Object* object, F call);

  World& world_;
  std::vector<Object*>& own_;
  TaskNotes notes_;
};

template <class F>
void ObjectOwner::WithOwn(Object* object, F change) {
  if (!object->guarded) return change();
  // By name: g++ would say WithOwn<...>.
  lru::spin_guard guard(&object->lock, "WithOwn");
  if (!object->disposing) change();  // (L1)
}

// Adder and deleter: a mix of changes to own and shared objects.
class ObjectActor : public ObjectOwner {
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
  Object* ChargeAnywhere(harness::Prng& prng);

  harness::Objects objects_;
};

}  // namespace workloads

#endif  // LRUTORTURE_WORKLOADS_ACTORS_OBJECT_ACTOR_H_
