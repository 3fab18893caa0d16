// The `memcg-lock` scope: every list, of one memcg on one node, has a lock of
// its own.
//
// From mm/list_lru.c, Linux 7.2 (split by fb56fdf8b9a2, 6.13), in its fixed
// form; what node-lock does alike is in list_lru_common.h.
//
// G1  kmemcg_id stays what it is. A lookup that finds no list, or a dead one,
//     climbs to the parent; that happens to a dying memcg alone.
// G2  A list dies under its own lock and its parent's, with its last item gone
//     to the parent's: whoever has got a list's lock and finds it alive may
//     rely on it until the unlock.
// G3  Drained on all nodes and marked dead, then out of the xarray, then freed
//     after a grace period (98733f3f0bec, CVE-2026-53153). A held lock is a
//     read section.
// G4  Lists are reparented before objcgs: until its list is dead, a child's
//     items are found by the child, and afterwards by either.
// G5  A grace period lies between CSS_DYING and the reparenting, so that an
//     allocation which has not seen the mark, under xa_lock, is over (C2).
// G6  An id that has been given to another memcg leads to no list: a memcg
//     whose id is gone may still be used, by who holds a reference, for ever.
// Lock order: child's list, then parent's.
// DIVERGES: G6; the kernel takes whatever list the id leads to. Its d7 is the
// same for a reader under RCU, against which memcg.h's grace period helps.
// DIVERGES: memcg_list_lru_alloc() goes on below a dying ancestor that has its
// lists; the kernel returns. Another allocator may be about to store the last
// ones, under xa_lock and not having seen the mark: whoever had returned would
// climb past a slot that is then filled, and its del would find that list.
// DIVERGES: list_lru_walk_node() passes an id by that names nobody; the kernel
// walks the root's list once more for it.
#ifndef LRUTORTURE_LRU_MEMCG_LOCK_H_
#define LRUTORTURE_LRU_MEMCG_LOCK_H_

#include <limits>

#include "lru/list_lru_common.h"

namespace lru {

std::span<const stage_info> memcg_lock_stages();
std::span<const operation_info> memcg_lock_operations();
std::span<const fault_point> memcg_lock_absent();

inline constexpr long kDeadList = std::numeric_limits<long>::min();

struct memcg_lock_steps : list_lru_steps {
  static void lock_for_reparent(list_lru_one* src)
      ABSL_EXCLUSIVE_LOCK_FUNCTION(src->lock) {
    spin_lock_irq(&src->lock);
  }
  static void unlock_after_reparent(list_lru_one* src)
      ABSL_UNLOCK_FUNCTION(src->lock) {
    spin_unlock_irq(&src->lock);
  }
  static void mark_dead(list_lru_one* src) {
    WRITE_ONCE(src->nr_items, kDeadList, "mark_dead");
  }
  // (G3) Returns what is to be freed.
  template <class Scope>
  static list_lru_memcg* drain_and_erase(list_lru* lru, list_lru_memcg* mlru,
                                         mem_cgroup* memcg,
                                         mem_cgroup* parent) {
    Scope::drain(lru, mlru, memcg, parent);
    return Scope::erase(lru, memcg, parent);
  }
  // (G6) An id found l, which is not the root's.
  static bool is_of(const list_lru_one* l, const mem_cgroup* memcg) {
    return l->owner == memcg;
  }
  // Under the locks of many lists, so atomically.
  static long uncount_removed(list_lru_node* nlru) {
    return atomic_fetch_add_relaxed(nlru->nr_items, -1, "note_removed") - 1;
  }
  // The callback has dropped it, as with LRU_RETRY. (L7)
  static void unlock_after_stop(list_lru_one*) {}
  // Under xa_lock. (G5)
  static bool may_store(const mem_cgroup* memcg, int) {
    return !css_is_dying(&memcg->css);
  }
};

template <class Steps>
struct memcg_lock : list_lru_common<memcg_lock<Steps>, Steps> {
  using common = list_lru_common<memcg_lock<Steps>, Steps>;

  static bool list_lru_add(list_lru* lru, list_head* item, int nid,
                           mem_cgroup* memcg) {
    LRU_API();
    mem_cgroup* owner = memcg;
    list_lru_one* l = lock_list_lru_of_memcg(lru, nid, &owner, item);
    bool added = add_locked(lru, l, item, nid, memcg);
    list_lru_unlock(l);
    return added;
  }

  static bool list_lru_del(list_lru* lru, list_head* item, int nid,
                           mem_cgroup* memcg) {
    LRU_API();
    mem_cgroup* owner = memcg;
    list_lru_one* l = lock_list_lru_of_memcg(lru, nid, &owner, item);
    bool deleted = del_locked(lru, l, item, nid, memcg);
    list_lru_unlock(l);
    return deleted;
  }

