// The walker: walks one list, a node, or all nodes, and walks as a shrinker's
// scan does, with every lru_status and a private list that it keeps for a
// while: whoever owns what is on it has to wait (L1).
#include "workloads/actors/list_calls.h"
#include "workloads/registry.h"

namespace workloads::walker_actor {
namespace {

class Walker : public harness::Actor {
 public:
  explicit Walker(World& world) : calls_(world) {}

  void Step(harness::Prng& prng) override {
    notes_.prng = args_.prng = &prng;
    lru::current_task()->user = &notes_;
    calls_.Dispose(args_);  // of the walk before
    Lists lists = calls_.Draw(prng);
    switch (prng.Below(4)) {
      case 0:
        calls_.WalkOne(lists, args_);
        break;
      case 1:
        calls_.WalkNode(lists, args_);
        break;
      case 2:
        calls_.Walk(lists, args_);
        break;
      case 3:
        calls_.ShrinkWalk(lists, args_);
        break;
    }
    lru::mem_cgroup_put(lists.memcg);
  }

  void Stop() override { calls_.Dispose(args_); }

 private:
  ListCalls calls_;
  WalkArgs args_{.prng = nullptr};
  TaskNotes notes_;
};

LRUTORTURE_REGISTER(RegisterActor(
    {"walker",
     "walks: walk_one, walk_node, walk and shrink_walk with every lru_status",
     {"walk"}},
    [](World& world,
       const harness::ActorSpec&) -> std::unique_ptr<harness::Actor> {
      return std::make_unique<Walker>(world);
    }));

}  // namespace
}  // namespace workloads::walker_actor
