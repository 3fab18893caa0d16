// The adder: mostly charges objects to memcgs and adds them to lists.
#include "workloads/actors/object_actor.h"
#include "workloads/registry.h"

namespace workloads::adder_actor {
namespace {

class Adder : public ObjectActor {
 public:
  using ObjectActor::ObjectActor;

 protected:
  Mix mix() const override { return {.recycle = 4, .add = 10}; }
};

LRUTORTURE_REGISTER(RegisterActor(
    {"adder",
     "charges objects to memcgs and adds them; some deletes",
     {"lookup", "add", "del", "alloc"}},
    [](World& world,
       const harness::ActorSpec& spec) -> std::unique_ptr<harness::Actor> {
      return std::make_unique<Adder>(world, spec);
    }));

}  // namespace
}  // namespace workloads::adder_actor