  // --- caller-locked
  static list_lru_one* list_lru_lock(list_lru* lru, int nid,
                                     mem_cgroup** memcg) {
    LRU_API();
    return lock_list_lru_of_memcg(lru, nid, memcg, nullptr);
  }
  static void list_lru_unlock(list_lru_one* l) ABSL_NO_THREAD_SAFETY_ANALYSIS {
    spin_unlock(&l->lock);
  }
  static list_lru_one* list_lru_lock_irqsave(list_lru* lru, int nid,
                                             mem_cgroup** memcg,
                                             unsigned long* flags) {
    LRU_API();
    *flags = local_irq_save();
    return lock_list_lru_of_memcg(lru, nid, memcg, nullptr);
  }
  static void list_lru_unlock_irqrestore(list_lru_one* l, unsigned long* flags)
      ABSL_NO_THREAD_SAFETY_ANALYSIS {
    spin_unlock(&l->lock);
    local_irq_restore(*flags);
  }
  static bool __list_lru_add(list_lru* lru, list_lru_one* l, list_head* item,
                             int nid, mem_cgroup* memcg) {
    LRU_API();
    return add_locked(lru, l, item, nid, memcg);
  }
  static bool __list_lru_del(list_lru* lru, list_lru_one* l, list_head* item,
                             int nid) {
    LRU_API();
    return del_locked(lru, l, item, nid, l->owner);
  }

  static unsigned long list_lru_walk_one(list_lru* lru, int nid,
                                         mem_cgroup* memcg,
                                         list_lru_walk_cb isolate, void* cb_arg,
                                         unsigned long* nr_to_walk) {
    LRU_API();
    return __list_lru_walk_one(lru, nid, memcg, isolate, cb_arg, nr_to_walk,
                               /*irq_off=*/false);
  }

  static unsigned long list_lru_walk_one_irq(list_lru* lru, int nid,
                                             mem_cgroup* memcg,
                                             list_lru_walk_cb isolate,
                                             void* cb_arg,
                                             unsigned long* nr_to_walk) {
    LRU_API();
    return __list_lru_walk_one(lru, nid, memcg, isolate, cb_arg, nr_to_walk,
                               /*irq_off=*/true);
  }

  static unsigned long list_lru_walk_node(list_lru* lru, int nid,
                                          list_lru_walk_cb isolate,
                                          void* cb_arg,
                                          unsigned long* nr_to_walk) {
    LRU_API();
    unsigned long isolated =
        list_lru_walk_one(lru, nid, nullptr, isolate, cb_arg, nr_to_walk);
    if (!list_lru_memcg_aware(lru)) return isolated;
    for (int index = 0; *nr_to_walk > 0 && xa_find(&lru->xa, &index); index++) {
      mem_cgroup* memcg = get_memcg_from_id(lru, nid, index);
      if (!memcg) continue;
      isolated += __list_lru_walk_one(lru, nid, memcg, isolate, cb_arg,
                                      nr_to_walk, /*irq_off=*/false);
      mem_cgroup_put(memcg);
    }
    return isolated;
  }

  static int memcg_list_lru_alloc(mem_cgroup* memcg, list_lru* lru) {
    LRU_API();
    if (!list_lru_memcg_aware(lru) || memcg_list_lru_allocated(memcg, lru)) {
      return 0;
    }
    // From the top, for a list can be reparented to any ancestor (L4). Where
    // nothing could be stored, for it is dying, nothing can be below it.
    mem_cgroup* pos;
    do {
      pos = topmost_without_lists(memcg, lru);
      list_lru_memcg* mlru = memcg_init_list_lru_one(lru, pos);
      if (!mlru) return -ENOMEM;
      int err = 0;
      if (!common::store_mlru(lru, pos, mlru, &err)) {
        kfree_type(ALLOC_MLRU, mlru);
      }
      if (err) return err;
    } while (pos != memcg && memcg_list_lru_allocated(pos, lru));
    return 0;
  }

  static void memcg_reparent_list_lrus(mem_cgroup* memcg, mem_cgroup* parent) {
    LRU_API();
    mutex_guard guard(&list_lrus_mutex);
    for (list_head* at = memcg_list_lrus.next; at != &memcg_list_lrus;
         at = at->next) {
      list_lru* lru = list_lru_of(at);
      // G5: nobody stores any more.
      auto* mlru =
          static_cast<list_lru_memcg*>(xa_load(&lru->xa, memcg_kmem_id(memcg)));
      if (!mlru) continue;
      mlru =
          Steps::template drain_and_erase<memcg_lock>(lru, mlru, memcg, parent);
      common::free_lists(lru, mlru, memcg, parent);
    }
  }

