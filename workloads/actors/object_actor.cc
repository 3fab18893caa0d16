#include "workloads/actors/object_actor.h"

namespace workloads {
namespace {

harness::Operation OperationOn(harness::Verb verb, const Object* object) {
  return {.verb = verb,
          .object = object->serial,
          .lru = object->lru_index + 1,
          .nid = object->nid};
}

// The result must agree with what was seen under the lock (L1): item_state.
void CheckResult(const char* verb, bool result, uint64_t changes,
                 WasLinked was_linked, const Object* object) {
  bool is_add = verb[0] == 'a';
  if (changes != (result ? 1 : 0)) {
    harness::ReportInvariant(
        "item_state", 0,
        "list_lru_%s of object %u returned %s, but the item was %s %llu times",
        verb, object->serial, result ? "true" : "false",
        is_add ? "linked" : "unlinked",
        static_cast<unsigned long long>(changes));
  } else if (was_linked != kNotSeen &&
             result != (was_linked == (is_add ? kNotLinked : kLinked))) {
    harness::ReportInvariant(
        "item_state", 0,
        "list_lru_%s of object %u returned %s, but the item was %s a list "
        "when its lock was taken",
        verb, object->serial, result ? "true" : "false",
        was_linked == kLinked ? "on" : "not on");
  }
}

}  // namespace

ObjectActor::ObjectActor(World& world, const harness::ActorSpec& spec)
    : world_(world), objects_(spec.objects), own_(world.NewOwnObjects()) {}

void ObjectActor::Step(harness::Prng& prng) {
  notes_.prng = &prng;
  lru::current_task()->user = &notes_;
  bool shared = objects_ == harness::Objects::kShared ||
                (objects_ == harness::Objects::kBoth && prng.Below(2));
  if (shared) {
    StepShared(prng);
  } else {
    StepOwn(prng);
  }
}

Object* ObjectActor::Charge(harness::Prng& prng) {
  auto memcg = static_cast<uint32_t>(prng.Below(world_.nr_memcgs()));
  auto lru = static_cast<uint32_t>(prng.Below(world_.nr_lrus()));
  int nid = static_cast<int>(prng.Below(world_.nids()));
  harness::Operation op{.verb = harness::Verb::k_charge, .nid = nid};
  op.lru = lru + 1;
  harness::BeginOperation(op);
  Object* object = world_.ops().charge(world_, memcg, lru, nid);
  if (object) op.object = object->serial;
  harness::EndOperation(op, object != nullptr);
  return object;
}

void ObjectActor::AddOne(harness::Prng& prng, Object* object) {
  bool raw = prng.Below(2);
  harness::Operation op = OperationOn(
      raw ? harness::Verb::k_add : harness::Verb::k_add_obj, object);
  lru::list_lru* lru = world_.lru(object->lru_index);
  harness::BeginOperation(op);
  uint64_t before = notes_.linked;
  notes_.memcg = 0;
  notes_.was_linked = kNotSeen;
  bool result =
      raw ? world_.ops().add(lru, object) : world_.ops().add_obj(lru, object);
  CheckResult("add", result, notes_.linked - before, notes_.was_linked, object);
  op.memcg = notes_.memcg;
  harness::EndOperation(op, result);
}

void ObjectActor::DelOne(harness::Prng& prng, Object* object) {
  bool raw = prng.Below(2);
  harness::Operation op = OperationOn(
      raw ? harness::Verb::k_del : harness::Verb::k_del_obj, object);
  lru::list_lru* lru = world_.lru(object->lru_index);
  harness::BeginOperation(op);
  uint64_t before = notes_.unlinked;
  notes_.memcg = 0;
  notes_.was_linked = kNotSeen;
  bool result =
      raw ? world_.ops().del(lru, object) : world_.ops().del_obj(lru, object);
  CheckResult("del", result, notes_.unlinked - before, notes_.was_linked,
              object);
  op.memcg = notes_.memcg;
  harness::EndOperation(op, result);
}

void ObjectActor::StepShared(harness::Prng& prng) {
  auto index = static_cast<uint32_t>(prng.Below(world_.nr_shared()));
  uint64_t draw = prng.Below(16);
  Mix m = mix();
  if (draw < m.recycle) {
    world_.RetireShared(index);
  }
  if (!world_.shared(index).load(std::memory_order_relaxed)) {
    Object* fresh = Charge(prng);
    Object* expected = nullptr;
    if (fresh && !world_.shared(index).compare_exchange_strong(
                     expected, fresh, std::memory_order_acq_rel)) {
      world_.FreeObject(fresh);  // another task was faster
    }
    draw = m.recycle;  // what is new goes on its list
  }
  lru::rcu_guard guard;
  Object* object = lru::rcu_dereference(world_.shared(index));
  if (!object) return;
  if (draw < m.recycle + m.add) {
    AddOne(prng, object);
  } else {
    DelOne(prng, object);
  }
}

// Nobody else can find an own object but a shrinker, and that only while it is
// on a list.
bool ObjectActor::RetireOwn(Object* object) {
  if (object->guarded) {
    lru::spin_guard guard(&object->lock);
    if (object->disposing) return false;
    world_.ops().del_obj(world_.lru(object->lru_index), object);
  }
  world_.FreeObject(object);
  return true;
}

void ObjectActor::StepOwn(harness::Prng& prng) {
  Object*& place = own_[prng.Below(own_.size())];
  uint64_t draw = prng.Below(16);
  Mix m = mix();
  if (place && draw < m.recycle && RetireOwn(place)) place = nullptr;
  bool add = draw < m.recycle + m.add;
  if (!place) {
    place = Charge(prng);
    if (!place) return;
    place->guarded = prng.Below(4) == 0;
    add = true;  // what is new goes on its list
  }
  if (!place->guarded) {
    add ? AddOne(prng, place) : DelOne(prng, place);
    return;
  }
  lru::spin_guard guard(&place->lock);
  if (place->disposing) return;  // on somebody's private list (L1)
  add ? AddOne(prng, place) : DelOne(prng, place);
}

}  // namespace workloads
