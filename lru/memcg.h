// mem_cgroup: the css that owns lists, its id, and the obj_cgroup through
// which objects find it.
//
// From mm/memcontrol.c, Linux 6.12.
//
// M1  kmemcg_id indexes the memcg's lists; -1 for the root. After offline it
//     names the parent's (node-lock) or stays (memcg-lock).
// M2  An objcg outlives its memcg: after memcg_reparent_objcgs() it names the
//     parent. Read it under RCU.
// M3  The id is held from css_online to offline and pins the css. With its last
//     reference the memcg is found by it no more; in the kernel the number is
//     free at that moment as well, for number and pointer are one entry of
//     mem_cgroup_idr (mem_cgroup_id_remove()).
// M4  An iterator's position pins nothing. It is set by who holds a reference
//     on the memcg it names, and taken back, from that memcg's own iterators
//     and those of all its ancestors, the root's included, when the memcg is
//     released: so it is good for the read section in which it is read.
// DIVERGES: the number goes back to the table only a grace period after the
// last reference of the id is gone: lists are found by it too, so a reader that
// has found the memcg before would come to a stranger's.
//
// Lock order: cgroup_mutex, then objcg_lock; memcg_idr_lock is innermost.
// mem_cgroup_iter() may find a memcg whose references are gone: it is linked
// until a grace period after its release, which is why tryget may fail.
#ifndef LRUTORTURE_LRU_MEMCG_H_
#define LRUTORTURE_LRU_MEMCG_H_

#include <vector>

#include "lru/css.h"
#include "lru/list.h"

