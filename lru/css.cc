#include "lru/css.h"

#include <cerrno>

#include "lru/fault_points.h"
#include "lru/memcg.h"
#include "lru/sync/alloc.h"
#include "lru/sync/completion.h"

namespace lru {

mutex cgroup_mutex{"cgroup_mutex"};

namespace {

std::atomic<const teardown_steps*> the_steps = nullptr;
// 79f919a89c9d: one for each stage, so that none waits behind another.
workqueue_struct* cgroup_offline_wq = nullptr;
workqueue_struct* cgroup_release_wq = nullptr;
workqueue_struct* cgroup_free_wq = nullptr;
// Of all destructions, for css_flush(): it goes on until nothing moves.
std::atomic<u64> nr_stages_done = 0;
u32 nr_killed ABSL_GUARDED_BY(cgroup_mutex) = 0;
// Those who wait until all that were killed before them are offline. (C5)
struct drainer {
  u32 until;  // kill_ticket
  completion done;
  drainer* next;
};
drainer* drainers ABSL_GUARDED_BY(cgroup_mutex) = nullptr;

void stage_done() { nr_stages_done.fetch_add(1, std::memory_order_relaxed); }

css* css_of_work(work_struct* work) {
  return reinterpret_cast<css*>(reinterpret_cast<char*>(work) -
                                offsetof(css, destroy_work));
}
css* css_of_rwork(work_struct* work) {
  return reinterpret_cast<css*>(reinterpret_cast<char*>(work) -
                                offsetof(css, destroy_rwork.work));
}
css* css_of_ref(percpu_ref* ref) {
  return reinterpret_cast<css*>(reinterpret_cast<char*>(ref) -
                                offsetof(css, refcnt));
}

// --- offline
// -------------------------------------------------------------------

bool all_offline(u32 until) ABSL_EXCLUSIVE_LOCKS_REQUIRED(cgroup_mutex) {
  css* root = &root_mem_cgroup->css;
  for (css* c = nullptr; (c = css_next_descendant_pre(c, root));) {
    u32 flags = READ_ONCE(c->flags);
    // Tickets wrap around.
    if ((flags & CSS_DYING) && (flags & CSS_ONLINE) &&
        static_cast<s32>(c->kill_ticket - until) <= 0) {
      return false;
    }
  }
  return true;
}

void wake_drainers() ABSL_EXCLUSIVE_LOCKS_REQUIRED(cgroup_mutex) {
  for (drainer** at = &drainers; drainer* d = *at;) {
    if (!all_offline(d->until)) {
      at = &d->next;
      continue;
    }
    *at = d->next;
    complete(&d->done);  // d is gone
  }
}

// cgroup_lock_and_drain_offline(), without the lock afterwards.
void cgroup_drain_offline() {
  drainer self{};
  {
    mutex_guard guard(&cgroup_mutex);
    if (all_offline(nr_killed)) return;
    self.until = nr_killed;
    self.next = drainers;
    drainers = &self;
  }
  wait_for_completion(&self.done, "offline of the dying");
}

void offline_css(css* c) ABSL_EXCLUSIVE_LOCKS_REQUIRED(cgroup_mutex) {
  lockdep_assert_held(&cgroup_mutex);
  LRU_POINT(offline_begin, .memcg = c, .parent = c->parent, .depth = c->level);
  mem_cgroup_css_offline(c);
  c->flags.fetch_and(~CSS_ONLINE, std::memory_order_relaxed);
  LRU_POINT(offline_end, .memcg = c, .parent = c->parent, .depth = c->level);
  wake_drainers();
}

bool css_child_offline(css* c) { return atomic_dec_and_test(c->online_cnt); }

void css_killed_work_fn(work_struct* work) {
  css* c = css_of_work(work);
  stage_done();
  mutex_guard guard(&cgroup_mutex);
  for (;;) {
    css* parent = c->parent;
    offline_css(c);
    LRU_POINT(base_ref_put, .memcg = c, .parent = parent, .depth = c->level);
    css_put(c);  // css_get_for_offline()
    // The mutex keeps c's release, and so its hold on the parent, from ending.
    c = parent;
    if (!c || !current_steps().css_child_offline(c)) return;
    LRU_POINT(online_cnt_zero, .memcg = c, .parent = c->parent,
              .depth = c->level);
  }
}

void css_kill_confirmed(css* c) {
  stage_done();
  LRU_POINT(kill_confirmed, .memcg = c, .parent = c->parent, .depth = c->level);
  if (!atomic_dec_and_test(c->online_cnt)) return;  // (C3) a child is online
  LRU_POINT(online_cnt_zero, .memcg = c, .parent = c->parent,
            .depth = c->level);
  INIT_WORK(&c->destroy_work, css_killed_work_fn);
  queue_work(current_steps().css_workqueue(css_stage::OFFLINE),
             &c->destroy_work);
}

workqueue_struct* css_workqueue(css_stage stage) {
  switch (stage) {
    case css_stage::OFFLINE:
      return cgroup_offline_wq;
    case css_stage::RELEASE:
      return cgroup_release_wq;
    case css_stage::FREE:
      return cgroup_free_wq;
  }
  return nullptr;
}

// --- free
// ------------------------------------------------------------------------

void css_free_after_rcu(css* c) {
  INIT_RCU_WORK(&c->destroy_rwork, css_free_rwork_fn);
  queue_rcu_work(current_steps().css_workqueue(css_stage::FREE),
                 &c->destroy_rwork);
}

void unlink_and_note(css* c) ABSL_EXCLUSIVE_LOCKS_REQUIRED(cgroup_mutex) {
  lockdep_assert_held(&cgroup_mutex);
  css_unlink(c);
  LRU_POINT(sibling_unlinked, .memcg = c, .parent = c->parent,
            .depth = c->level);
}

// DIVERGES: the kernel has no such step; see css.h.
void css_unlink_work_fn(work_struct* work) {
  css* c = css_of_rwork(work);
  stage_done();
  {
    mutex_guard guard(&cgroup_mutex);
    unlink_and_note(c);
  }
  current_steps().css_free_after_rcu(c);
}

// --- release
// ---------------------------------------------------------------------

void css_release_work_fn(work_struct* work) {
  css* c = css_of_work(work);
  stage_done();
  {
    mutex_guard guard(&cgroup_mutex);
    c->flags.fetch_or(CSS_RELEASED, std::memory_order_relaxed);
    current_steps().css_unlink_at_release(c);
    current_steps().mem_cgroup_css_released(c);
    LRU_POINT(css_released, .memcg = c, .parent = c->parent, .depth = c->level);
  }
  INIT_RCU_WORK(&c->destroy_rwork, css_unlink_work_fn);
  queue_rcu_work(current_steps().css_workqueue(css_stage::FREE),
                 &c->destroy_rwork);
}

// --- kill
// ------------------------------------------------------------------------

bool css_kill_begins(css* c) { return !css_is_dying(c); }

void css_set_dying(css* c) {
  c->flags.fetch_or(CSS_DYING, std::memory_order_relaxed);
}

void kill_css(css* c) ABSL_EXCLUSIVE_LOCKS_REQUIRED(cgroup_mutex) {
  if (!current_steps().css_kill_begins(c)) return;
  c->kill_ticket = ++nr_killed;
  current_steps().css_set_dying(c);
  LRU_POINT(css_dying_set, .memcg = c, .parent = c->parent, .depth = c->level);
  current_steps().css_get_for_offline(c);
  percpu_ref_kill_and_confirm(&c->refcnt, css_killed_ref_fn);
}

bool css_has_online_children(const css* c)
    ABSL_EXCLUSIVE_LOCKS_REQUIRED(cgroup_mutex) {
  for (const css* child = c->children.load(std::memory_order_acquire); child;
       child = child->sibling.load(std::memory_order_acquire)) {
    if (!css_is_dying(child)) return true;
  }
  return false;
}

}  // namespace

const teardown_steps& clean_teardown_steps() {
  static constexpr teardown_steps kClean = {
      .css_kill_begins = css_kill_begins,
      .css_set_dying = css_set_dying,
      .css_get_for_offline = css_get,
      .css_kill_confirmed = css_kill_confirmed,
      .css_child_offline = css_child_offline,
      .css_unlink_at_release = [](css*) {},
      .css_free_after_rcu = css_free_after_rcu,
      .cgroup_drain_offline = cgroup_drain_offline,
      .css_workqueue = css_workqueue,
      .css_tryget_online =
          [](css* c) { return percpu_ref_tryget_live(&c->refcnt); },
      .memcg_offline_kmem = memcg_offline_kmem,
      .mem_cgroup_id_pin = mem_cgroup_id_pin,
      .obj_cgroup_unlink = obj_cgroup_unlink,
      .mem_cgroup_css_released = mem_cgroup_css_released,
      .mem_cgroup_id_unpublish = mem_cgroup_id_unpublish,
      .mem_cgroup_id_release = mem_cgroup_id_release,
      .mem_cgroup_idr_remove = mem_cgroup_idr_remove,
      .mem_cgroup_tryget = mem_cgroup_tryget_clean,
      .shrinker_map_size = shrinker_map_size,
      .shrinker_unit_of = shrinker_unit_of,
      .shrink_rescan = shrink_rescan,
      .add_nr_deferred = add_nr_deferred_clean,
      .reparent_shrinker_deferred = reparent_shrinker_deferred,
      .free_old_shrinker_info = free_old_shrinker_info,
      .shrinker_publish = shrinker_publish,
      .shrinker_unlist = shrinker_unlist,
      .shrinker_free_after_rcu = shrinker_free_after_rcu,
  };
  return kClean;
}

const teardown_steps& current_steps() {
  return *the_steps.load(std::memory_order_relaxed);
}
void set_teardown_steps(const teardown_steps* steps) {
  the_steps.store(steps ? steps : &clean_teardown_steps(),
                  std::memory_order_relaxed);
}

void css_boot(const teardown_steps* steps) {
  set_teardown_steps(steps);
  cgroup_offline_wq = alloc_workqueue("wq-offline");
  cgroup_release_wq = alloc_workqueue("wq-release");
  cgroup_free_wq = alloc_workqueue("wq-free");
}

void css_shutdown() {
  destroy_workqueue(cgroup_offline_wq);
  destroy_workqueue(cgroup_release_wq);
  destroy_workqueue(cgroup_free_wq);
}

void css_flush() {
  // kill -> (RCU) -> offline -> (RCU: id) -> release -> (RCU) -> unlink ->
  // (RCU) -> free -> the parent's release: a round ends at least one stage of
  // each, and a chain of dying ones needs as many as it is deep.
  u64 before;
  do {
    before = nr_stages_done.load(std::memory_order_relaxed);
    rcu_barrier();
    flush_workqueue(cgroup_offline_wq);
    rcu_barrier();
    flush_workqueue(cgroup_release_wq);
    rcu_barrier();
    flush_workqueue(cgroup_free_wq);
  } while (nr_stages_done.load(std::memory_order_relaxed) != before);
}

void css_free_rwork_fn(work_struct* work) {
  css* c = css_of_rwork(work);
  css* parent = c->parent;
  stage_done();
  if (READ_ONCE(c->flags) & CSS_HIERARCHY) {
    current_steps().cgroup_drain_offline();
  }
  LRU_POINT(css_free, .memcg = c, .parent = parent, .depth = c->level);
  LRU_POINT(parent_ref_put, .memcg = c, .parent = parent, .depth = c->level);
  percpu_ref_exit(&c->refcnt);
  mem_cgroup_css_free(c);
  css_put(parent);
}

void css_killed_ref_fn(percpu_ref* ref) {
  current_steps().css_kill_confirmed(css_of_ref(ref));
}

void percpu_ref_release_css(percpu_ref* ref) {
  css* c = css_of_ref(ref);
  LRU_POINT(css_ref_zero, .memcg = c, .parent = c->parent, .depth = c->level);
  INIT_WORK(&c->destroy_work, css_release_work_fn);
  queue_work(current_steps().css_workqueue(css_stage::RELEASE),
             &c->destroy_work);
}

void css_unlink(css* c) {
  std::atomic<css*>* place = &c->parent->children;
  while (css* at = place->load(std::memory_order_relaxed)) {
    if (at == c) {
      // list_del_rcu(): readers on c still find their way on.
      place->store(c->sibling.load(std::memory_order_relaxed),
                   std::memory_order_release);
      return;
    }
    place = &at->sibling;
  }
}

void css_make_hierarchy(css* c) {
  c->flags.fetch_or(CSS_HIERARCHY, std::memory_order_relaxed);
}

int css_init_and_link(css* c, css* parent) {
  if (int err =
          percpu_ref_init(&c->refcnt, percpu_ref_release_css, c->serial)) {
    return err;
  }
  if (!parent) return 0;
  c->parent = parent;
  c->level = parent->level + 1;
  css_get(parent);
  c->sibling.store(parent->children.load(std::memory_order_relaxed),
                   std::memory_order_relaxed);
  rcu_assign_pointer(parent->children, c);
  return 0;
}

void css_mark_online(css* c) {
  c->flags.fetch_or(CSS_ONLINE, std::memory_order_relaxed);
  atomic_add(c->online_cnt, 1);
  if (c->parent) atomic_add(c->parent->online_cnt, 1);
}

void css_online_failed(css* c) {
  LRU_POINT(css_online_failed, .memcg = c, .parent = c->parent,
            .depth = c->level);
  unlink_and_note(c);
  current_steps().css_free_after_rcu(c);
}

int cgroup_destroy_locked(css* c) {
  if (!c->parent) return -EINVAL;
  if (css_has_online_children(c)) return -EBUSY;
  kill_css(c);
  return 0;
}

css* css_next_descendant_pre(css* pos, css* root) {
  if (!pos) return root;
  bool held = lock_is_held(&cgroup_mutex);
  if (css* child = rcu_dereference_check(pos->children, held)) return child;
  for (; pos != root; pos = pos->parent) {
    if (css* next = rcu_dereference_check(pos->sibling, held)) return next;
  }
  return nullptr;
}

}  // namespace lru
