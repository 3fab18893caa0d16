// The counter: asks how many items there are, in every way that does not take
// the lock, and judges the answers.
#include "workloads/actors/list_calls.h"
#include "workloads/registry.h"

namespace workloads::counter_actor {
namespace {

class Counter : public harness::Actor {
 public:
  explicit Counter(World& world) : calls_(world) {}

  void Step(harness::Prng& prng) override {
    notes_.prng = &prng;
    lru::current_task()->user = &notes_;
    Lists lists = calls_.Draw(prng);
    switch (prng.Below(4)) {
      case 0:
        calls_.CountOne(lists);
        break;
      case 1:
        calls_.CountNode(lists);
        break;
      case 2:
        calls_.Count(lists);
        break;
      case 3:
        calls_.ShrinkCount(lists);
        break;
    }
    lru::mem_cgroup_put(lists.memcg);
  }

 private:
  ListCalls calls_;
  TaskNotes notes_;
};

LRUTORTURE_REGISTER(RegisterActor(
    {"counter",
     "counts: count_one, count_node, count and shrink_count",
     {"count"}},
    [](World& world,
       const harness::ActorSpec&) -> std::unique_ptr<harness::Actor> {
      return std::make_unique<Counter>(world);
    }));

}  // namespace
}  // namespace workloads::counter_actor
