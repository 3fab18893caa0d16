// What both lock scopes share: how lrus are registered, brought up and taken
// down, how the lists of a memcg are made and found, what is done to a list
// once its lock is held, and what needs no lock at all.
//
// Function by function from mm/list_lru.c, with its names, as templates over
// the lock scope (node_lock.h, memcg_lock.h) and its steps: a control derives
// from a scope's steps, replaces one of them and registers its own
// list_lru_ops.
#ifndef LRUTORTURE_LRU_LIST_LRU_COMMON_H_
#define LRUTORTURE_LRU_LIST_LRU_COMMON_H_

#include <array>
#include <cerrno>

#include "lru/list_lru.h"
#include "lru/slab.h"
#include "lru/sync/alloc.h"

namespace lru {

// Under list_lrus_mutex; every lock scope registers here.
extern mutex list_lrus_mutex;
extern list_head memcg_list_lrus ABSL_GUARDED_BY(list_lrus_mutex);

// Counters change under the lock and are read without it.
inline long nr_add(std::atomic<long>& nr_items, long delta) {
  long value = nr_items.load(std::memory_order_relaxed) + delta;
  nr_items.store(value, std::memory_order_relaxed);
  return value;
}

// The steps that every scope has.
struct list_lru_steps {
  static mem_cgroup* shrinker_bit_owner(const list_lru_one* l, mem_cgroup*) {
    return l->owner;
  }
  // 41d17431df4a: below zero while it is being reparented (node_lock.h, N3),
  // and when it is dead (memcg_lock.h).
  static unsigned long count_of(long nr_items) {
    return nr_items < 0 ? 0 : static_cast<unsigned long>(nr_items);
  }
  // 2c80cd57c743: not the sum of its lists, between which items move.
  static long count_of_node(list_lru* lru, int nid) {
    return READ_ONCE(lru->node[nid].nr_items, "list_lru_count_node");
  }
  // Is this callback not to be taken off nr_to_walk?
  static bool visit_is_free(lru_status) { return false; }
  // An isolated item leaves its list's count; the node's when the callback has
  // returned.
  static void uncount_isolated(list_lru_one* l) { nr_add(l->nr_items, -1); }
  // Of the memcg that gets them: src had so many items, dst so many before.
  static bool splice_sets_bit(long src_items, long) { return src_items != 0; }
  // What an id leads to, and does no more.
  static list_lru_memcg* take_lists(list_lru* lru, int id) {
    return static_cast<list_lru_memcg*>(
        xa_erase_irq(&lru->xa, id, "memcg_list_lru_free"));
  }
  static void free_mlru(list_lru_memcg* mlru) {  // kvfree_rcu()
    call_rcu(&mlru->rcu, [](rcu_head* head) {
      kfree_type(ALLOC_MLRU, reinterpret_cast<list_lru_memcg*>(head));
    });
  }
};

// Not templates: one of each, whatever the scope.
inline bool list_lru_memcg_aware(const list_lru* lru) {
  return lru->memcg_aware;
}
inline list_lru_one* list_lru_from_memcg_idx(list_lru* lru, int nid, int idx) {
  if (list_lru_memcg_aware(lru) && idx >= 0) {
    rcu_lockdep_assert();
    auto* mlru = static_cast<list_lru_memcg*>(xa_load(&lru->xa, idx));
    return mlru ? &mlru->node[nid] : nullptr;
  }
  return &lru->node[nid].lru;
}
inline list_lru* list_lru_of(list_head* registered) {
  return reinterpret_cast<list_lru*>(reinterpret_cast<char*>(registered) -
                                     offsetof(list_lru, list));
}
int list_lru_init(list_lru* lru, bool memcg_aware, shrinker* shrinker);
void list_lru_destroy(list_lru* lru);
void list_lru_for_each_list(list_lru* lru, list_lru_visit visit, void* arg);
long nr_items_of_node(const list_lru* lru, int nid);
const list_lru_one* peek_list_at(const list_lru* lru, int id, int nid);
bool memcg_list_lru_allocated(mem_cgroup* memcg, list_lru* lru);
// Null: no memory.
list_lru_memcg* memcg_init_list_lru_one(list_lru* lru, mem_cgroup* memcg);

// For list_lru_ops::operations. Scopes differ in how a walk comes by its list.
std::array<operation_info, 7> list_lru_operations(const char* walk_doc,
                                                  fault_point walk_held_at,
                                                  bool walk_own_list);

template <class Scope, class Steps>
struct list_lru_common {
  static bool list_lru_add_obj(list_lru* lru, list_head* item) {
    LRU_API();
    int nid = slab_obj_of(item)->nid;
    if (!list_lru_memcg_aware(lru)) {
      return Scope::list_lru_add(lru, item, nid, nullptr);
    }
    // 5161b48712dc: the memcg is only as good as the read section.
    rcu_guard guard;
    mem_cgroup* memcg = mem_cgroup_from_slab_obj(item);
    LRU_POINT(memcg_looked_up, .memcg = memcg, .lru = lru, .item = item,
              .nid = nid);
    return Scope::list_lru_add(lru, item, nid, memcg);
  }

