#include "workloads/actors/object_actor.h"

namespace workloads {
namespace {

using harness::Verb;

bool IsAdd(Verb verb) { return verb == Verb::k_add || verb == Verb::k_add_obj; }

// The result must agree with what was seen under the lock (L1): item_state.
void CheckResult(bool is_add, bool result, uint64_t changes,
                 WasLinked was_linked, uint32_t serial) {
  const char* verb = is_add ? "add" : "del";
  if (changes != (result ? 1 : 0)) {
    harness::ReportViolation(
        {.invariant = "item_state", .what = verb, .other = "result"},
        "list_lru_%s of object %u returned %s, but the item was %s %llu times",
        verb, serial, result ? "true" : "false", is_add ? "linked" : "unlinked",
        static_cast<unsigned long long>(changes));
  } else if (was_linked != kNotSeen &&
             result != (was_linked == (is_add ? kNotLinked : kLinked))) {
    harness::ReportViolation(
        {.invariant = "item_state", .what = verb, .other = "state"},
        "list_lru_%s of object %u returned %s, but the item was %s a list "
        "when its lock was taken",
        verb, serial, result ? "true" : "false",
        was_linked == kLinked ? "on" : "not on");
  }
}

}  // namespace

ObjectOwner::ObjectOwner(World& world)
    : world_(world), own_(world.NewOwnObjects()) {}

void ObjectOwner::TakeNotes(harness::Prng& prng) {
  notes_.prng = &prng;
  lru::current_task()->user = &notes_;
}

Object* ObjectOwner::Charge(uint32_t memcg_index, uint32_t lru_index, int nid) {
  harness::Operation op{
      .verb = Verb::k_charge, .lru = world_.lru(lru_index)->serial, .nid = nid};
  harness::BeginOperation(op);
  Object* object = world_.ops().charge(world_, memcg_index, lru_index, nid);
  if (object) {
    op.object = object->serial;
    if (object->nid != nid) {
      harness::ReportViolation(
          {.invariant = "item_state", .what = "node"},
          "object %u was asked for on node %d, but its memory says node %d: "
          "its list and its lock are another node's",
          object->serial, nid, object->nid);
    }
  }
  harness::EndOperation(op, object != nullptr);
  return object;
}

template <class F>
void ObjectOwner::Change(Verb verb, Object* object, F call) {
  lru::list_lru* lru = world_.lru(object->lru_index);
  harness::Operation op{.verb = verb,
                        .object = object->serial,
                        .lru = lru->serial,
                        .nid = object->nid};
  harness::BeginOperation(op);
  const uint64_t& changes = IsAdd(verb) ? notes_.linked : notes_.unlinked;
  uint64_t before = changes;
  notes_.memcg = 0;
  notes_.was_linked = kNotSeen;
  bool result;
  {
    lru::irqs_off_guard guard(lru->irq_safe);
    result = call(lru);
  }
  CheckResult(IsAdd(verb), result, changes - before, notes_.was_linked,
              op.object);
  op.memcg = notes_.memcg;
  harness::EndOperation(op, result);
}

// Whether this raw add or del is to be a caller-locked one.
bool ObjectOwner::LocksItself(harness::Prng& prng) {
  return world_.lru_ops().list_lru_lock && prng.Below(2);
}

void ObjectOwner::AddOne(harness::Prng& prng, Object* object) {
  bool raw = prng.Below(2);
  auto add = raw ? world_.ops().add : world_.ops().add_obj;
  if (raw && LocksItself(prng)) add = world_.ops().add_locked;
  Change(raw ? Verb::k_add : Verb::k_add_obj, object,
         [&](lru::list_lru* lru) { return add(lru, object); });
}

void ObjectOwner::DelOne(harness::Prng& prng, Object* object) {
  bool raw = prng.Below(2);
  auto del = raw ? world_.ops().del : world_.ops().del_obj;
  if (raw && LocksItself(prng)) del = world_.ops().del_locked;
  Change(raw ? Verb::k_del : Verb::k_del_obj, object,
         [&](lru::list_lru* lru) { return del(lru, object); });
}

void ObjectOwner::AddTo(Object* object, lru::mem_cgroup* memcg) {
  Change(Verb::k_add, object, [&](lru::list_lru* lru) {
    return world_.ops().add_to(lru, object, memcg);
  });
}

void ObjectOwner::DelFrom(Object* object, lru::mem_cgroup* memcg) {
  Change(Verb::k_del, object, [&](lru::list_lru* lru) {
    return world_.ops().del_from(lru, object, memcg);
  });
}

// Nobody else can find an own object but a shrinker, and that only while it is
// on a list.
bool ObjectOwner::RetireOwn(Object* object) {
  if (object->guarded) {
    lru::spin_guard guard(&object->lock);
    if (object->disposing) return false;
    lru::list_lru* lru = world_.lru(object->lru_index);
    lru::irqs_off_guard irqs(lru->irq_safe);
    world_.ops().del_obj(lru, object);
  }
  world_.FreeObject(object);
  return true;
}

ObjectActor::ObjectActor(World& world, const harness::ActorSpec& spec)
    : ObjectOwner(world), objects_(spec.objects) {}

void ObjectActor::Step(harness::Prng& prng) {
  TakeNotes(prng);
  bool shared = objects_ == harness::Objects::kShared ||
                (objects_ == harness::Objects::kBoth && prng.Below(2));
  if (shared) {
    StepShared(prng);
  } else {
    StepOwn(prng);
  }
}

Object* ObjectActor::ChargeAnywhere(harness::Prng& prng) {
  auto memcg = static_cast<uint32_t>(prng.Below(world().nr_memcgs()));
  auto lru = static_cast<uint32_t>(prng.Below(world().nr_lrus()));
  int nid = static_cast<int>(prng.Below(world().nids()));
  return Charge(memcg, lru, nid);
}

void ObjectActor::StepShared(harness::Prng& prng) {
  auto index = static_cast<uint32_t>(prng.Below(world().nr_shared()));
  uint64_t draw = prng.Below(16);
  Mix m = mix();
  if (draw < m.recycle) world().RetireShared(index);
  if (!world().shared(index).load(std::memory_order_relaxed)) {
    Object* fresh = ChargeAnywhere(prng);
    if (fresh) world().PublishShared(index, fresh);
    draw = m.recycle;  // what is new goes on its list
  }
  lru::rcu_guard guard;
  Object* object = world().GetShared(index);
  if (!object) return;
  if (draw < m.recycle + m.add) {
    AddOne(prng, object);
  } else {
    DelOne(prng, object);
  }
  world().PutShared(object);
}

void ObjectActor::StepOwn(harness::Prng& prng) {
  Object*& place = own()[prng.Below(own().size())];
  uint64_t draw = prng.Below(16);
  Mix m = mix();
  if (place && draw < m.recycle && RetireOwn(place)) place = nullptr;
  bool add = draw < m.recycle + m.add;
  if (!place) {
    place = ChargeAnywhere(prng);
    if (!place) return;
    place->guarded = prng.Below(4) == 0;
    add = true;  // what is new goes on its list
  }
  WithOwn(place, [&] { add ? AddOne(prng, place) : DelOne(prng, place); });
}

}  // namespace workloads