  static void drain(list_lru* lru, list_lru_memcg* mlru, mem_cgroup* memcg,
                    mem_cgroup* parent) {
    for (int nid = 0; nid < nr_node_ids; nid++) {
      memcg_reparent_list_lru_one(lru, nid, &mlru->node[nid], memcg, parent);
    }
    common::note_drained(lru, memcg, parent);
  }
  static list_lru_memcg* erase(list_lru* lru, mem_cgroup* memcg,
                               mem_cgroup* parent) {
    return common::erase_lists(lru, memcg_kmem_id(memcg), memcg, parent);
  }

  static const spinlock_t* lock_of(const list_lru*, int,
                                   const list_lru_one* l) {
    return &l->lock;
  }

  static long nr_node_add(list_lru_node* nlru, long delta) {
    return atomic_fetch_add_relaxed(nlru->nr_items, delta, "nr_node_add") +
           delta;
  }

 private:
  // The live list that (memcg, nid) leads to, locked; *memcg is its owner from
  // here on. `item` is for the fault points alone.
  static list_lru_one* lock_list_lru_of_memcg(
      list_lru* lru, int nid, mem_cgroup** memcg,
      const list_head* item) ABSL_NO_THREAD_SAFETY_ANALYSIS {
    mem_cgroup* const asked = *memcg;
    rcu_guard guard;
    for (;;) {
      if (list_lru_one* l = list_lru_from_memcg(lru, nid, *memcg)) {
        LRU_POINT(list_looked_up, .memcg = asked, .lru = lru, .item = item,
                  .list = l, .owner = l->owner, .nid = nid);
        if (lock_if_alive(l)) return l;
      }
      LRU_POINT(dead_list_seen, .memcg = *memcg, .lru = lru, .item = item,
                .nid = nid);
      *memcg = parent_mem_cgroup(*memcg);
      LRU_POINT(climbed_to_parent, .memcg = asked, .lru = lru, .item = item,
                .nid = nid, .parent = *memcg);
    }
  }

  // (G6)
  static list_lru_one* list_lru_from_memcg(list_lru* lru, int nid,
                                           const mem_cgroup* memcg) {
    int idx = memcg_kmem_id(memcg);
    list_lru_one* l = list_lru_from_memcg_idx(lru, nid, idx);
    return l && (!l->owner || Steps::is_of(l, memcg)) ? l : nullptr;
  }

  // False, and not locked: it is dead. Inline, as the kernel's lock_list_lru()
  // is.
  [[gnu::always_inline]] static bool lock_if_alive(
      list_lru_one* l, bool irq_off = false) ABSL_NO_THREAD_SAFETY_ANALYSIS {
    irq_off ? spin_lock_irq(&l->lock) : spin_lock(&l->lock);
    if (READ_ONCE(l->nr_items) != kDeadList) return true;
    unlock_list_lru(l, irq_off, __func__);
    return false;
  }
  static void unlock_list_lru(list_lru_one* l, bool irq_off,
                              const char* fn) ABSL_NO_THREAD_SAFETY_ANALYSIS {
    irq_off ? spin_unlock_irq(&l->lock, fn) : spin_unlock(&l->lock, fn);
  }

  static bool add_locked(list_lru* lru, list_lru_one* l, list_head* item,
                         int nid, mem_cgroup* memcg) {
    LRU_POINT(list_locked, .memcg = memcg, .lru = lru, .item = item, .list = l,
              .owner = l->owner, .nid = nid, .lock = &l->lock);
    if (!list_empty(item)) return false;
    common::link_item(lru, l, item, nid, memcg, &l->lock);
    return true;
  }
  static bool del_locked(list_lru* lru, list_lru_one* l, list_head* item,
                         int nid, mem_cgroup* memcg) {
    LRU_POINT(list_locked, .memcg = memcg, .lru = lru, .item = item, .list = l,
              .owner = l->owner, .nid = nid, .lock = &l->lock);
    if (list_empty(item)) return false;
    common::unlink_item(lru, l, item, nid, memcg, &l->lock);
    return true;
  }

  // With a reference; null when there is none that could still be walked.
  static mem_cgroup* get_memcg_from_id(list_lru* lru, int nid, int index) {
    rcu_guard guard;
    mem_cgroup* memcg = mem_cgroup_from_id(index);
    LRU_POINT(walk_memcg_from_id, .memcg = memcg, .lru = lru, .nid = nid,
              .nr = index);
    return memcg && mem_cgroup_tryget(memcg) ? memcg : nullptr;
  }

