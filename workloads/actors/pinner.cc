// The pinner: takes a reference on a memcg that lives, and goes on using the
// pointer when the memcg has been offlined, and its parent, and its parent's
// parent; then drops it late. Once it mounts a lru that the memcg sees for the
// first time while dying.
//
// With a reference a memcg is never freed, so its pointer is fit for every call
// of the raw API for ever (L3). What it may be passed with is an object charged
// to the memcg's own objcg, whoever owns that object: the objcg names the memcg
// or what it was reparented to, and so does the pointer (L2). And the memcg
// must have had its lists of that lru (L4): an object that was charged while
// the memcg was going offline has only those of the parent.
#include <algorithm>
#include <bitset>

#include "workloads/actors/list_calls.h"
#include "workloads/actors/object_actor.h"
#include "workloads/registry.h"

namespace workloads::pinner_actor {
namespace {

constexpr size_t kObjectsPerPin = 2;
constexpr size_t kPinsMax = 4;
constexpr int kLevelsMax = 3;  // itself, its parent, its grandparent
// Uses of a pin after the last offline it waits for, and in all.
constexpr int kUsesAfter = 24;
constexpr int kUsesMax = 1000;
// A pin holds up its memcg's end, and that of all above it. What oracles know
// of a memcg is found by serial, modulo: they would forget one that stays while
// thousands come and go.
constexpr uint32_t kSerialsMax = 1000;
constexpr int kDrawsOfShared = 16;

struct Pin {
  lru::mem_cgroup* memcg = nullptr;
  lru::obj_cgroup* objcg = nullptr;  // the memcg's own, with a reference
  int levels = 0;                    // offline, so many, before it is dropped
  bool mounts_late = false;          // once, and not before its objcg has gone
  bool has_mounted = false;
  int uses = 0;
  int uses_after = 0;
  std::bitset<kLruIndexes> has_lists;
};

bool IsOnline(const lru::mem_cgroup* memcg) {
  return memcg->css.flags.load(std::memory_order_relaxed) & lru::CSS_ONLINE;
}

// From the kill on, or from offline on: most of it is the wait in between.
bool IsDying(const lru::mem_cgroup* memcg, bool late) {
  if (late) return !memcg->objcg.load(std::memory_order_relaxed);
  return memcg->css.flags.load(std::memory_order_relaxed) & lru::CSS_DYING;
}

// Whether the memcg and those above it, `levels` in all, have been offlined.
// The root never is.
bool AreOffline(const lru::mem_cgroup* memcg, int levels) {
  for (; levels > 0 && memcg->css.parent; levels--) {
    if (IsOnline(memcg)) return false;
    memcg = lru::parent_mem_cgroup(memcg);
  }
  return true;
}

class Pinner : public ObjectOwner {
 public:
  explicit Pinner(World& world)
      : ObjectOwner(world),
        calls_(world),
        new_lru_(world.ReserveLru()),
        // Too many pins, and there is nothing left to destroy.
        pins_(std::clamp<size_t>(
            world.nr_memcgs() / 8, 1,
            std::min(kPinsMax, own().size() / kObjectsPerPin))) {}

  void Step(harness::Prng& prng) override {
    TakeNotes(prng);
    size_t index = prng.Below(pins_.size());
    Pin& pin = pins_[index];
    if (!mounted_) {
      Mount();
    } else if (!pin.memcg) {
      Take(pin, prng);
    } else if (IsOver(pin, prng)) {
      Drop(pin);
    } else {
      Object** places = &own()[index * kObjectsPerPin];
      Use(pin, places[prng.Below(kObjectsPerPin)], prng);
    }
  }

  void Stop() override {
    for (Pin& pin : pins_) {
      if (pin.memcg) Drop(pin);
    }
    if (mounted_) Unmount();
  }

