// What actors do to the lru, step by step. A control of class `caller` swaps
// one entry, and so works on every lru. Add and del of whatever form, of an lru
// that is irq_safe, find interrupts off.
#ifndef LRUTORTURE_WORKLOADS_WORKLOAD_OPS_H_
#define LRUTORTURE_WORKLOADS_WORKLOAD_OPS_H_

#include "lru/list_lru.h"
#include "workloads/object.h"

namespace workloads {

class World;

struct WorkloadOps {
  // The memcg an index stands for at this moment; null: none. RCU held.
  lru::mem_cgroup* (*lookup)(World& world, uint32_t memcg_index);
  // A new object of that memcg, its lists allocated; null: no memory, or no
  // memcg there.
  Object* (*charge)(World& world, uint32_t memcg_index, uint32_t lru_index,
                    int nid);
  // Of charge: memcg's lists on that lru, and its ancestors'; 0 or -ENOMEM.
  int (*alloc_lists)(World& world, uint32_t lru_index, lru::mem_cgroup* memcg);
  // By memcg looked up here (raw) or by object alone.
  bool (*add)(lru::list_lru* lru, Object* object);
  bool (*add_obj)(lru::list_lru* lru, Object* object);
  bool (*del)(lru::list_lru* lru, Object* object);
  bool (*del_obj)(lru::list_lru* lru, Object* object);
  // As add and del, under a list's lock that is taken first: for lrus that have
  // list_lru_lock().
  bool (*add_locked)(lru::list_lru* lru, Object* object);
  bool (*del_locked)(lru::list_lru* lru, Object* object);
  // By a memcg that the caller has a reference on, whatever became of it: it
  // is the one the object was charged to, or an heir of its lists (L2).
  bool (*add_to)(lru::list_lru* lru, Object* object, lru::mem_cgroup* memcg);
  bool (*del_from)(lru::list_lru* lru, Object* object, lru::mem_cgroup* memcg);
  // The last of an object that nobody else can reach, but for walks of its
  // list: off the list, and not charged any more.
  void (*uncharge)(lru::list_lru* lru, Object* object);
  // The callback of every walk; cb_arg is a WalkArgs.
  lru::list_lru_walk_cb isolate;
  // Takes an object that isolate has moved away off the private list.
  void (*dispose)(Object* object);
};

const WorkloadOps& CleanWorkloadOps();

// A new object charged to objcg (null: to nobody), whose reference it takes
// over; its lists are allocated. Null: no memory, and the reference is put.
Object* ChargeTo(World& world, lru::obj_cgroup* objcg, uint32_t lru_index,
                 int nid);

}  // namespace workloads

#endif  // LRUTORTURE_WORKLOADS_WORKLOAD_OPS_H_
