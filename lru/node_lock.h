// The `node-lock` scope: one lock per (lru, node) guards the lists of every
// memcg on that node.
//
// From mm/list_lru.c, Linux 6.12; what memcg-lock does alike is in
// list_lru_common.h.
//
// N1  kmemcg_id of the memcg and of all its descendants names the parent
//     before any list of the memcg is spliced.
// N2  kmemcg_id is read, and the sublist looked up, under nlru->lock; so a
//     lookup either sees the list before the splice or finds the parent's.
// N3  Between N1 and the splice, del takes the right lock and counts on the
//     wrong list; the splice mends the sums.
// DIVERGES: the shrinker bit is set on the memcg that owns the sublist, not on
// the one passed in (79a031583ca5 mended that in 7.2).
#ifndef LRUTORTURE_LRU_NODE_LOCK_H_
#define LRUTORTURE_LRU_NODE_LOCK_H_

#include <span>
#include <vector>

#include "lru/list_lru_common.h"

namespace lru {

std::span<const stage_info> node_lock_stages();
std::span<const operation_info> node_lock_operations();
std::span<const fault_point> node_lock_absent();

// The lists of one memcg, made and not yet stored.
struct pending_mlru {
  list_lru_memcg* mlru;
  mem_cgroup* memcg;
};

struct node_lock_steps : list_lru_steps {
  static void lock(list_lru_node* nlru)
      ABSL_EXCLUSIVE_LOCK_FUNCTION(nlru->lock) {
    spin_lock(&nlru->lock);
  }
  static void unlock(list_lru_node* nlru) ABSL_UNLOCK_FUNCTION(nlru->lock) {
    spin_unlock(&nlru->lock);
  }
  static void lock_for_reparent(list_lru_node* nlru)
      ABSL_EXCLUSIVE_LOCK_FUNCTION(nlru->lock) {
    spin_lock_irq(&nlru->lock);
  }
  static void unlock_after_reparent(list_lru_node* nlru)
      ABSL_UNLOCK_FUNCTION(nlru->lock) {
    spin_unlock_irq(&nlru->lock);
  }
  // Before the lock is taken: may this node be left out?
  static bool reparent_may_skip(const list_lru_node*) { return false; }
  // The lock was dropped: may the walk go on where it was?
  static bool may_go_on_after_retry() { return false; }
  static long uncount_removed(list_lru_node* nlru) {
    return nr_add(nlru->nr_items, -1);
  }
  // The memcg may have been reparented, and its id with it.
  static bool may_store(const mem_cgroup* memcg, int index) {
    return memcg_kmem_id(memcg, "store_mlru") == index;
  }
  // What was made before the one there is no memory for.
  static void unwind(std::span<const pending_mlru> made) {
    for (const pending_mlru& entry : made) kfree_type(ALLOC_MLRU, entry.mlru);
  }
};

template <class Steps>
struct node_lock : list_lru_common<node_lock<Steps>, Steps> {
  using common = list_lru_common<node_lock<Steps>, Steps>;

  static bool list_lru_add(list_lru* lru, list_head* item, int nid,
                           mem_cgroup* memcg) {
    LRU_API();
    list_lru_node* nlru = &lru->node[nid];
    Steps::lock(nlru);
    LRU_POINT(list_locked, .memcg = memcg, .lru = lru, .item = item, .nid = nid,
              .lock = &nlru->lock);
    bool add = list_empty(item);
    if (add) {
      list_lru_one* l = look_up(lru, item, nid, memcg, nlru);
      common::link_item(lru, l, item, nid, memcg, &nlru->lock);
    }
    Steps::unlock(nlru);
    return add;
  }

  static bool list_lru_del(list_lru* lru, list_head* item, int nid,
                           mem_cgroup* memcg) {
    LRU_API();
    list_lru_node* nlru = &lru->node[nid];
    Steps::lock(nlru);
    LRU_POINT(list_locked, .memcg = memcg, .lru = lru, .item = item, .nid = nid,
              .lock = &nlru->lock);
    bool del = !list_empty(item);
    if (del) {
      list_lru_one* l = look_up(lru, item, nid, memcg, nlru);
      common::unlink_item(lru, l, item, nid, memcg, &nlru->lock);
    }
    Steps::unlock(nlru);
    return del;
  }

