// The shrinker: reclaims as memory pressure would, for one memcg or globally,
// through shrink_slab() and through walks of its own.
#include "workloads/actors/list_calls.h"
#include "workloads/registry.h"

namespace workloads::shrinker_actor {
namespace {

class Shrinker : public harness::Actor {
 public:
  explicit Shrinker(World& world) : world_(world), calls_(world) {}

  void Step(harness::Prng& prng) override {
    notes_.prng = &prng;
    lru::current_task()->user = &notes_;
    WalkArgs args{.prng = &prng};
    Lists lists = calls_.Draw(prng);
    switch (prng.Below(5)) {
      case 0:
      case 1:
        ShrinkSlab(lists, static_cast<int>(prng.Below(6)));
        break;
      case 2:
        calls_.WalkOne(lists, args);
        break;
      case 3:
        calls_.WalkNode(lists, args);
        break;
      case 4:
        prng.Below(2) ? ShrinkTree(lists.nid, prng) : ShrinkRound(lists, prng);
        break;
    }
    calls_.Dispose(args);
    lru::mem_cgroup_put(lists.memcg);
  }

 private:
  void ShrinkSlab(const Lists& lists, int priority) {
    harness::Operation op{
        .verb = harness::Verb::k_shrink_slab,
        .memcg = lists.memcg ? lru::serial_of(lists.memcg) : 0,
        .nid = lists.nid};
    harness::BeginOperation(op);
    unsigned long freed = world_.ShrinkSlab(lists.nid, lists.memcg, priority);
    harness::EndOperation(op, static_cast<int32_t>(freed));
  }

  // Its css_online may yet fail: then it is freed, references or not.
  static void CheckWasOnline(const lru::mem_cgroup* memcg) {
    uint32_t flags = memcg->css.flags.load(std::memory_order_relaxed);
    if (flags & (lru::CSS_ONLINE | lru::CSS_DYING)) return;
    harness::ReportInvariant(
        "teardown_order", lru::serial_of(memcg),
        "mem_cgroup_iter() gave a reference on memcg %u, which has not been "
        "online yet",
        lru::serial_of(memcg));
  }

  // Those that are dying are passed over.
  void ShrinkOf(lru::mem_cgroup* memcg, int nid, int priority) {
    CheckWasOnline(memcg);
    if (!lru::css_tryget_online(&memcg->css)) return;
    ShrinkSlab({.lru = nullptr, .memcg = memcg, .nid = nid}, priority);
    lru::mem_cgroup_put(memcg);
  }

  // As kswapd and zswap's shrink_worker(): every memcg of the tree in turn.
  void ShrinkTree(int nid, harness::Prng& prng) {
    int priority = static_cast<int>(prng.Below(6));
    lru::mem_cgroup* memcg = nullptr;
    while ((memcg = lru::mem_cgroup_iter(lru::root_mem_cgroup, memcg))) {
      ShrinkOf(memcg, nid, priority);
    }
  }

  // As direct reclaim, and that of a memcg at its limit: the tree below it, on
  // from where others have got to, until it is enough.
  void ShrinkRound(const Lists& lists, harness::Prng& prng) {
    int priority = static_cast<int>(prng.Below(6));
    lru::mem_cgroup* root = lists.memcg ? lists.memcg : lru::root_mem_cgroup;
    lru::mem_cgroup_reclaim_cookie reclaim{.nid = lists.nid};
    lru::mem_cgroup* memcg = nullptr;
    while ((memcg = lru::mem_cgroup_iter(root, memcg, &reclaim))) {
      ShrinkOf(memcg, lists.nid, priority);
      if (prng.Below(4) == 0) return lru::mem_cgroup_put(memcg);
    }
  }

  World& world_;
  ListCalls calls_;
  TaskNotes notes_;
};

LRUTORTURE_REGISTER(RegisterActor(
    {"shrinker",
     "reclaims: shrink_slab, walk_one and walk_node with every "
     "lru_status",
     {"walk", "count", "shrink"}},
    [](World& world,
       const harness::ActorSpec&) -> std::unique_ptr<harness::Actor> {
      return std::make_unique<Shrinker>(world);
    }));

}  // namespace
}  // namespace workloads::shrinker_actor