  static bool list_lru_del_obj(list_lru* lru, list_head* item) {
    LRU_API();
    int nid = slab_obj_of(item)->nid;
    if (!list_lru_memcg_aware(lru)) {
      return Scope::list_lru_del(lru, item, nid, nullptr);
    }
    rcu_guard guard;
    mem_cgroup* memcg = mem_cgroup_from_slab_obj(item);
    LRU_POINT(memcg_looked_up, .memcg = memcg, .lru = lru, .item = item,
              .nid = nid);
    return Scope::list_lru_del(lru, item, nid, memcg);
  }

  static void list_lru_isolate(list_lru_one* list, list_head* item) {
    list_del_init(item);
    isolated(list, item);
  }

  static void list_lru_isolate_move(list_lru_one* list, list_head* item,
                                    list_head* head) {
    list_move(item, head);
    isolated(list, item);
  }

  static unsigned long list_lru_count_one(list_lru* lru, int nid,
                                          mem_cgroup* memcg) {
    LRU_API();
    rcu_guard guard;
    list_lru_one* l = list_lru_from_memcg_idx(lru, nid, memcg_kmem_id(memcg));
    long count = l ? READ_ONCE(l->nr_items) : 0;
    LRU_POINT(count_loaded, .memcg = memcg, .lru = lru, .list = l, .nid = nid,
              .nr = count);
    return Steps::count_of(count);
  }

  static unsigned long list_lru_count_node(list_lru* lru, int nid) {
    LRU_API();
    return static_cast<unsigned long>(Steps::count_of_node(lru, nid));
  }

 protected:
  // `lock` guards l and is held, here and below.
  static void link_item(list_lru* lru, list_lru_one* l, list_head* item,
                        int nid, mem_cgroup* memcg, const spinlock_t* lock) {
    list_add_tail(item, &l->list);
    LRU_POINT(item_linked, .memcg = memcg, .lru = lru, .item = item, .list = l,
              .owner = l->owner, .nid = nid, .lock = lock);
    // The first one makes the shrinker look.
    if (nr_add(l->nr_items, 1) == 1) {
      set_shrinker_bit(Steps::shrinker_bit_owner(l, memcg), nid,
                       lru->shrinker_id);
    }
    long nr = Scope::nr_node_add(&lru->node[nid], 1);
    LRU_POINT(count_changed, .memcg = memcg, .lru = lru, .item = item,
              .list = l, .owner = l->owner, .nid = nid, .lock = lock, .nr = nr);
  }

  static void unlink_item(list_lru* lru, list_lru_one* l, list_head* item,
                          int nid, mem_cgroup* memcg, const spinlock_t* lock) {
    list_del_init(item);
    LRU_POINT(item_unlinked, .memcg = memcg, .lru = lru, .item = item,
              .list = l, .owner = l->owner, .nid = nid, .lock = lock);
    nr_add(l->nr_items, -1);
    long nr = Scope::nr_node_add(&lru->node[nid], -1);
    LRU_POINT(count_changed, .memcg = memcg, .lru = lru, .item = item,
              .list = l, .owner = l->owner, .nid = nid, .lock = lock, .nr = nr);
  }

  // Before dst, which may be missing, is touched.
  static void note_src_locked(list_lru* lru, list_lru_one* src,
                              list_lru_one* dst, int nid, mem_cgroup* memcg,
                              mem_cgroup* dst_memcg, const spinlock_t* lock) {
    LRU_POINT(src_locked, .memcg = memcg, .lru = lru, .list = src, .nid = nid,
              .lock = lock, .dst = dst, .parent = dst_memcg,
              .depth = memcg->css.level);
  }

  // Everything on src goes to the head of dst.
  static void splice_list(list_lru* lru, list_lru_one* src, list_lru_one* dst,
                          int nid, mem_cgroup* memcg, mem_cgroup* dst_memcg,
                          const spinlock_t* lock) {
    list_splice_init(&src->list, &dst->list);
    long moved = src->nr_items.load(std::memory_order_relaxed);
    long there = dst->nr_items.load(std::memory_order_relaxed);
    if (moved) nr_add(dst->nr_items, moved);
    if (Steps::splice_sets_bit(moved, there)) {
      set_shrinker_bit(dst_memcg, nid, lru->shrinker_id);
    }
    if (moved) nr_add(src->nr_items, -moved);
    LRU_POINT(node_spliced, .memcg = memcg, .lru = lru, .list = src, .nid = nid,
              .lock = lock, .nr = moved, .dst = dst, .parent = dst_memcg,
              .depth = memcg->css.level);
  }