  static unsigned long list_lru_walk_one(list_lru* lru, int nid,
                                         mem_cgroup* memcg,
                                         list_lru_walk_cb isolate, void* cb_arg,
                                         unsigned long* nr_to_walk) {
    LRU_API();
    list_lru_node* nlru = &lru->node[nid];
    Steps::lock(nlru);
    unsigned long ret = __list_lru_walk_one(lru, nid, memcg_kmem_id(memcg),
                                            memcg, isolate, cb_arg, nr_to_walk);
    Steps::unlock(nlru);
    return ret;
  }

  static unsigned long list_lru_walk_one_irq(list_lru* lru, int nid,
                                             mem_cgroup* memcg,
                                             list_lru_walk_cb isolate,
                                             void* cb_arg,
                                             unsigned long* nr_to_walk) {
    LRU_API();
    list_lru_node* nlru = &lru->node[nid];
    spin_lock_irq(&nlru->lock);
    unsigned long ret = __list_lru_walk_one(lru, nid, memcg_kmem_id(memcg),
                                            memcg, isolate, cb_arg, nr_to_walk);
    spin_unlock_irq(&nlru->lock);
    return ret;
  }

  static unsigned long list_lru_walk_node(list_lru* lru, int nid,
                                          list_lru_walk_cb isolate,
                                          void* cb_arg,
                                          unsigned long* nr_to_walk) {
    LRU_API();
    unsigned long isolated =
        list_lru_walk_one(lru, nid, nullptr, isolate, cb_arg, nr_to_walk);
    if (!list_lru_memcg_aware(lru)) return isolated;
    list_lru_node* nlru = &lru->node[nid];
    for (int index = 0; *nr_to_walk > 0 && xa_find(&lru->xa, &index); index++) {
      Steps::lock(nlru);
      isolated += __list_lru_walk_one(lru, nid, index, nullptr, isolate, cb_arg,
                                      nr_to_walk);
      Steps::unlock(nlru);
    }
    return isolated;
  }

  static int memcg_list_lru_alloc(mem_cgroup* memcg, list_lru* lru) {
    LRU_API();
    if (!list_lru_memcg_aware(lru) || memcg_list_lru_allocated(memcg, lru)) {
      return 0;
    }
    // A list can be reparented to any ancestor: those need theirs too (L4).
    std::vector<pending_mlru> table;
    for (; memcg && !memcg_list_lru_allocated(memcg, lru);
         memcg = parent_mem_cgroup(memcg)) {
      list_lru_memcg* mlru = memcg_init_list_lru_one(lru, memcg);
      if (!mlru) {
        Steps::unwind(table);
        return -ENOMEM;
      }
      table.push_back({mlru, memcg});
    }
    int err = 0;
    while (!table.empty()) {
      pending_mlru entry = table.back();
      table.pop_back();
      if (err || !common::store_mlru(lru, entry.memcg, entry.mlru, &err)) {
        kfree_type(ALLOC_MLRU, entry.mlru);
      }
    }
    return err;
  }

  static void memcg_reparent_list_lrus(mem_cgroup* memcg, mem_cgroup* parent) {
    LRU_API();
    int src_idx = memcg_kmem_id(memcg);
    {
      rcu_guard guard;
      for (css* c = nullptr; (c = css_next_descendant_pre(c, &memcg->css));) {
        WRITE_ONCE(mem_cgroup_from_css(c)->kmemcg_id, memcg_kmem_id(parent));
      }
    }
    LRU_POINT(kmemcg_ids_changed, .memcg = memcg, .nr = src_idx,
              .parent = parent, .depth = memcg->css.level);
    mutex_guard guard(&list_lrus_mutex);
    for (list_head* at = memcg_list_lrus.next; at != &memcg_list_lrus;
         at = at->next) {
      memcg_reparent_list_lru(list_lru_of(at), src_idx, memcg, parent);
    }
  }

  // Of every list of that node.
  static const spinlock_t* lock_of(const list_lru* lru, int nid,
                                   const list_lru_one*) {
    return &lru->node[nid].lock;
  }

  // Under the lock.
  static long nr_node_add(list_lru_node* nlru, long delta) {
    return nr_add(nlru->nr_items, delta);
  }