  static unsigned long __list_lru_walk_one(
      list_lru* lru, int nid, mem_cgroup* memcg, list_lru_walk_cb isolate,
      void* cb_arg, unsigned long* nr_to_walk,
      bool irq_off) ABSL_NO_THREAD_SAFETY_ANALYSIS {  // the callback drops it
    unsigned long isolated = 0;
  restart:
    list_lru_one* l = lock_to_walk(lru, nid, memcg, irq_off);
    if (!l) return isolated;
    LRU_POINT(walk_list_locked, .memcg = memcg, .lru = lru, .list = l,
              .owner = l->owner, .nid = nid, .lock = &l->lock);
    list_head* next;
    for (list_head* item = l->list.next; item != &l->list; item = next) {
      next = item->next;
      // First of all, so that many LRU_RETRY items cannot livelock the walk.
      if (!*nr_to_walk) break;
      --*nr_to_walk;
      LRU_POINT(isolate_called, .memcg = memcg, .lru = lru, .item = item,
                .list = l, .owner = l->owner, .nid = nid, .lock = &l->lock);
      lru_status ret = isolate(item, l, &l->lock, cb_arg);
      if (Steps::visit_is_free(ret)) ++*nr_to_walk;
      switch (ret) {
        case LRU_REMOVED:
          isolated++;
          common::note_removed(lru, nid, memcg, &l->lock);
          break;
        case LRU_REMOVED_RETRY:
          isolated++;
          common::note_removed(lru, nid, memcg, nullptr);
          [[fallthrough]];
        case LRU_RETRY:
          // Dropped: neither item nor list nor `next` is ours any more. (L7)
          LRU_POINT(walk_restarted, .memcg = memcg, .lru = lru, .nid = nid);
          goto restart;
        case LRU_ROTATE:
          list_move_tail(item, &l->list);
          break;
        case LRU_SKIP:
          break;
        case LRU_STOP:
          Steps::unlock_after_stop(l);
          return isolated;
      }
    }
    unlock_list_lru(l, irq_off, "list_lru_unlock");
    return isolated;
  }

  // The memcg's own list or none: its items are the parent's when it is dead.
  static list_lru_one* lock_to_walk(list_lru* lru, int nid, mem_cgroup* memcg,
                                    bool irq_off) {
    rcu_guard guard;
    list_lru_one* l = list_lru_from_memcg(lru, nid, memcg);
    return l && lock_if_alive(l, irq_off) ? l : nullptr;
  }

  static mem_cgroup* topmost_without_lists(mem_cgroup* memcg, list_lru* lru) {
    mem_cgroup* pos = memcg;
    mem_cgroup* parent = parent_mem_cgroup(pos);
    while (parent && !memcg_list_lru_allocated(parent, lru)) {
      pos = parent;
      parent = parent_mem_cgroup(pos);
    }
    return pos;
  }

  // (G2)
  static void memcg_reparent_list_lru_one(
      list_lru* lru, int nid, list_lru_one* src, mem_cgroup* memcg,
      mem_cgroup* parent) ABSL_NO_THREAD_SAFETY_ANALYSIS {
    Steps::lock_for_reparent(src);
    list_lru_one* dst =
        list_lru_from_memcg_idx(lru, nid, memcg_kmem_id(parent));
    common::note_src_locked(lru, src, dst, nid, memcg, parent, &src->lock);
    spin_lock_nested(&dst->lock, SINGLE_DEPTH_NESTING);
    common::splice_list(lru, src, dst, nid, memcg, parent, &src->lock);
    Steps::mark_dead(src);
    LRU_POINT(list_marked_dead, .memcg = memcg, .lru = lru, .list = src,
              .nid = nid, .lock = &src->lock, .dst = dst, .parent = parent,
              .depth = memcg->css.level);
    spin_unlock(&dst->lock);
    Steps::unlock_after_reparent(src);
  }
};

template <class Steps>
constexpr list_lru_ops make_memcg_lock_ops(const char* name, const char* doc) {
  using L = memcg_lock<Steps>;
  list_lru_ops ops = make_list_lru_ops<L>(name, doc);
  ops.returns_unlocked = true;
  ops.climbs = true;
  ops.list_lru_lock = L::list_lru_lock;
  ops.list_lru_unlock = L::list_lru_unlock;
  ops.list_lru_lock_irqsave = L::list_lru_lock_irqsave;
  ops.list_lru_unlock_irqrestore = L::list_lru_unlock_irqrestore;
  ops.__list_lru_add = L::__list_lru_add;
  ops.__list_lru_del = L::__list_lru_del;
  return ops;
}

// The clean one.
const list_lru_ops& memcg_lock_ops();

}  // namespace lru

#endif  // LRUTORTURE_LRU_MEMCG_LOCK_H_
