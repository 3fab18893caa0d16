// The registrar: makes a list_lru and its shrinker, as a mount does, uses them
// for a while and destroys both, while memcgs are torn down and others reclaim.
//
// The lru is used by the registrar alone, but for its shrinker, which anybody's
// shrink_slab() may call until shrinker_free() has returned; and by reparent,
// which goes through every lru there is. Destroy needs no users, and has none:
// the objects are freed in between.
// Most of its objects belong to a device, which comes and goes while the lru is
// in use, as swap devices do under zswap's: at swapoff scans may be under way.
#include "lru/sync/alloc.h"
#include "workloads/actors/list_calls.h"
#include "workloads/actors/object_actor.h"
#include "workloads/registry.h"

namespace workloads::registrar_actor {
namespace {

constexpr uint64_t kUsesMin = 8;
constexpr uint64_t kUsesMax = 64;

class Registrar : public ObjectOwner {
 public:
  explicit Registrar(World& world)
      : ObjectOwner(world), calls_(world), index_(world.ReserveLru()) {}

  void Step(harness::Prng& prng) override {
    TakeNotes(prng);
    if (!registered_) {
      Register(prng);
    } else if (uses_left_ == 0) {
      Unregister();
    } else {
      uses_left_--;
      Use(prng);
    }
  }

  void Stop() override {
    if (registered_) Unregister();
  }

 private:
  void Register(harness::Prng& prng) {
    // As in the world, one in three knows no memcg.
    registered_ = calls_.Register(index_, prng.Below(3) != 0);
    uses_left_ = kUsesMin + prng.Below(kUsesMax - kUsesMin);
  }

  // On a private list nothing is left: own walks dispose at once, and scans had
  // to end.
  void Unregister() {
    calls_.Unregister(index_, [this] {
      for (Object*& place : own()) {
        if (place) world().FreeObject(place);
        place = nullptr;
      }
      Swapoff();
    });
    registered_ = false;
  }

  void Swapon() {
    device_ = lru::kmalloc_type<Device>(lru::ALLOC_OTHER);
    if (device_) device_->id = ++devices_;
  }

  // Its objects off their lists, and freed; then itself.
  void Swapoff() {
    for (Object*& place : own()) {
      if (!place || !place->device) continue;
      world().FreeObject(place);
      place = nullptr;
    }
    if (device_) lru::kfree_type(lru::ALLOC_OTHER, device_);
    device_ = nullptr;
  }

  void Use(harness::Prng& prng) {
    switch (prng.Below(16)) {
      case 0:
        UseLists(prng, [&](const Lists& lists, WalkArgs& args) {
          calls_.WalkOne(lists, args);
        });
        break;
      case 1:
        UseLists(prng, [&](const Lists& lists, WalkArgs& args) {
          calls_.WalkNode(lists, args);
        });
        break;
      case 2:
        UseLists(prng, [&](const Lists& lists, WalkArgs&) {
          calls_.CountOne(lists);
          calls_.CountNode(lists);
        });
        break;
      case 3:
        Swapoff();
        break;
      default:
        UseObject(own()[prng.Below(own().size())], prng);
        break;
    }
  }

  template <class F>
  void UseLists(harness::Prng& prng, F use) {
    WalkArgs args{.prng = &prng};
    Lists lists = calls_.Draw(prng);
    lists.lru = lru();
    use(lists, args);
    calls_.Dispose(args);
    lru::mem_cgroup_put(lists.memcg);
  }

  void UseObject(Object*& place, harness::Prng& prng) {
    bool add = prng.Below(8) < 5;
    if (!place) {
      auto memcg = static_cast<uint32_t>(prng.Below(world().nr_memcgs()));
      int nid = static_cast<int>(prng.Below(world().nids()));
      place = Charge(memcg, index_, nid);
      if (!place) return;
      place->guarded = prng.Below(4) == 0;
      if (!device_) Swapon();
      if (!place->guarded) place->device = device_;
      add = true;  // what is new goes on its list
    }
    WithOwn(place, [&] { add ? AddOne(prng, place) : DelOne(prng, place); });
  }

  lru::list_lru* lru() { return world().lru(index_); }

  ListCalls calls_;
  uint32_t index_;
  bool registered_ = false;
  Device* device_ = nullptr;
  uint32_t devices_ = 0;
  uint64_t uses_left_ = 0;
};

LRUTORTURE_REGISTER(RegisterActor(
    {"registrar",
     "creates list_lrus and shrinkers, uses them, and destroys them while "
     "memcgs are torn down",
     {"lookup", "add", "del", "walk", "count", "alloc"}},
    [](World& world,
       const harness::ActorSpec&) -> std::unique_ptr<harness::Actor> {
      return std::make_unique<Registrar>(world);
    }));

}  // namespace
}  // namespace workloads::registrar_actor
