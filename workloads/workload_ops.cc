#include "workloads/workload_ops.h"

#include <utility>

#include "harness/flight_recorder.h"
#include "workloads/world.h"

namespace workloads {
namespace {

lru::mem_cgroup* Lookup(World& world, uint32_t memcg_index)
    ABSL_SHARED_LOCKS_REQUIRED(lru::rcu) {
  return lru::rcu_dereference(world.memcg(memcg_index));
}

// get_mem_cgroup_from_objcg(): a memcg whose references are gone has been
// offlined, so its objcg names the parent by now.
lru::mem_cgroup* GetMemcgOf(const lru::obj_cgroup* objcg) {
  lru::rcu_guard guard;
  for (;;) {
    lru::mem_cgroup* memcg = lru::obj_cgroup_memcg(objcg);
    if (lru::css_tryget(&memcg->css)) return memcg;
    lru::cpu_relax();
  }
}

int AllocLists(World& world, uint32_t lru_index, lru::mem_cgroup* memcg) {
  return world.lru_ops().memcg_list_lru_alloc(memcg, world.lru(lru_index));
}

// The memcg of a raw add or del. When the objcg has gone to the parent, the id
// noted at the charge may still find the old one, until its offline ends: its
// users come with a memcg that may be offline, and its parent too, before they
// have used it. Both lead to the same list (L2).
lru::mem_cgroup* MemcgOf(const Object* object)
    ABSL_SHARED_LOCKS_REQUIRED(lru::rcu) {
  lru::mem_cgroup* memcg = lru::mem_cgroup_from_slab_obj(&object->lru);
  uint32_t serial = object->charged.serial;
  if (!memcg || lru::serial_of(memcg) == serial) return memcg;
  lru::mem_cgroup* old = lru::mem_cgroup_from_id(object->charged.id);
  return old && lru::serial_of(old) == serial ? old : memcg;
}

lru::mem_cgroup* LookUpMemcg(lru::list_lru* lru, Object* object)
    ABSL_SHARED_LOCKS_REQUIRED(lru::rcu) {
  lru::mem_cgroup* memcg = MemcgOf(object);
  LRU_POINT(memcg_looked_up, .memcg = memcg, .lru = lru, .item = &object->lru,
            .nid = object->nid);
  return memcg;
}

// The lists that an add of an object charged to objcg needs. `charged`: the
// memcg they are of.
bool HasLists(World& world, const lru::obj_cgroup* objcg, uint32_t lru_index,
              MemcgName& charged) {
  if (!objcg) return true;
  lru::mem_cgroup* memcg = GetMemcgOf(objcg);
  charged = {.id = memcg->id.id, .serial = lru::serial_of(memcg)};
  int err = world.ops().alloc_lists(world, lru_index, memcg);
  lru::mem_cgroup_put(memcg);
  return err == 0;
}

// Charging climbs to the nearest that has an objcg. Each gives up its own once,
// so whoever has one now had it when it was passed by.
void CheckNobody(const lru::mem_cgroup* memcg)
    ABSL_SHARED_LOCKS_REQUIRED(lru::rcu) {
  for (const lru::mem_cgroup* at = memcg; at->css.parent;
       at = lru::parent_mem_cgroup(at)) {
    if (!at->objcg.load(std::memory_order_relaxed)) continue;
    harness::ReportInvariant(
        "reparent_target", lru::serial_of(memcg),
        "an object of memcg %u was charged to nobody, although memcg %u can be "
        "charged",
        lru::serial_of(memcg), lru::serial_of(at));
    return;
  }
}

Object* Charge(World& world, uint32_t memcg_index, uint32_t lru_index,
               int nid) {
  lru::obj_cgroup* objcg;
  {
    lru::rcu_guard guard;
    lru::mem_cgroup* memcg = world.ops().lookup(world, memcg_index);
    if (!memcg) return nullptr;
    objcg = lru::get_obj_cgroup_from_memcg(memcg);
    if (!objcg) CheckNobody(memcg);
  }
  Object* object = ChargeTo(world, objcg, lru_index, nid);
  if (object) world.NoteUse(memcg_index);
  return object;
}

bool Add(lru::list_lru* lru, Object* object) {
  lru::rcu_guard guard;
  lru::mem_cgroup* memcg = LookUpMemcg(lru, object);
  return lru::current_lru_ops().list_lru_add(lru, &object->lru, object->nid,
                                             memcg);
}

bool Del(lru::list_lru* lru, Object* object) {
  lru::rcu_guard guard;
  lru::mem_cgroup* memcg = LookUpMemcg(lru, object);
  return lru::current_lru_ops().list_lru_del(lru, &object->lru, object->nid,
                                             memcg);
}

// As deferred_split_folio() of 7.2. The memcg is written back.
bool AddLocked(lru::list_lru* lru, Object* object) {
  const lru::list_lru_ops& ops = lru::current_lru_ops();
  lru::rcu_guard guard;
  lru::mem_cgroup* memcg = LookUpMemcg(lru, object);
  unsigned long flags = 0;
  lru::list_lru_one* list =
      ops.list_lru_lock_irqsave(lru, object->nid, &memcg, &flags);
  bool added = ops.__list_lru_add(lru, list, &object->lru, object->nid, memcg);
  ops.list_lru_unlock_irqrestore(list, &flags);
  return added;
}

bool DelLocked(lru::list_lru* lru, Object* object) {
  const lru::list_lru_ops& ops = lru::current_lru_ops();
  lru::rcu_guard guard;
  lru::mem_cgroup* memcg = LookUpMemcg(lru, object);
  lru::list_lru_one* list = ops.list_lru_lock(lru, object->nid, &memcg);
  bool deleted = ops.__list_lru_del(lru, list, &object->lru, object->nid);
  ops.list_lru_unlock(list);
  return deleted;
}

bool AddTo(lru::list_lru* lru, Object* object, lru::mem_cgroup* memcg) {
  return lru::current_lru_ops().list_lru_add(lru, &object->lru, object->nid,
                                             memcg);
}

bool DelFrom(lru::list_lru* lru, Object* object, lru::mem_cgroup* memcg) {
  return lru::current_lru_ops().list_lru_del(lru, &object->lru, object->nid,
                                             memcg);
}

bool AddObj(lru::list_lru* lru, Object* object) {
  return lru::current_lru_ops().list_lru_add_obj(lru, &object->lru);
}

bool DelObj(lru::list_lru* lru, Object* object) {
  return lru::current_lru_ops().list_lru_del_obj(lru, &object->lru);
}

// In this order: the list is found by whom the object is charged to.
void Uncharge(lru::list_lru* lru, Object* object) {
  {
    lru::irqs_off_guard guard(lru->irq_safe);
    TheWorld().ops().del_obj(lru, object);
  }
  lru::obj_cgroup_put(std::exchange(object->objcg, nullptr));
}

// Drops the lock as a shrinker would that has to write something back, and
// takes it again where this lru wants it so; with it go interrupts, in a
// list_lru_walk_one_irq(). Item and list are gone from here.
lru::lru_status Unlocked(lru::lru_status status, uint32_t list,
                         lru::spinlock_t* lock) ABSL_NO_THREAD_SAFETY_ANALYSIS {
  bool irq_off = lru::current_task()->irqs_off;
  irq_off ? lru::spin_unlock_irq(lock) : lru::spin_unlock(lock);
  (void)list;
  LRU_POINT(isolate_unlocked, .nr = list);
  if (lru::current_lru_ops().returns_unlocked) return status;
  irq_off ? lru::spin_lock_irq(lock) : lru::spin_lock(lock);
  return status;
}

lru::lru_status Stopped(lru::spinlock_t* lock) ABSL_NO_THREAD_SAFETY_ANALYSIS {
  if (!lru::current_lru_ops().stops) return lru::LRU_SKIP;
  if (!lru::current_lru_ops().returns_unlocked) return lru::LRU_STOP;
  lru::current_task()->irqs_off ? lru::spin_unlock_irq(lock)
                                : lru::spin_unlock(lock);
  return lru::LRU_STOP;
}

void TakeOff(lru::list_lru_one* list, Object* object) {
  lru::current_lru_ops().list_lru_isolate(list, &object->lru);
}

// A guarded object goes to the walk's private list, if its lock is to be had:
// i_lock comes before the list's lock, so it is only tried here.
lru::lru_status MoveAway(lru::list_lru_one* list, Object* object,
                         WalkArgs* args) {
  if (!lru::spin_trylock(&object->lock)) return lru::LRU_SKIP;
  object->disposing = true;
  lru::current_lru_ops().list_lru_isolate_move(list, &object->lru,
                                               &args->dispose);
  lru::spin_unlock(&object->lock);
  return lru::LRU_REMOVED;
}

// 5878303c5353: with the lock everything of the object is let go, its device
// as well, so what is needed of them is copied before.
lru::lru_status WriteBack(lru::list_lru_one* list, Object* object,
                          lru::spinlock_t* lock, WalkArgs* args) {
  args->written_to = object->device ? object->device->id : 0;
  TakeOff(list, object);
  return Unlocked(lru::LRU_REMOVED_RETRY, list->serial, lock);
}

lru::lru_status Isolate(lru::list_head* item, lru::list_lru_one* list,
                        lru::spinlock_t* lock, void* cb_arg) {
  auto* args = static_cast<WalkArgs*>(cb_arg);
  Object* object = ObjectOf(item);
  uint64_t draw = args->prng->Below(16);
  if (draw < 5) {
    if (object->guarded) return MoveAway(list, object, args);
    TakeOff(list, object);
    return lru::LRU_REMOVED;
  }
  if (draw < 9) return lru::LRU_ROTATE;
  if (draw < 12) return lru::LRU_SKIP;
  if (draw < 13) return Stopped(lock);
  if (draw < 15) return Unlocked(lru::LRU_RETRY, list->serial, lock);
  if (object->guarded) return lru::LRU_SKIP;
  return WriteBack(list, object, lock, args);
}

void Dispose(Object* object) {
  lru::spin_guard guard(&object->lock);
  lru::list_del_init(&object->lru);
  object->disposing = false;
}

}  // namespace

// memcg_slab_post_alloc_hook(): the memcg's lists, then the object.
Object* ChargeTo(World& world, lru::obj_cgroup* objcg, uint32_t lru_index,
                 int nid) {
  lru::slab_obj* slab = nullptr;
  MemcgName charged;
  if (HasLists(world, objcg, lru_index, charged)) {
    slab = lru::kmem_cache_alloc(world.cache(), nid, objcg);
  }
  if (!slab) {
    lru::obj_cgroup_put(objcg);
    return nullptr;
  }
  auto* object = static_cast<Object*>(slab);
  object->lru_index = lru_index;
  object->charged = charged;
  object->lock.name = "object->lock";
  object->lock.serial = object->serial;
  object->lock.nid = -1;
  return object;
}

const WorkloadOps& CleanWorkloadOps() {
  static constexpr WorkloadOps kClean = {
      .lookup = Lookup,
      .charge = Charge,
      .alloc_lists = AllocLists,
      .add = Add,
      .add_obj = AddObj,
      .del = Del,
      .del_obj = DelObj,
      .add_locked = AddLocked,
      .del_locked = DelLocked,
      .add_to = AddTo,
      .del_from = DelFrom,
      .uncharge = Uncharge,
      .isolate = Isolate,
      .dispose = Dispose,
  };
  return kClean;
}

}  // namespace workloads