 private:
  void Take(Pin& pin, harness::Prng& prng) {
    auto index = static_cast<uint32_t>(prng.Below(world().nr_memcgs()));
    harness::Operation op{.verb = harness::Verb::k_pin};
    harness::BeginOperation(op);
    bool done = Get(pin, index);
    if (done) {
      pin.levels = 1 + static_cast<int>(prng.Below(kLevelsMax));
      pin.mounts_late = prng.Below(4) != 0;
      op.memcg = lru::serial_of(pin.memcg);
    }
    harness::EndOperation(op, done);
  }

  // The memcg of that index, and the objcg through which it is charged; none
  // when it is on its way down already.
  bool Get(Pin& pin, uint32_t index) {
    lru::rcu_guard guard;
    lru::mem_cgroup* memcg = world().ops().lookup(world(), index);
    if (!memcg || !lru::mem_cgroup_tryget(memcg)) return false;
    lru::obj_cgroup* objcg = lru::rcu_dereference(memcg->objcg);
    if (!objcg || !lru::percpu_ref_tryget(&objcg->refcnt)) {
      lru::mem_cgroup_put(memcg);
      return false;
    }
    pin = {};
    pin.memcg = memcg;
    pin.objcg = objcg;
    world().NotePins(1);
    return true;
  }

  bool IsOver(Pin& pin, harness::Prng& prng) {
    pin.uses++;
    if (AreOffline(pin.memcg, pin.levels)) pin.uses_after++;
    auto index = static_cast<uint32_t>(prng.Below(world().nr_memcgs()));
    uint32_t newest = world().SerialAt(index);
    return pin.uses_after > kUsesAfter || pin.uses > kUsesMax ||
           newest > lru::serial_of(pin.memcg) + kSerialsMax;
  }

  // What is left on a list is found by the object alone from here on.
  void Drop(Pin& pin) {
    harness::Operation op{.verb = harness::Verb::k_unpin,
                          .memcg = lru::serial_of(pin.memcg)};
    harness::BeginOperation(op);
    lru::obj_cgroup_put(pin.objcg);
    lru::mem_cgroup_put(pin.memcg);
    pin = {};
    world().NotePins(-1);
    harness::EndOperation(op, 1);
  }

  void Use(Pin& pin, Object*& place, harness::Prng& prng) {
    if (!pin.has_mounted && IsDying(pin.memcg, pin.mounts_late) &&
        prng.Below(4) == 0) {
      return UseMount(pin, prng);
    }
    WalkArgs args{.prng = &prng};
    switch (prng.Below(8)) {
      case 0:
        WhileNamed(pin, [&] { calls_.WalkOne(DrawLists(pin, prng), args); });
        break;
      case 1:
        WhileNamed(pin, [&] { calls_.ShrinkWalk(DrawLists(pin, prng), args); });
        break;
      case 2:
        WhileNamed(pin, [&] { calls_.CountOne(DrawLists(pin, prng)); });
        break;
      case 3:
        WhileNamed(pin, [&] { calls_.ShrinkCount(DrawLists(pin, prng)); });
        break;
      case 4:
      case 5:
        UseShared(pin, prng);
        break;
      default:
        UseOwn(pin, place, prng);
        break;
    }
    calls_.Dispose(args);
  }

  Lists DrawLists(const Pin& pin, harness::Prng& prng) {
    auto lru = static_cast<uint32_t>(prng.Below(world().nr_lrus()));
    int nid = static_cast<int>(prng.Below(world().nids()));
    return {world().lru(lru), pin.memcg, nid};
  }

  // A kernel's lookups take whatever list the memcg's id leads to, so there a
  // pin is used in a read section in which its id is its own.
  template <class F>
  void WhileNamed(const Pin& pin, F use) {
    if (!world().lru_ops().lost_ids_mislead) return use();
    lru::rcu_guard guard;
    if (lru::peek_memcg_of_id(pin.memcg->id.id) == pin.memcg) use();
  }

  void AddOrDel(const Pin& pin, Object* object, harness::Prng& prng) {
    bool adds = prng.Below(8) < 5;
    WhileNamed(pin, [&] {
      if (adds) {
        AddTo(object, pin.memcg);
      } else {
        DelFrom(object, pin.memcg);
      }
    });
  }