 private:
  static list_lru_one* look_up(list_lru* lru, list_head* item, int nid,
                               mem_cgroup* memcg, list_lru_node* nlru) {
    list_lru_one* l = list_lru_from_memcg_idx(lru, nid, memcg_kmem_id(memcg));
    if (!l) [[unlikely]] {  // never, if L4 was kept
      LRU_POINT(dead_list_seen, .memcg = memcg, .lru = lru, .item = item,
                .nid = nid, .lock = &nlru->lock);
    }
    LRU_POINT(list_looked_up, .memcg = memcg, .lru = lru, .item = item,
              .list = l, .owner = l->owner, .nid = nid, .lock = &nlru->lock);
    return l;
  }

  static unsigned long __list_lru_walk_one(list_lru* lru, int nid,
                                           int memcg_idx, mem_cgroup* memcg,
                                           list_lru_walk_cb isolate,
                                           void* cb_arg,
                                           unsigned long* nr_to_walk)
      ABSL_NO_THREAD_SAFETY_ANALYSIS {  // the callback drops and retakes it
    list_lru_node* nlru = &lru->node[nid];
    unsigned long isolated = 0;
  restart:
    list_lru_one* l = list_lru_from_memcg_idx(lru, nid, memcg_idx);
    if (!l) return isolated;
    LRU_POINT(walk_list_locked, .memcg = memcg, .lru = lru, .list = l,
              .owner = l->owner, .nid = nid, .lock = &nlru->lock);
    list_head* next;
    for (list_head* item = l->list.next; item != &l->list; item = next) {
      next = item->next;
      // First of all, so that many LRU_RETRY items cannot livelock the walk.
      if (!*nr_to_walk) break;
      --*nr_to_walk;
      LRU_POINT(isolate_called, .memcg = memcg, .lru = lru, .item = item,
                .list = l, .owner = l->owner, .nid = nid, .lock = &nlru->lock);
      lru_status ret = isolate(item, l, &nlru->lock, cb_arg);
      lockdep_assert_held(&nlru->lock);
      if (Steps::visit_is_free(ret)) ++*nr_to_walk;
      switch (ret) {
        case LRU_REMOVED_RETRY:
        case LRU_REMOVED:
          isolated++;
          common::note_removed(lru, nid, memcg, &nlru->lock);
          if (ret == LRU_REMOVED) break;
          [[fallthrough]];
        case LRU_RETRY:
          // The lock was dropped: `next` may be anything by now. (L7)
          if (Steps::may_go_on_after_retry()) break;
          LRU_POINT(walk_restarted, .memcg = memcg, .lru = lru, .nid = nid,
                    .lock = &nlru->lock);
          goto restart;
        case LRU_ROTATE:
          list_move_tail(item, &l->list);
          break;
        case LRU_SKIP:
          break;
        case LRU_STOP:
          return isolated;
      }
    }
    return isolated;
  }

  static void memcg_reparent_list_lru_node(list_lru* lru, int nid, int src_idx,
                                           mem_cgroup* memcg,
                                           mem_cgroup* dst_memcg) {
    list_lru_node* nlru = &lru->node[nid];
    if (Steps::reparent_may_skip(nlru)) return;
    Steps::lock_for_reparent(nlru);
    if (list_lru_one* src = list_lru_from_memcg_idx(lru, nid, src_idx)) {
      list_lru_one* dst =
          list_lru_from_memcg_idx(lru, nid, memcg_kmem_id(dst_memcg));
      common::note_src_locked(lru, src, dst, nid, memcg, dst_memcg,
                              &nlru->lock);
      common::splice_list(lru, src, dst, nid, memcg, dst_memcg, &nlru->lock);
    }
    Steps::unlock_after_reparent(nlru);
  }

  static void memcg_reparent_list_lru(list_lru* lru, int src_idx,
                                      mem_cgroup* memcg,
                                      mem_cgroup* dst_memcg) {
    for (int nid = 0; nid < nr_node_ids; nid++) {
      memcg_reparent_list_lru_node(lru, nid, src_idx, memcg, dst_memcg);
    }
    common::note_drained(lru, memcg, dst_memcg);
    list_lru_memcg* mlru = common::erase_lists(lru, src_idx, memcg, dst_memcg);
    common::free_lists(lru, mlru, memcg, dst_memcg);
  }
};

template <class Steps>
constexpr list_lru_ops make_node_lock_ops(const char* name, const char* doc) {
  return make_list_lru_ops<node_lock<Steps>>(name, doc);
}

// The clean one.
const list_lru_ops& node_lock_ops();

}  // namespace lru

#endif  // LRUTORTURE_LRU_NODE_LOCK_H_
