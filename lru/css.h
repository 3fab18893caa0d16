// The lifetime of a css and the tree it hangs in.
//
// From kernel/cgroup/cgroup.c, Linux 6.12 ("css destruction is four-stage
// process"): kill, confirm, offline on its work queue, base reference put,
// release on its queue, a grace period, free on its queue.
//
// C1  CSS_DYING is set once, before the reference is killed.
// C2  A grace period lies between CSS_DYING and css_offline().
// C3  A parent is offlined after all its children, and freed after them.
// C4  The reference may be above zero at offline; release means zero; free
//     means that no RCU reader is left.
// C5  Who frees the root of a hierarchy first waits until every css that was
//     killed before is offline (cgroup_lock_and_drain_offline()). Offline never
//     waits for a free, so it must not be queued behind one (79f919a89c9d).
// DIVERGES: a css stays linked under its parent until it is freed. The kernel
// unlinks it at release, so that a reader who still holds it under RCU is
// missed when the parent's offline rewrites the ids of its descendants. Here
// unlinking happens after the grace period that follows release, and a second
// one passes before the memory goes.
//
// Lock order: cgroup_mutex is outermost; it serialises create, kill, offline,
// release and unlink. The children lists are read under RCU or cgroup_mutex.
#ifndef LRUTORTURE_LRU_CSS_H_
#define LRUTORTURE_LRU_CSS_H_

#include "lru/fault_points.h"
#include "lru/percpu_ref.h"
#include "lru/sync/spinlock.h"
#include "lru/sync/workqueue.h"