  void UseOwn(Pin& pin, Object*& place, harness::Prng& prng) {
    // Of a pin before, or worn out: charging may go on as long as the pin.
    bool stale = place && place->objcg != pin.objcg;
    if (place && (stale || prng.Below(16) == 0)) {
      if (!RetireOwn(place)) return;
      place = nullptr;
    }
    if (!place) place = ChargePinned(pin, prng);
    if (!place) return;
    WithOwn(place, [&] { AddOrDel(pin, place, prng); });
  }

  Object* ChargePinned(Pin& pin, harness::Prng& prng) {
    auto lru = static_cast<uint32_t>(prng.Below(world().nr_lrus()));
    int nid = static_cast<int>(prng.Below(world().nids()));
    if (!EnsureLists(pin, lru)) return nullptr;
    harness::Operation op{.verb = harness::Verb::k_charge,
                          .memcg = lru::serial_of(pin.memcg),
                          .lru = world().lru(lru)->serial,
                          .nid = nid};
    harness::BeginOperation(op);
    lru::percpu_ref_get(&pin.objcg->refcnt);
    Object* object = ChargeTo(world(), pin.objcg, lru, nid);
    if (object) {
      op.object = object->serial;
      object->guarded = prng.Below(4) == 0;
    }
    harness::EndOperation(op, object != nullptr);
    return object;
  }

  bool EnsureLists(Pin& pin, uint32_t lru) {
    if (!pin.has_lists[lru]) pin.has_lists[lru] = AllocLists(pin, lru);
    return pin.has_lists[lru];
  }

  bool AllocLists(const Pin& pin, uint32_t lru) {
    harness::Operation op{.verb = harness::Verb::k_alloc_lists,
                          .memcg = lru::serial_of(pin.memcg),
                          .lru = world().lru(lru)->serial};
    harness::BeginOperation(op);
    int err = world().ops().alloc_lists(world(), lru, pin.memcg);
    harness::EndOperation(op, err);
    return err == 0;
  }

  // A mount that a memcg sees for the first time on its way down: neither its
  // lists are there nor those of its parents. Made before, as a mount waits for
  // the locks of a teardown.
  void Mount() { mounted_ = calls_.Register(new_lru_, /*memcg_aware=*/true); }
  void UseMount(Pin& pin, harness::Prng& prng) {
    pin.has_mounted = true;
    AllocLists(pin, new_lru_);  // where it fails, there is nothing to count
    int nid = static_cast<int>(prng.Below(world().nids()));
    calls_.CountOne({world().lru(new_lru_), pin.memcg, nid});
    Unmount();
  }
  void Unmount() {
    calls_.Unregister(new_lru_, [] {});
    mounted_ = false;
  }

  // Of everybody's objects one that is charged to the pin's objcg, if a few
  // draws find any.
  void UseShared(const Pin& pin, harness::Prng& prng) {
    lru::rcu_guard guard;
    for (int draw = 0; draw < kDrawsOfShared; draw++) {
      auto index = static_cast<uint32_t>(prng.Below(world().nr_shared()));
      Object* object = world().GetShared(index);
      if (!object) continue;
      bool usable =
          object->objcg == pin.objcg && pin.has_lists[object->lru_index];
      if (usable) AddOrDel(pin, object, prng);
      world().PutShared(object);
      if (usable) return;
    }
  }

  ListCalls calls_;
  const uint32_t new_lru_;
  bool mounted_ = false;
  std::vector<Pin> pins_;
};

LRUTORTURE_REGISTER(RegisterActor(
    {"pinner",
     "holds references on memcgs across their offline and their ancestors', "
     "goes on using the pointers, and mounts a lru for the dying",
     {"add", "del", "walk", "count", "alloc"},
     /*pins=*/true},
    [](World& world,
       const harness::ActorSpec&) -> std::unique_ptr<harness::Actor> {
      return std::make_unique<Pinner>(world);
    }));

}  // namespace
}  // namespace workloads::pinner_actor