namespace lru {

struct shrinker_info;
struct list_lru_ops;

inline constexpr int kNodesMax = 16;
inline constexpr int MEM_CGROUP_ID_MAX = 65535;

struct obj_cgroup {
  percpu_ref refcnt;
  std::atomic<struct mem_cgroup*> memcg = nullptr;
  list_head list;  // memcg->objcg_list, under objcg_lock, once reparented
  rcu_head rcu;
  u32 serial = 0;
};
inline u32 serial_of(const obj_cgroup* objcg) { return objcg->serial; }

// Where reclaim of a memcg's tree has got to, on one node: those who reclaim
// from the same root share the round, and each goes on behind the others.
struct mem_cgroup_reclaim_iter {
  std::atomic<struct mem_cgroup*> position = nullptr;  // visited last (M4)
  std::atomic<u32> generation = 0;                     // rounds ended
};

struct mem_cgroup {
  cgroup_subsys_state css;  // first
  std::atomic<s32> kmemcg_id = -1;
  struct {
    int id = 0;
    std::atomic<s32> ref = 0;
    rcu_head rcu;
  } id;
  std::atomic<obj_cgroup*> objcg = nullptr;  // null: charge the parent
  list_head objcg_list;                      // inherited ones, objcg_lock
  std::atomic<lru::shrinker_info*> shrinker_info[kNodesMax] = {};
  mem_cgroup_reclaim_iter iter[kNodesMax];
};
inline u32 serial_of(const mem_cgroup* memcg) { return memcg->css.serial; }

inline mem_cgroup* mem_cgroup_from_css(css* c) {
  return reinterpret_cast<mem_cgroup*>(c);  // css is the first member
}
inline mem_cgroup* parent_mem_cgroup(const mem_cgroup* memcg) {
  return mem_cgroup_from_css(memcg->css.parent);
}
extern mem_cgroup* root_mem_cgroup;
inline bool mem_cgroup_is_root(const mem_cgroup* memcg) {
  return memcg == root_mem_cgroup;
}
inline int memcg_kmem_id(const mem_cgroup* memcg, LRU_FN) {
  return memcg ? READ_ONCE(memcg->kmemcg_id, fn) : -1;
}

extern int nr_node_ids;

// Brings the whole subject up: RCU callbacks, work queues, the root.
// `steps` null: the clean ones. nids in [1, kNodesMax].
void memcg_boot(int nids, const list_lru_ops* ops, const teardown_steps* steps);
// All memcgs but the root are gone, all lrus destroyed.
void memcg_shutdown();
namespace detail {
extern std::atomic<const list_lru_ops*> the_lru_ops;
}
inline const list_lru_ops& current_lru_ops() {
  return *detail::the_lru_ops.load(std::memory_order_relaxed);
}
// At any time, for one that keeps the same lists; as set_teardown_steps().
void set_lru_ops(const list_lru_ops* ops);

// A new online child of parent, with the caller's reference: put it by
// css_put(). Null: no memory, or parent is dying.
mem_cgroup* mem_cgroup_create(mem_cgroup* parent);
// -EBUSY while it has online children. Returns before the destruction ends;
// the caller holds a reference or RCU.
int mem_cgroup_destroy(mem_cgroup* memcg);

// The next of root's tree in pre-order, root first (prev null), with a
// reference; those already released are passed over. Puts prev; null at the
// end. A walk that stops early puts what it has got.
// With `reclaim`: the next of the round that all reclaimers of (root, nid)
// share; null as well when somebody else has ended the round that this walk
// began in. The caller keeps root by a reference.
struct mem_cgroup_reclaim_cookie {
  int nid = 0;
  u32 generation = 0;  // the walk's own
};
mem_cgroup* mem_cgroup_iter(mem_cgroup* root, mem_cgroup* prev,
                            mem_cgroup_reclaim_cookie* reclaim = nullptr);

// --- ids
// -------------------------------------------------------------------------
extern spinlock_t memcg_idr_lock;
mem_cgroup* mem_cgroup_from_id(int id) ABSL_SHARED_LOCKS_REQUIRED(rcu);
// For oracles: what an id finds at this moment, without a point.
const mem_cgroup* peek_memcg_of_id(int id);
inline bool mem_cgroup_tryget(mem_cgroup* memcg) {
  return !memcg || current_steps().mem_cgroup_tryget(memcg);
}
inline void mem_cgroup_put(mem_cgroup* memcg) {
  if (memcg) css_put(&memcg->css);
}

// --- objcgs
// ---------------------------------------------------------------------- With a
// reference; null for the root. Climbs when the memcg has none left.
obj_cgroup* get_obj_cgroup_from_memcg(mem_cgroup* memcg)
    ABSL_SHARED_LOCKS_REQUIRED(rcu);
void obj_cgroup_put(obj_cgroup* objcg);
inline mem_cgroup* obj_cgroup_memcg(const obj_cgroup* objcg, LRU_FN)
    ABSL_SHARED_LOCKS_REQUIRED(rcu) {
  return READ_ONCE(objcg->memcg, fn);
}

// --- stages, called by css.cc and by controls
// ---------------------------------------
void mem_cgroup_css_offline(css* c) ABSL_EXCLUSIVE_LOCKS_REQUIRED(cgroup_mutex);
void mem_cgroup_css_released(css* c);
void invalidate_reclaim_iterators(mem_cgroup* from, mem_cgroup* dead_memcg);
void mem_cgroup_css_free(css* c);
void memcg_offline_kmem(mem_cgroup* memcg);
void memcg_reparent_objcgs(mem_cgroup* memcg, mem_cgroup* parent);
void mem_cgroup_id_pin(mem_cgroup* memcg);
void mem_cgroup_id_unpublish(mem_cgroup* memcg);
void mem_cgroup_id_release(mem_cgroup* memcg);
// As the kernel does: without a grace period (d7).
void mem_cgroup_id_release_at_once(mem_cgroup* memcg);
void mem_cgroup_idr_remove(mem_cgroup* memcg);
void memcg_idr_clear(mem_cgroup* memcg)
    ABSL_EXCLUSIVE_LOCKS_REQUIRED(memcg_idr_lock);
bool mem_cgroup_tryget_clean(mem_cgroup* memcg);
void obj_cgroup_unlink(obj_cgroup* objcg);
int shrinker_map_size(const struct shrinker_info* info);
struct shrinker_info_unit* shrinker_unit_of(struct shrinker_info* info,
                                            int shrinker_id);
int shrinker_map_size_of_all();  // the largest that any has: shrinker_nr_max
unsigned long shrink_rescan(shrink_control* sc, shrinker* s, int priority);
void free_old_shrinker_info(struct shrinker_info* old);
void shrinker_publish(shrinker* s, shrinker* found);
void shrinker_free_after_rcu(shrinker* s);
void shrinker_unlist(shrinker* s);
void add_nr_deferred_clean(std::atomic<long>& nr_deferred, long nr);
void reparent_shrinker_deferred(mem_cgroup* memcg);

}  // namespace lru

#endif  // LRUTORTURE_LRU_MEMCG_H_