namespace lru {

extern mutex cgroup_mutex;

enum css_flags : u32 {
  CSS_ONLINE = 1,
  CSS_DYING = 2,
  CSS_RELEASED = 4,
  CSS_HIERARCHY = 8,  // as the root of a hierarchy of its own (C5)
};

struct cgroup_subsys_state {
  percpu_ref refcnt;
  cgroup_subsys_state* parent = nullptr;  // pinned by a reference; null: root
  std::atomic<cgroup_subsys_state*> children = nullptr;  // newest first
  std::atomic<cgroup_subsys_state*> sibling = nullptr;
  std::atomic<u32> flags = 0;
  std::atomic<s32> online_cnt = 0;  // itself and its online children
  u32 serial = 0;
  s32 level = 0;        // the root is 0
  u32 kill_ticket = 0;  // kills in their order; cgroup_mutex
  work_struct destroy_work;
  rcu_work destroy_rwork;
};
using css = cgroup_subsys_state;

inline u32 serial_of(const css* c) { return c->serial; }

// What is punted to a work queue, for it needs process context.
enum class css_stage : u8 { OFFLINE, RELEASE, FREE };

// One step each of the cold paths. A control replaces one entry; nothing else
// tells it from the clean lru. Clean ones: clean_teardown_steps().
struct mem_cgroup;
struct obj_cgroup;
struct shrinker;
struct shrink_control;
struct shrinker_info;
struct shrinker_info_unit;
struct teardown_steps {
  // css.cc
  bool (*css_kill_begins)(css* c);  // false: it was killed before (C1)
  void (*css_set_dying)(css* c);
  void (*css_get_for_offline)(css* c);  // put when it is offline
  void (*css_kill_confirmed)(css* c);   // css_killed_ref_fn()
  // A child of c is offline. True: c was killed, too, and waited for this child
  // alone. (C3)
  bool (*css_child_offline)(css* c);
  void (*css_unlink_at_release)(css* c);
  void (*css_free_after_rcu)(css* c);  // c is unlinked; waits, then frees
  void (*cgroup_drain_offline)();  // before a hierarchy's root is freed (C5)
  workqueue_struct* (*css_workqueue)(css_stage stage);
  bool (*css_tryget_online)(css* c);  // read section held
  // memcg.cc
  void (*memcg_offline_kmem)(mem_cgroup* memcg);
  void (*mem_cgroup_id_pin)(mem_cgroup* memcg);  // an id holds its css (M3)
  void (*obj_cgroup_unlink)(obj_cgroup* objcg);  // its last reference gone
  void (*mem_cgroup_css_released)(css* c);       // (M4)
  // The last reference of its id is gone: takes back the pointer that the id
  // finds, and gives the number back, now or later.
  void (*mem_cgroup_id_unpublish)(mem_cgroup* memcg);
  void (*mem_cgroup_id_release)(mem_cgroup* memcg);
  void (*mem_cgroup_idr_remove)(mem_cgroup* memcg);  // frees the number itself
  bool (*mem_cgroup_tryget)(mem_cgroup* memcg);
  // shrinker.cc
  int (*shrinker_map_size)(const shrinker_info* info);  // bits it has (S3)
  // The part of the map that has this shrinker's bit.
  shrinker_info_unit* (*shrinker_unit_of)(shrinker_info* info, int shrinker_id);
  // The second run, after the bit was cleared. (S2)
  unsigned long (*shrink_rescan)(shrink_control* sc, shrinker* s, int priority);
  void (*add_nr_deferred)(std::atomic<long>& nr_deferred, long nr);
  void (*reparent_shrinker_deferred)(mem_cgroup* memcg);  // (S4)
  void (*free_old_shrinker_info)(shrinker_info* old);  // it was replaced (S3)
  // Its id finds `found` from here on: itself, or, before it is freed, nobody.
  void (*shrinker_publish)(shrinker* s, shrinker* found);
  void (*shrinker_unlist)(shrinker* s);          // before it is freed
  void (*shrinker_free_after_rcu)(shrinker* s);  // it is unused; waits, frees
};
const teardown_steps& clean_teardown_steps();
const teardown_steps& current_steps();
// Null: the clean ones. At any time; a step in progress ends as it began. The
// table is complete before the first task starts, and never freed.
void set_teardown_steps(const teardown_steps* steps);

// Work queues: offline, release, free (79f919a89c9d split them).
void css_boot(const teardown_steps* steps);
void css_shutdown();
// Waits until every destruction that has begun can go no further on its own.
void css_flush();

inline bool css_is_dying(const css* c) {
  return READ_ONCE(c->flags) & CSS_DYING;
}
inline void css_get(css* c) { percpu_ref_get(&c->refcnt); }
// Any reference at all; may succeed after offline. In the read section that
// has found c.
inline bool css_tryget(css* c) { return percpu_ref_tryget(&c->refcnt); }
// Fails for certain after the kill is confirmed.
inline bool css_tryget_online(css* c) {
  rcu_guard guard;
  if (!current_steps().css_tryget_online(c)) return false;
  // Whoever succeeds here keeps the grace period open that the confirmation of
  // a kill waits for: inside this section none can have come.
  LRU_POINT(css_got_online, .memcg = c, .parent = c->parent, .depth = c->level);
  return true;
}
inline void css_put(css* c) { percpu_ref_put(&c->refcnt); }

// Makes the css of a new child of the root what the root of a mounted hierarchy
// is: whoever frees it drains offline first. (C5)
void css_make_hierarchy(css* c);

// Links a new css (its serial set, its refcnt initialised by this) under parent
// and takes a reference on it. -ENOMEM.
int css_init_and_link(css* c, css* parent)
    ABSL_EXCLUSIVE_LOCKS_REQUIRED(cgroup_mutex);
void css_mark_online(css* c) ABSL_EXCLUSIVE_LOCKS_REQUIRED(cgroup_mutex);
// The short path: css_online has failed; unlinks and frees after RCU.
void css_online_failed(css* c) ABSL_EXCLUSIVE_LOCKS_REQUIRED(cgroup_mutex);

// -EBUSY while an online child exists, -EINVAL for the root, 0 also when it
// was killed before (kill_css() is idempotent).
int cgroup_destroy_locked(css* c) ABSL_EXCLUSIVE_LOCKS_REQUIRED(cgroup_mutex);
void percpu_ref_release_css(percpu_ref* ref);  // css_release()
void css_killed_ref_fn(percpu_ref* ref);
void css_free_rwork_fn(work_struct* work);  // work is destroy_rwork's
// list_del_rcu(&css->sibling): nothing when it is unlinked already.
void css_unlink(css* c) ABSL_EXCLUSIVE_LOCKS_REQUIRED(cgroup_mutex);

// Pre-order successor of pos below root, root first (pos null); null at the
// end. RCU or cgroup_mutex held throughout.
css* css_next_descendant_pre(css* pos, css* root);

}  // namespace lru

#endif  // LRUTORTURE_LRU_CSS_H_
