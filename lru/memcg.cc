#include "lru/memcg.h"

#include <bit>
#include <cerrno>

#include "lru/fault_points.h"
#include "lru/list_lru.h"
#include "lru/shrinker.h"
#include "lru/sync/alloc.h"

namespace lru {

mem_cgroup* root_mem_cgroup = nullptr;
int nr_node_ids = 1;
spinlock_t memcg_idr_lock{"memcg_idr_lock"};
namespace detail {
std::atomic<const list_lru_ops*> the_lru_ops = nullptr;
}

namespace {

spinlock_t objcg_lock{"objcg_lock"};

// --- ids
// -------------------------------------------------------------------------
// 9972605a2383: every change under the lock; readers under RCU.
// A bit per id in use. Ids are words' bits so that one step reads a word and
// the next writes it back, as the nodes of an idr are.
constexpr int kIdBits = 64;
u64 memcg_ids[(MEM_CGROUP_ID_MAX + 1) / kIdBits] ABSL_GUARDED_BY(
    memcg_idr_lock) = {1};  // 0 is no id
std::atomic<mem_cgroup*> memcg_idr[MEM_CGROUP_ID_MAX + 1];

// The lowest free id, as idr_alloc(); -ENOSPC.
int mem_cgroup_id_alloc(mem_cgroup* memcg, mem_cgroup* parent) {
  spin_guard guard(&memcg_idr_lock);
  int first = 0;  // of this word
  for (u64& word : memcg_ids) {
    const u64 ids = word;
    if (~ids) {
      int bit = std::countr_one(ids);
      LRU_POINT(id_taken, .memcg = memcg, .lock = &memcg_idr_lock,
                .nr = first + bit, .parent = parent);
      word = ids | u64{1} << bit;
      return first + bit;
    }
    first += kIdBits;
  }
  return -ENOSPC;
}

void mem_cgroup_id_put(mem_cgroup* memcg) {
  if (!atomic_dec_and_test(memcg->id.ref)) return;
  current_steps().mem_cgroup_id_unpublish(memcg);
  LRU_POINT(id_put, .memcg = memcg, .nr = memcg->id.id,
            .parent = parent_mem_cgroup(memcg), .depth = memcg->css.level);
  current_steps().mem_cgroup_id_release(memcg);
}

// --- objcgs
// ----------------------------------------------------------------------

void obj_cgroup_free_rcu(rcu_head* head) {
  auto* objcg = reinterpret_cast<obj_cgroup*>(reinterpret_cast<char*>(head) -
                                              offsetof(obj_cgroup, rcu));
  percpu_ref_exit(&objcg->refcnt);
  kfree_type(ALLOC_OBJCG, objcg);
}

void obj_cgroup_release(percpu_ref* ref) {
  auto* objcg = reinterpret_cast<obj_cgroup*>(ref);  // first member
  LRU_POINT(objcg_released, .memcg = objcg->memcg.load(), .nr = objcg->serial,
            .memory = objcg);
  current_steps().obj_cgroup_unlink(objcg);
  call_rcu(&objcg->rcu, obj_cgroup_free_rcu);
}

obj_cgroup* obj_cgroup_alloc(mem_cgroup* memcg) {
  if (LRU_ERROR_POINT(objcg_allocated, .memcg = memcg)) return nullptr;
  auto* objcg = kmalloc_type<obj_cgroup>(ALLOC_OBJCG);
  if (!objcg) return nullptr;
  if (percpu_ref_init(&objcg->refcnt, obj_cgroup_release, 0)) {
    kfree_type(ALLOC_OBJCG, objcg);
    return nullptr;
  }
  objcg->serial = next_serial(SERIAL_OTHER);
  objcg->memcg.store(memcg, std::memory_order_relaxed);
  return objcg;
}

// --- online
// ----------------------------------------------------------------------

int memcg_online_kmem(mem_cgroup* memcg) {
  obj_cgroup* objcg = obj_cgroup_alloc(memcg);
  if (!objcg) return -ENOMEM;
  rcu_assign_pointer(memcg->objcg, objcg);
  WRITE_ONCE(memcg->kmemcg_id, memcg->id.id);
  return 0;
}

int mem_cgroup_css_online(mem_cgroup* memcg)
    ABSL_EXCLUSIVE_LOCKS_REQUIRED(cgroup_mutex) {
  if (memcg_online_kmem(memcg)) return -ENOMEM;
  if (alloc_shrinker_info(memcg)) {
    current_steps().memcg_offline_kmem(memcg);
    return -ENOMEM;
  }
  // The online state pins the id, the id pins the css.
  memcg->id.ref.store(1, std::memory_order_relaxed);
  current_steps().mem_cgroup_id_pin(memcg);
  rcu_assign_pointer(memcg_idr[memcg->id.id], memcg);
  return 0;
}

// A memcg with an id and nothing else.
mem_cgroup* mem_cgroup_alloc(mem_cgroup* parent) {
  if (LRU_ERROR_POINT(memcg_allocated, .parent = parent)) return nullptr;
  auto* memcg = kmalloc_type<mem_cgroup>(ALLOC_MEMCG);
  if (!memcg) return nullptr;
  memcg->css.serial = next_serial(SERIAL_CSS);
  int id = LRU_ERROR_POINT(id_allocated, .parent = parent)
               ? -ENOMEM
               : mem_cgroup_id_alloc(memcg, parent);
  if (id < 0) {
    kfree_type(ALLOC_MEMCG, memcg);
    return nullptr;
  }
  memcg->id.id = id;
  return memcg;
}

mem_cgroup* create_locked(mem_cgroup* parent)
    ABSL_EXCLUSIVE_LOCKS_REQUIRED(cgroup_mutex) {
  mem_cgroup* memcg = mem_cgroup_alloc(parent);
  if (!memcg) return nullptr;
  if (css_init_and_link(&memcg->css, parent ? &parent->css : nullptr)) {
    current_steps().mem_cgroup_idr_remove(memcg);
    kfree_type(ALLOC_MEMCG, memcg);
    return nullptr;
  }
  if (!parent) {  // the root has neither objcg nor lists of its own
    if (alloc_shrinker_info(memcg)) return nullptr;
    css_mark_online(&memcg->css);
    return memcg;
  }
  if (mem_cgroup_css_online(memcg)) {
    current_steps().mem_cgroup_idr_remove(memcg);
    css_online_failed(&memcg->css);
    return nullptr;
  }
  css_mark_online(&memcg->css);
  css_get(&memcg->css);  // the caller's
  return memcg;
}

// --- iteration
// ------------------------------------------------------------------

// The first behind pos that can be got, with a reference; null at the end.
mem_cgroup* tryget_next(mem_cgroup* root, mem_cgroup* pos)
    ABSL_SHARED_LOCKS_REQUIRED(rcu) {
  css* c = pos ? &pos->css : nullptr;
  while ((c = css_next_descendant_pre(c, &root->css))) {
    // One that has never been online may yet fail, and go with no regard to
    // references.
    if (!(READ_ONCE(c->flags) & (CSS_ONLINE | CSS_DYING))) continue;
    mem_cgroup* memcg = mem_cgroup_from_css(c);
    if (mem_cgroup_tryget(memcg)) return memcg;
  }
  return nullptr;
}

// Where others have got to, with a reference; null: nowhere.
mem_cgroup* get_position(mem_cgroup_reclaim_iter* iter)
    ABSL_SHARED_LOCKS_REQUIRED(rcu) {
  mem_cgroup* pos;
  while ((pos = rcu_dereference(iter->position)) && !mem_cgroup_tryget(pos)) {
    // Its release will take it back, some time (M4): not waited for here.
    try_cmpxchg(iter->position, &pos, nullptr);
  }
  return pos;
}

mem_cgroup* next_of_round(mem_cgroup* root, mem_cgroup* prev,
                          mem_cgroup_reclaim_cookie* reclaim)
    ABSL_SHARED_LOCKS_REQUIRED(rcu) {
  mem_cgroup_reclaim_iter* iter = &root->iter[reclaim->nid];
  if (!prev) reclaim->generation = READ_ONCE(iter->generation);
  while (reclaim->generation == READ_ONCE(iter->generation)) {
    mem_cgroup* pos = get_position(iter);
    mem_cgroup* memcg = tryget_next(root, pos);
    mem_cgroup* last = pos;
    bool advanced = try_cmpxchg(iter->position, &last, memcg);
    mem_cgroup_put(pos);
    if (!advanced) {
      mem_cgroup_put(memcg);
      continue;
    }
    if (memcg) return memcg;
    // Nothing was left of the round: a walk that begins begins the next, if
    // there is anything at all.
    atomic_add(iter->generation, 1);
    if (prev || !pos) return nullptr;
    reclaim->generation = READ_ONCE(iter->generation);
  }
  return nullptr;
}

}  // namespace

void set_lru_ops(const list_lru_ops* ops) {
  detail::the_lru_ops.store(ops, std::memory_order_relaxed);
}

void memcg_boot(int nids, const list_lru_ops* ops,
                const teardown_steps* steps) {
  nr_node_ids = nids;
  set_lru_ops(ops);
  rcu_init();
  css_boot(steps);
  mutex_guard guard(&cgroup_mutex);
  root_mem_cgroup = create_locked(nullptr);
}

void memcg_shutdown() {
  css_flush();
  css_shutdown();
  mem_cgroup* root = root_mem_cgroup;
  free_shrinker_info(root);
  percpu_ref_exit(&root->css.refcnt);
  current_steps().mem_cgroup_idr_remove(root);
  root_mem_cgroup = nullptr;
  kfree_type(ALLOC_MEMCG, root);
  rcu_exit();
}

mem_cgroup* mem_cgroup_create(mem_cgroup* parent) {
  mutex_guard guard(&cgroup_mutex);
  if (css_is_dying(&parent->css)) return nullptr;
  return create_locked(parent);
}

int mem_cgroup_destroy(mem_cgroup* memcg) {
  mutex_guard guard(&cgroup_mutex);
  return cgroup_destroy_locked(&memcg->css);
}

mem_cgroup* mem_cgroup_iter(mem_cgroup* root, mem_cgroup* prev,
                            mem_cgroup_reclaim_cookie* reclaim) {
  mem_cgroup* memcg;
  {
    rcu_guard guard;
    memcg =
        reclaim ? next_of_round(root, prev, reclaim) : tryget_next(root, prev);
  }
  mem_cgroup_put(prev);
  return memcg;
}

mem_cgroup* mem_cgroup_from_id(int id) {
  if (id <= 0 || id > MEM_CGROUP_ID_MAX) return nullptr;
  return rcu_dereference(memcg_idr[id]);
}

const mem_cgroup* peek_memcg_of_id(int id) {
  if (id < 0 || id > MEM_CGROUP_ID_MAX) return nullptr;
  return memcg_idr[id].load(std::memory_order_relaxed);
}

bool mem_cgroup_tryget_clean(mem_cgroup* memcg) {
  return css_tryget(&memcg->css);
}

void mem_cgroup_id_pin(mem_cgroup* memcg) { css_get(&memcg->css); }

void mem_cgroup_id_unpublish(mem_cgroup* memcg) {
  rcu_assign_pointer(memcg_idr[memcg->id.id], nullptr);
}

void mem_cgroup_idr_remove(mem_cgroup* memcg) {
  spin_guard guard(&memcg_idr_lock);
  memcg_idr_clear(memcg);
}

void memcg_idr_clear(mem_cgroup* memcg) {
  u64& word = memcg_ids[memcg->id.id / kIdBits];
  const u64 ids = word;
  LRU_POINT(id_removed, .memcg = memcg, .lock = &memcg_idr_lock,
            .nr = memcg->id.id, .parent = parent_mem_cgroup(memcg),
            .depth = memcg->css.level);
  word = ids & ~(u64{1} << memcg->id.id % kIdBits);
}

// DIVERGES: after a grace period; the kernel's is free at once (M3).
void mem_cgroup_id_release(mem_cgroup* memcg) {
  call_rcu(&memcg->id.rcu, [](rcu_head* head) {
    auto* expired = reinterpret_cast<mem_cgroup*>(
        reinterpret_cast<char*>(head) - offsetof(mem_cgroup, id.rcu));
    current_steps().mem_cgroup_idr_remove(expired);
    css_put(&expired->css);
  });
}

void mem_cgroup_id_release_at_once(mem_cgroup* memcg) {
  current_steps().mem_cgroup_idr_remove(memcg);
  css_put(&memcg->css);
}

obj_cgroup* get_obj_cgroup_from_memcg(mem_cgroup* memcg) {
  for (; memcg && !mem_cgroup_is_root(memcg);
       memcg = parent_mem_cgroup(memcg)) {
    obj_cgroup* objcg = rcu_dereference(memcg->objcg);
    if (objcg && percpu_ref_tryget(&objcg->refcnt)) return objcg;
  }
  return nullptr;
}

// 0764db9b49c9: from any context, so a spinlock, and one that nobody holds who
// puts a reference.
void obj_cgroup_unlink(obj_cgroup* objcg) {
  spin_guard guard(&objcg_lock);
  list_del_init(&objcg->list);
}

void obj_cgroup_put(obj_cgroup* objcg) {
  if (objcg) percpu_ref_put(&objcg->refcnt);
}

void memcg_reparent_objcgs(mem_cgroup* memcg, mem_cgroup* parent) {
  obj_cgroup* objcg = memcg->objcg.load(std::memory_order_relaxed);
  rcu_assign_pointer(memcg->objcg, nullptr);
  LRU_POINT(objcg_unpublished, .memcg = memcg, .parent = parent,
            .depth = memcg->css.level);
  spin_lock_irq(&objcg_lock);
  list_add(&objcg->list, &memcg->objcg_list);
  for (list_head* at = memcg->objcg_list.next; at != &memcg->objcg_list;
       at = at->next) {
    auto* iter = reinterpret_cast<obj_cgroup*>(reinterpret_cast<char*>(at) -
                                               offsetof(obj_cgroup, list));
    WRITE_ONCE(iter->memcg, parent);
  }
  list_splice_init(&memcg->objcg_list, &parent->objcg_list);
  spin_unlock_irq(&objcg_lock);
  LRU_POINT(objcgs_reparented, .memcg = memcg, .parent = parent,
            .depth = memcg->css.level);
  percpu_ref_kill_and_confirm(&objcg->refcnt, nullptr);
}

void memcg_offline_kmem(mem_cgroup* memcg) {
  if (!memcg->objcg.load(std::memory_order_relaxed)) return;
  mem_cgroup* parent = parent_mem_cgroup(memcg);
  const list_lru_ops& lru_ops = current_lru_ops();
  // From 6.13 on lists come first: until its list is dead, a child's items are
  // found by the child.
  if (lru_ops.climbs) lru_ops.memcg_reparent_list_lrus(memcg, parent);
  memcg_reparent_objcgs(memcg, parent);
  if (!lru_ops.climbs) lru_ops.memcg_reparent_list_lrus(memcg, parent);
}

void mem_cgroup_css_offline(css* c) {
  mem_cgroup* memcg = mem_cgroup_from_css(c);
  current_steps().memcg_offline_kmem(memcg);
  current_steps().reparent_shrinker_deferred(memcg);
  LRU_POINT(nr_deferred_reparented, .memcg = memcg,
            .parent = parent_mem_cgroup(memcg), .depth = c->level);
  mem_cgroup_id_put(memcg);
}

// 54a83d6bcbf8: up to the root, whatever kind of tree it is.
void mem_cgroup_css_released(css* c) {
  mem_cgroup* dead_memcg = mem_cgroup_from_css(c);
  for (mem_cgroup* from = dead_memcg; from; from = parent_mem_cgroup(from)) {
    invalidate_reclaim_iterators(from, dead_memcg);
  }
}

void invalidate_reclaim_iterators(mem_cgroup* from, mem_cgroup* dead_memcg) {
  for (int nid = 0; nid < nr_node_ids; nid++) {
    mem_cgroup* expected = dead_memcg;
    try_cmpxchg(from->iter[nid].position, &expected, nullptr);
  }
}

void mem_cgroup_css_free(css* c) {
  mem_cgroup* memcg = mem_cgroup_from_css(c);
  free_shrinker_info(memcg);
  kfree_type(ALLOC_MEMCG, memcg);
}

}  // namespace lru
