// Every fault point of lru/, declared once, in the order teardown reaches
// them, plus the slot of the hook that listens.
//
// A point is one statement, never a condition, and stays in release builds.
// Disarmed it costs one relaxed load. Armed it calls the hook with a site:
// serials (never reused, never addresses) for whatever leaves the process or
// takes part in a decision, and plain identities for in-process oracles.
//
// A hook must never order threads: task-local data and relaxed atomics only.
#ifndef LRUTORTURE_LRU_FAULT_POINTS_H_
#define LRUTORTURE_LRU_FAULT_POINTS_H_

#include <atomic>
#include <span>
#include <string_view>

#include "lru/sync/engine.h"
#include "lru/sync/types.h"

namespace lru {

// What the caller of a point may not do there. A sleep is refused at RCU and
// SPIN, a hold or a spin is not.
enum class held : u8 { NOTHING, MUTEX, RCU, SPIN };
const char* held_name(held h);  // "nothing", "mutex", "rcu", "spinlock"

enum class fp_path : u8 { MEMCG, LIST, ADD_DEL, WALK, ALLOC };
const char* fp_path_name(fp_path p);

// X(name, path, what is held there, error point?, sentence)
#define LRU_FAULT_POINTS(X)                                                    \
  /* memcg stages, in the order of destruction */                              \
  X(css_dying_set, MEMCG, MUTEX, false,                                        \
    "kill_css() has set CSS_DYING; the reference is still percpu")             \
  X(ref_killed, MEMCG, MUTEX, false,                                           \
    "percpu_ref is killed; tryget_online may still succeed elsewhere")         \
  X(ref_switch_confirmed, MEMCG, NOTHING, false,                               \
    "a grace period has passed since the switch to one atomic; the shards "    \
    "are summed up")                                                           \
  X(kill_confirmed, MEMCG, NOTHING, false,                                     \
    "the kill is visible on every CPU; tryget_online fails from here on")      \
  X(online_cnt_zero, MEMCG, NOTHING, false,                                    \
    "no online child is left; offline may begin")                              \
  X(offline_begin, MEMCG, MUTEX, false,                                        \
    "offline work holds cgroup_mutex and is about to offline this css")        \
  X(objcg_unpublished, MEMCG, MUTEX, false,                                    \
    "memcg->objcg is null: new charges climb to the parent")                   \
  X(objcgs_reparented, MEMCG, MUTEX, false,                                    \
    "every objcg names the parent; old lookups are still in flight")           \
  X(kmemcg_ids_changed, MEMCG, MUTEX, false,                                   \
    "lookups by id find the parent's list; the old list is still full")        \
  X(src_locked, LIST, SPIN, false,                                             \
    "reparent holds nlru->lock of this node, nothing moved yet")               \
  X(node_spliced, LIST, SPIN, false,                                           \
    "HOLDS nlru->lock: this node's items are on the parent's list")            \
  X(list_marked_dead, LIST, SPIN, false,                                       \
    "the source sublist carries the dead mark")                                \
  X(lists_drained, LIST, MUTEX, false,                                         \
    "all nodes of this lru are spliced; mlru is empty for ever")               \
  X(xa_erased, LIST, MUTEX, false, "the slot of this memcg's mlru is empty")   \
  X(mlru_free_queued, LIST, MUTEX, false,                                      \
    "mlru will be freed after a grace period")                                 \
  X(nr_deferred_reparented, MEMCG, MUTEX, false,                               \
    "deferred shrinker work has been added to the parent's")                   \
  X(id_put, MEMCG, MUTEX, false,                                               \
    "the last reference of the id is dropped: nothing is found by it")         \
  X(offline_end, MEMCG, MUTEX, false, "css_offline() has returned")            \
  X(base_ref_put, MEMCG, MUTEX, false,                                         \
    "offline work is about to put the reference kill_css() took")              \
  X(ref_put, MEMCG, RCU, false,                                                \
    "a reference of a killed css has been put; nr are left, or too many")      \
  X(css_ref_zero, MEMCG, RCU, false,                                           \
    "the last reference is gone; only RCU readers can see the css")            \
  X(css_released, MEMCG, MUTEX, false, "release work has run")                 \
  X(sibling_unlinked, MEMCG, MUTEX, false,                                     \
    "unlinked from its parent; a grace period before it may be freed")         \
  X(css_free, MEMCG, NOTHING, false,                                           \
    "no RCU reader is left; the memory goes now")                              \
  X(parent_ref_put, MEMCG, NOTHING, false,                                     \
    "the freed css is about to put its parent")                                \
  X(css_online_failed, MEMCG, MUTEX, false,                                    \
    "css_online() ran out of memory: offline_kmem, id removed, free")          \
  X(objcg_released, MEMCG, RCU, false,                                         \
    "the last charge of this objcg is gone")                                   \
  X(id_removed, MEMCG, SPIN, false,                                            \
    "memcg_idr_lock is held: the id may name another memcg once it is let go") \
  /* add and del */                                                            \
  X(memcg_looked_up, ADD_DEL, RCU, false,                                      \
    "add or del has found the object's memcg, under RCU alone")                \
  X(list_looked_up, ADD_DEL, SPIN, false,                                      \
    "the sublist of (memcg, nid) is found")                                    \
  X(dead_list_seen, ADD_DEL, RCU, false,                                       \
    "the sublist found is missing or dead: climb")                             \
  X(climbed_to_parent, ADD_DEL, RCU, false,                                    \
    "the lookup goes on in the parent")                                        \
  X(list_locked, ADD_DEL, SPIN, false, "the lock of the sublist is held")      \
  X(item_linked, ADD_DEL, SPIN, false, "the item is on the list")              \
  X(item_unlinked, ADD_DEL, SPIN, false, "the item is off the list")           \
  X(count_changed, ADD_DEL, SPIN, false, "nr_items follows the list")          \
  X(shrinker_bit_set, ADD_DEL, RCU, false,                                     \
    "first item: the owner's shrinker bit is set")                             \
  /* walk, count, shrink */                                                    \
  X(walk_list_locked, WALK, SPIN, false, "a walk holds the list's lock")       \
  X(isolate_called, WALK, SPIN, false, "the walk is about to call isolate")    \
  X(isolate_unlocked, WALK, NOTHING, false,                                    \
    "an isolate callback has dropped the lock")                                \
  X(walk_restarted, WALK, SPIN, false,                                         \
    "the lock was dropped: the walk starts again at the head")                 \
  X(walk_memcg_from_id, WALK, RCU, false,                                      \
    "walk_node has turned a slot's id into a memcg")                           \
  X(count_loaded, WALK, RCU, false, "a count was read without the lock")       \
  X(shrinker_looked_up, WALK, RCU, false,                                      \
    "shrink_slab_memcg() has found the shrinker of a set bit")                 \
  X(shrink_counted_empty, WALK, NOTHING, false,                                \
    "the shrinker says SHRINK_EMPTY; its bit is still set")                    \
  X(shrinker_bit_cleared, WALK, NOTHING, false,                                \
    "the bit is cleared; an add may have come in between")                     \
  X(shrink_rescanned, WALK, NOTHING, false,                                    \
    "the second run after clearing the bit is done")                           \
  X(shrinker_info_replaced, WALK, MUTEX, false,                                \
    "a larger shrinker_info is published; the old one waits for RCU")          \
  X(shrinker_unpublished, WALK, NOTHING, false,                                \
    "the id of a shrinker that goes (nr) finds nobody; users may still have "  \
    "it")                                                                      \
  X(nr_deferred_changed, WALK, RCU, false,                                     \
    "deferred work of (memcg, nid, shrinker) was added or taken, or, where a " \
    "parent is named, added to that one's")                                    \
  /* alloc and ids; an error point returns -ENOMEM when a fault says so */     \
  X(memcg_allocated, ALLOC, MUTEX, true, "memory for a new memcg")             \
  X(ref_allocated, ALLOC, MUTEX, true, "memory for a percpu_ref's shards")     \
  X(objcg_allocated, ALLOC, MUTEX, true, "memory for a memcg's objcg")         \
  X(shrinker_info_allocated, ALLOC, MUTEX, true,                               \
    "memory for a shrinker_info (bitmap and nr_deferred)")                     \
  X(id_allocated, ALLOC, MUTEX, true, "a memcg id")                            \
  X(id_taken, ALLOC, SPIN, false,                                              \
    "memcg_idr_lock is held: a free id is found, and this memcg's from here "  \
    "on")                                                                      \
  X(mlru_allocated, ALLOC, NOTHING, true,                                      \
    "memory for the sublists of one (lru, memcg)")                             \
  X(xa_stored, ALLOC, NOTHING, true, "memory for the slot of an mlru")         \
  X(mlru_stored, ALLOC, SPIN, false,                                           \
    "xa_lock is held: the slot of this memcg finds its mlru from here on")     \
  X(lru_allocated, ALLOC, NOTHING, true, "memory for the nodes of a list_lru") \
  X(slab_allocated, ALLOC, NOTHING, true, "memory for an object")              \
  /* references and memory, for oracles */                                     \
  X(ref_get, ALLOC, RCU, false,                                                \
    "a reference of a killed css or objcg is taken; nr is the count before")   \
  X(css_got_online, ALLOC, RCU, false,                                         \
    "css_tryget_online() has succeeded; its read section is still open")       \
  X(memory_freed, ALLOC, NOTHING, false,                                       \
    "memory goes back to malloc now; nr is its alloc_type")

enum fault_point : u16 {
#define X(name, ...) FP_##name,
  LRU_FAULT_POINTS(X)
#undef X
      NR_FAULT_POINTS,
};

struct fault_point_info {
  fault_point fp;
  const char* name;
  fp_path path;
  held holds;
  bool error;
  const char* doc;
};
std::span<const fault_point_info> fault_points();
inline const fault_point_info& fault_point_at(fault_point fp) {
  return fault_points()[fp];
}
// NR_FAULT_POINTS when there is no such name.
fault_point fault_point_by_name(std::string_view name);
// Whether an allocation at this point may run a shrinker in the same task, as
// GFP_KERNEL may: it holds nothing that shrink_slab() takes. cgroup_mutex is
// none of that, shrinker_mutex is.
bool may_reclaim_at(fault_point fp);

// Turns a pointer into its serial, so that a point reads `.memcg = memcg`.
struct serial_ref {
  u32 serial = 0;
  const void* ptr = nullptr;  // identity for in-process oracles only
  constexpr serial_ref() = default;
  static constexpr serial_ref of(u32 serial) {
    serial_ref ref;
    ref.serial = serial;
    return ref;
  }
  template <class T>
  serial_ref(const T* p) : serial(p ? serial_of(p) : 0), ptr(p) {}
};

// The serial alone, where nobody looks at the thing itself.
struct serial_only {
  u32 serial = 0;
  constexpr serial_only() = default;
  template <class T>
  serial_only(const T* p) : serial(p ? serial_of(p) : 0) {}
};

// Written anew at every point that is armed, many times in each add and del:
// what those name comes first, and what they leave out is wiped by few stores.
struct fault_site {
  serial_ref memcg = {};  // the memcg in question, as the caller named it
  serial_ref lru = {};
  serial_ref item = {};
  serial_ref list = {};    // list_lru_one
  serial_only owner = {};  // the memcg that owns the sublist, where they differ
  int nid = -1;
  const void* lock = nullptr;
  long nr = 0;  // items moved, counted, or an id: see the point
  const void* memory = nullptr;  // that goes, or that lookups no longer find
  serial_ref dst = {};      // list_lru_one that receives the items of `list`
  serial_only parent = {};  // of memcg, or the one reparented to
  int depth = -1;           // of memcg; the root is 0
  int shrinker_id = -1;
};

// Returns 0, or -ENOMEM at an error point.
using fault_hook_fn = int (*)(fault_point fp, const fault_site& site);
extern std::atomic<fault_hook_fn> lru_fault_hook;
int fault_point_of_engine(fault_point fp, const fault_site& site);
// An armed point. Many times in each add and del, so nothing lies between it
// and the hook.
[[gnu::always_inline]] inline int fault_point_slow(fault_point fp,
                                                   const fault_site& site) {
  if (armed(ARMED_ENGINE)) [[unlikely]]
    return fault_point_of_engine(fp, site);
  fault_hook_fn hook = lru_fault_hook.load(std::memory_order_relaxed);
  return hook ? hook(fp, site) : 0;
}

// A bit per point at which the hook has nothing to do: the site is not even
// put together. An engine sees every point all the same.
static_assert(NR_FAULT_POINTS <= 64, "one bit per point");
extern std::atomic<u64> lru_deaf_points;
inline bool fault_point_wanted(fault_point fp) {
  return !(lru_deaf_points.load(std::memory_order_relaxed) >> fp & 1) ||
         armed(ARMED_ENGINE);
}

#define LRU_POINT(name, ...)                                                  \
  do {                                                                        \
    if (::lru::armed(::lru::ARMED_HOOK | ::lru::ARMED_ENGINE)) [[unlikely]] { \
      if (::lru::fault_point_wanted(::lru::FP_##name)) {                      \
        ::lru::fault_point_slow(::lru::FP_##name,                             \
                                ::lru::fault_site{__VA_ARGS__});              \
      }                                                                       \
    }                                                                         \
  } while (0)

// 0, or -ENOMEM when a fault says so: `if (LRU_ERROR_POINT(...)) goto oom;`
#define LRU_ERROR_POINT(name, ...)                               \
  (::lru::armed(::lru::ARMED_HOOK | ::lru::ARMED_ENGINE)         \
       ? ::lru::fault_point_slow(::lru::FP_##name,               \
                                 ::lru::fault_site{__VA_ARGS__}) \
       : 0)

// How somebody comes by a memcg. Each way is closed by one stage of its
// teardown: whoever is on it by then may still be under way.
enum class way : u8 {
  NONE,           // closes nothing; of an operation: before the teardown only
  TRYGET_ONLINE,  // by a reference that needs the css to be alive
  OBJECT,         // through the objcg of an object, under RCU
  SLOT,           // through its slot in an lru, under RCU
  REFERENCE,      // by a reference taken earlier
  ID,             // by its id, under RCU
};

// One step of the teardown as an lru publishes it: order and grace periods.
struct stage_info {
  fault_point fp;
  bool per_list;      // once per (memcg, lru) or (memcg, lru, nid)
  bool after_gp;      // a whole grace period lies between the stage named
  fault_point since;  // here and this one
  way closes = way::NONE;
};

// One kind of operation on a memcg as an lru publishes it: the points between
// which it is under way, and what lets it meet a dying memcg.
struct operation_info {
  const char* name;
  const char* doc;
  // The first point of it that names the memcg. The others stand for it where
  // a caller has come by the memcg elsewhere.
  std::span<const fault_point> begins;
  std::span<const fault_point> under_way;  // none: it is but a moment
  way via;                                 // how it comes by the memcg
  bool referenced;      // its caller holds a reference; else it is RCU alone
  bool begins_locked;   // with the list's lock held
  fault_point held_at;  // a point where nothing but that reference is held and
                        // behind which it begins (again); none: no such point
  bool makes_lists =
      false;  // it begins where the memcg has no list on that lru yet
  bool own_list =
      false;  // it begins on a list of the memcg's own that is alive
};

}  // namespace lru

#endif  // LRUTORTURE_LRU_FAULT_POINTS_H_