  static void note_drained(list_lru* lru, mem_cgroup* memcg,
                           mem_cgroup* dst_memcg) {
    LRU_POINT(lists_drained, .memcg = memcg, .lru = lru, .parent = dst_memcg,
              .depth = memcg->css.level);
  }

  // Returns what was there.
  static list_lru_memcg* erase_lists(list_lru* lru, int src_idx,
                                     mem_cgroup* memcg, mem_cgroup* dst_memcg) {
    list_lru_memcg* mlru = Steps::take_lists(lru, src_idx);
    LRU_POINT(xa_erased, .memcg = memcg, .lru = lru, .nr = src_idx,
              .memory = mlru, .parent = dst_memcg, .depth = memcg->css.level);
    return mlru;
  }

  // A held list's lock is a read section: those who walk keep it alive.
  static void free_lists(list_lru* lru, list_lru_memcg* mlru, mem_cgroup* memcg,
                         mem_cgroup* dst_memcg) {
    if (!mlru) return;
    Steps::free_mlru(mlru);
    LRU_POINT(mlru_free_queued, .memcg = memcg, .lru = lru, .parent = dst_memcg,
              .depth = memcg->css.level);
  }

  // False when the slot is not to be filled, or is filled already: no error.
  static bool store_mlru(list_lru* lru, mem_cgroup* memcg, list_lru_memcg* mlru,
                         int* err) {
    int index = memcg_kmem_id(memcg);
    if (index < 0) return false;
    if (LRU_ERROR_POINT(xa_stored, .memcg = memcg, .lru = lru, .nr = index,
                        .depth = memcg->css.level) ||
        !xa_reserve(&lru->xa, index)) {
      *err = -ENOMEM;
      return false;
    }
    spin_guard guard(&lru->xa.xa_lock);
    // Memory was allocated without the lock: look again.
    if (!Steps::may_store(memcg, index) || xa_load(&lru->xa, index)) {
      return false;
    }
    // Its slot's owner is whose id that is: of a memcg that was reparented, an
    // ancestor, which may be on its way down as well.
    mem_cgroup* owner = memcg;
    while (owner->id.id != index) owner = parent_mem_cgroup(owner);
    for (int nid = 0; nid < nr_node_ids; nid++) mlru->node[nid].owner = owner;
    LRU_POINT(mlru_stored, .memcg = owner, .lru = lru, .lock = &lru->xa.xa_lock,
              .nr = index, .depth = owner->css.level);
    __xa_store(&lru->xa, index, mlru);
    return true;
  }

  static void note_removed(list_lru* lru, int nid, mem_cgroup* memcg,
                           const spinlock_t* lock) {
    long nr = Steps::uncount_removed(&lru->node[nid]);
    LRU_POINT(count_changed, .memcg = memcg, .lru = lru, .nid = nid,
              .lock = lock, .nr = nr);
  }

 private:
  static void isolated(list_lru_one* list, list_head* item) {
    Steps::uncount_isolated(list);
    LRU_POINT(item_unlinked, .memcg = list->owner,
              .lru = serial_ref::of(list->lru_serial), .item = item,
              .list = list, .owner = list->owner,
              .nid = slab_obj_of(item)->nid);
  }
};

// The caller adds what is its own: whether callbacks return unlocked, whether
// lookups climb, the caller-locked calls.
template <class Scope>
constexpr list_lru_ops make_list_lru_ops(const char* name, const char* doc) {
  list_lru_ops ops = {};
  ops.name = name;
  ops.doc = doc;
  ops.list_lru_init = list_lru_init;
  ops.list_lru_destroy = list_lru_destroy;
  ops.list_lru_add = Scope::list_lru_add;
  ops.list_lru_add_obj = Scope::list_lru_add_obj;
  ops.list_lru_del = Scope::list_lru_del;
  ops.list_lru_del_obj = Scope::list_lru_del_obj;
  ops.list_lru_count_one = Scope::list_lru_count_one;
  ops.list_lru_count_node = Scope::list_lru_count_node;
  ops.list_lru_walk_one = Scope::list_lru_walk_one;
  ops.list_lru_walk_one_irq = Scope::list_lru_walk_one_irq;
  ops.list_lru_walk_node = Scope::list_lru_walk_node;
  ops.list_lru_isolate = Scope::list_lru_isolate;
  ops.list_lru_isolate_move = Scope::list_lru_isolate_move;
  ops.memcg_list_lru_alloc = Scope::memcg_list_lru_alloc;
  ops.memcg_reparent_list_lrus = Scope::memcg_reparent_list_lrus;
  ops.stops = true;
  ops.lock_of = Scope::lock_of;
  ops.nr_node = nr_items_of_node;
  ops.list_at = peek_list_at;
  ops.for_each_list = list_lru_for_each_list;
  return ops;
}

}  // namespace lru

#endif  // LRUTORTURE_LRU_LIST_LRU_COMMON_H_
