// The shrinker: reclaims as memory pressure would, for one memcg or globally,
// through shrink_slab() and through walks of its own.
#include "harness/flight_recorder.h"
#include "workloads/registry.h"

namespace workloads {
namespace {

class Shrinker : public harness::Actor {
 public:
  explicit Shrinker(World& world) : world_(world) {}

  void Step(harness::Prng& prng) override {
    notes_.prng = &prng;
    lru::current_task()->user = &notes_;
    int nid = static_cast<int>(prng.Below(world_.nids()));
    auto lru = static_cast<uint32_t>(prng.Below(world_.nr_lrus()));
    lru::mem_cgroup* memcg = prng.Below(8) == 0
                                 ? nullptr
                                 : world_.GetMemcg(static_cast<uint32_t>(
                                       prng.Below(world_.nr_memcgs())));
    harness::Operation op{
        .memcg = memcg ? lru::serial_of(memcg) : 0, .lru = lru + 1, .nid = nid};
    switch (prng.Below(5)) {
      case 0:
      case 1:
        ShrinkSlab(op, memcg, static_cast<int>(prng.Below(6)));
        break;
      case 2:
        WalkOne(op, memcg, prng);
        break;
      case 3:
        WalkNode(op, prng);
        break;
      case 4:
        ShrinkTree(op, static_cast<int>(prng.Below(6)));
        break;
    }
    lru::mem_cgroup_put(memcg);
  }

 private:
  void ShrinkSlab(harness::Operation op, lru::mem_cgroup* memcg, int priority) {
    op.verb = harness::Verb::k_shrink_slab;
    op.lru = 0;
    harness::BeginOperation(op);
    unsigned long freed = lru::shrink_slab(op.nid, memcg, priority);
    harness::EndOperation(op, static_cast<int32_t>(freed));
  }

  // As kswapd and zswap's shrink_worker(): every memcg of the tree in turn,
  // dying ones passed over.
  void ShrinkTree(const harness::Operation& op, int priority) {
    lru::mem_cgroup* memcg = nullptr;
    while ((memcg = lru::mem_cgroup_iter(lru::root_mem_cgroup, memcg))) {
      if (!lru::css_tryget_online(&memcg->css)) continue;
      harness::Operation one = op;
      one.memcg = lru::serial_of(memcg);
      ShrinkSlab(one, memcg, priority);
      lru::mem_cgroup_put(memcg);
    }
  }

  void WalkOne(harness::Operation op, lru::mem_cgroup* memcg,
               harness::Prng& prng) {
    op.verb = harness::Verb::k_walk_one;
    WalkArgs args{.prng = &prng};
    unsigned long nr_to_walk = 1 + prng.Below(16);
    harness::BeginOperation(op);
    unsigned long removed = world_.lru_ops().list_lru_walk_one(
        world_.lru(op.lru - 1), op.nid, memcg, world_.ops().isolate, &args,
        &nr_to_walk);
    Dispose(args);
    harness::EndOperation(op, static_cast<int32_t>(removed));
  }

  void WalkNode(harness::Operation op, harness::Prng& prng) {
    op.verb = harness::Verb::k_walk_node;
    op.memcg = 0;
    WalkArgs args{.prng = &prng};
    unsigned long nr_to_walk = 1 + prng.Below(32);
    harness::BeginOperation(op);
    unsigned long removed = world_.lru_ops().list_lru_walk_node(
        world_.lru(op.lru - 1), op.nid, world_.ops().isolate, &args,
        &nr_to_walk);
    Dispose(args);
    harness::EndOperation(op, static_cast<int32_t>(removed));
  }

  void Dispose(WalkArgs& args) {
    while (!lru::list_empty(&args.dispose)) {
      world_.ops().dispose(ObjectOf(args.dispose.next));
    }
  }

  World& world_;
  TaskNotes notes_;
};

LRUTORTURE_REGISTER(RegisterActor(
    {"shrinker",
     "reclaims: shrink_slab, walk_one and walk_node with every "
     "lru_status"},
    [](World& world,
       const harness::ActorSpec&) -> std::unique_ptr<harness::Actor> {
      return std::make_unique<Shrinker>(world);
    }));

}  // namespace
}  // namespace workloads
