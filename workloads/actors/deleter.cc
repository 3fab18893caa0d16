// The deleter: mostly deletes, by object or by a memcg it looked up itself.
#include "workloads/actors/object_actor.h"
#include "workloads/registry.h"

namespace workloads::deleter_actor {
namespace {

class Deleter : public ObjectActor {
 public:
  using ObjectActor::ObjectActor;

 protected:
  Mix mix() const override { return {.recycle = 1, .add = 5}; }
};

LRUTORTURE_REGISTER(RegisterActor(
    {"deleter",
     "deletes objects from lists; some adds",
     {"lookup", "add", "del", "alloc"}},
    [](World& world,
       const harness::ActorSpec& spec) -> std::unique_ptr<harness::Actor> {
      return std::make_unique<Deleter>(world, spec);
    }));

}  // namespace
}  // namespace workloads::deleter_actor
