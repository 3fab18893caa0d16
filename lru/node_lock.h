// The `node-lock` scope: one lock per (lru, node) guards the lists of every
// memcg on that node.
//
// Function by function from mm/list_lru.c, Linux 6.12, in its order and with
// its names, as a template over its steps: a control derives from
// node_lock_steps, replaces one of them and registers its own list_lru_ops.
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

#include <cerrno>
#include <vector>

#include "lru/list_lru.h"
#include "lru/slab.h"
#include "lru/sync/alloc.h"

namespace lru {

// Under list_lrus_mutex; every lock scope registers here.
extern mutex list_lrus_mutex;
extern list_head memcg_list_lrus ABSL_GUARDED_BY(list_lrus_mutex);

std::span<const stage_info> node_lock_stages();
std::span<const operation_info> node_lock_operations();
std::span<const fault_point> node_lock_absent();

// Counters change under the lock and are read without it.
inline long nr_add(std::atomic<long>& nr_items, long delta) {
  long value = nr_items.load(std::memory_order_relaxed) + delta;
  nr_items.store(value, std::memory_order_relaxed);
  return value;
}

struct node_lock_steps {
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
  static mem_cgroup* shrinker_bit_owner(const list_lru_one* l, mem_cgroup*) {
    return l->owner;
  }
  static unsigned long count_of(long nr_items) {
    // 41d17431df4a: negative while it is being reparented (N3).
    return nr_items < 0 ? 0 : static_cast<unsigned long>(nr_items);
  }
  // The lock was dropped: may the walk go on where it was?
  static bool may_go_on_after_retry() { return false; }
  // Is this callback not to be taken off nr_to_walk?
  static bool visit_is_free(lru_status) { return false; }
  // An isolated item leaves its list's count, then, when the callback has
  // returned, the node's.
  static void uncount_isolated(list_lru_one* l) { nr_add(l->nr_items, -1); }
  static long uncount_removed(list_lru_node* nlru) {
    return nr_add(nlru->nr_items, -1);
  }
  static void free_mlru(list_lru_memcg* mlru) {  // kvfree_rcu()
    call_rcu(&mlru->rcu, [](rcu_head* head) {
      kfree_type(ALLOC_MLRU, reinterpret_cast<list_lru_memcg*>(head));
    });
  }
};

template <class Steps>
struct node_lock {
  static bool list_lru_memcg_aware(const list_lru* lru) {
    return lru->memcg_aware;
  }

  static void list_lru_register(list_lru* lru) {
    if (!list_lru_memcg_aware(lru)) return;
    mutex_guard guard(&list_lrus_mutex);
    list_add(&lru->list, &memcg_list_lrus);
  }

  static void list_lru_unregister(list_lru* lru) {
    if (!list_lru_memcg_aware(lru)) return;
    mutex_guard guard(&list_lrus_mutex);
    list_del_init(&lru->list);
  }

  static list_lru_one* list_lru_from_memcg_idx(list_lru* lru, int nid,
                                               int idx) {
    if (list_lru_memcg_aware(lru) && idx >= 0) {
      auto* mlru = static_cast<list_lru_memcg*>(xa_load(&lru->xa, idx));
      return mlru ? &mlru->node[nid] : nullptr;
    }
    return &lru->node[nid].lru;
  }

  static bool list_lru_add(list_lru* lru, list_head* item, int nid,
                           mem_cgroup* memcg) {
    LRU_API();
    list_lru_node* nlru = &lru->node[nid];
    Steps::lock(nlru);
    LRU_POINT(list_locked, .memcg = memcg, .lru = lru, .item = item, .nid = nid,
              .lock = &nlru->lock);
    if (!list_empty(item)) {
      Steps::unlock(nlru);
      return false;
    }
    list_lru_one* l = list_lru_from_memcg_idx(lru, nid, memcg_kmem_id(memcg));
    if (!l) [[unlikely]] {  // never, if L4 was kept
      LRU_POINT(dead_list_seen, .memcg = memcg, .lru = lru, .item = item,
                .nid = nid, .lock = &nlru->lock);
    }
    LRU_POINT(list_looked_up, .memcg = memcg, .owner = l->owner, .lru = lru,
              .item = item, .list = l, .nid = nid, .lock = &nlru->lock);
    list_add_tail(item, &l->list);
    LRU_POINT(item_linked, .memcg = memcg, .owner = l->owner, .lru = lru,
              .item = item, .list = l, .nid = nid, .lock = &nlru->lock);
    // The first one makes the shrinker look.
    if (nr_add(l->nr_items, 1) == 1) {
      set_shrinker_bit(Steps::shrinker_bit_owner(l, memcg), nid,
                       lru->shrinker_id);
    }
    long nr = nr_add(nlru->nr_items, 1);
    LRU_POINT(count_changed, .memcg = memcg, .owner = l->owner, .lru = lru,
              .item = item, .list = l, .nid = nid, .nr = nr,
              .lock = &nlru->lock);
    Steps::unlock(nlru);
    return true;
  }

  static bool list_lru_add_obj(list_lru* lru, list_head* item) {
    LRU_API();
    int nid = slab_obj_of(item)->nid;
    if (!list_lru_memcg_aware(lru)) {
      return list_lru_add(lru, item, nid, nullptr);
    }
    // 5161b48712dc: the memcg is only as good as the read section.
    rcu_guard guard;
    mem_cgroup* memcg = mem_cgroup_from_slab_obj(item);
    LRU_POINT(memcg_looked_up, .memcg = memcg, .lru = lru, .item = item,
              .nid = nid);
    return list_lru_add(lru, item, nid, memcg);
  }

  static bool list_lru_del(list_lru* lru, list_head* item, int nid,
                           mem_cgroup* memcg) {
    LRU_API();
    list_lru_node* nlru = &lru->node[nid];
    Steps::lock(nlru);
    LRU_POINT(list_locked, .memcg = memcg, .lru = lru, .item = item, .nid = nid,
              .lock = &nlru->lock);
    if (list_empty(item)) {
      Steps::unlock(nlru);
      return false;
    }
    list_lru_one* l = list_lru_from_memcg_idx(lru, nid, memcg_kmem_id(memcg));
    if (!l) [[unlikely]] {  // never, if L4 was kept
      LRU_POINT(dead_list_seen, .memcg = memcg, .lru = lru, .item = item,
                .nid = nid, .lock = &nlru->lock);
    }
    LRU_POINT(list_looked_up, .memcg = memcg, .owner = l->owner, .lru = lru,
              .item = item, .list = l, .nid = nid, .lock = &nlru->lock);
    list_del_init(item);
    LRU_POINT(item_unlinked, .memcg = memcg, .owner = l->owner, .lru = lru,
              .item = item, .list = l, .nid = nid, .lock = &nlru->lock);
    nr_add(l->nr_items, -1);
    long nr = nr_add(nlru->nr_items, -1);
    LRU_POINT(count_changed, .memcg = memcg, .owner = l->owner, .lru = lru,
              .item = item, .list = l, .nid = nid, .nr = nr,
              .lock = &nlru->lock);
    Steps::unlock(nlru);
    return true;
  }

  static bool list_lru_del_obj(list_lru* lru, list_head* item) {
    LRU_API();
    int nid = slab_obj_of(item)->nid;
    if (!list_lru_memcg_aware(lru)) {
      return list_lru_del(lru, item, nid, nullptr);
    }
    rcu_guard guard;
    mem_cgroup* memcg = mem_cgroup_from_slab_obj(item);
    LRU_POINT(memcg_looked_up, .memcg = memcg, .lru = lru, .item = item,
              .nid = nid);
    return list_lru_del(lru, item, nid, memcg);
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
    return static_cast<unsigned long>(READ_ONCE(lru->node[nid].nr_items));
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
        for (pending_mlru& entry : table) kfree_type(ALLOC_MLRU, entry.mlru);
        return -ENOMEM;
      }
      table.push_back({mlru, memcg});
    }
    int err = 0;
    while (!table.empty()) {
      pending_mlru entry = table.back();
      table.pop_back();
      if (err || !store_mlru(lru, entry, &err)) {
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
    LRU_POINT(kmemcg_ids_changed, .memcg = memcg, .parent = parent,
              .depth = memcg->css.level, .nr = src_idx);
    mutex_guard guard(&list_lrus_mutex);
    for (list_head* at = memcg_list_lrus.next; at != &memcg_list_lrus;
         at = at->next) {
      auto* lru = reinterpret_cast<list_lru*>(reinterpret_cast<char*>(at) -
                                              offsetof(list_lru, list));
      memcg_reparent_list_lru(lru, src_idx, memcg, parent);
    }
  }

  static int list_lru_init(list_lru* lru, bool memcg_aware,
                           shrinker* shrinker) {
    lru->serial = next_serial(SERIAL_LRU);
    lru->shrinker_id = shrinker ? shrinker->id : -1;
    if (LRU_ERROR_POINT(lru_allocated, .lru = lru)) return -ENOMEM;
    lru->node = new (std::nothrow) list_lru_node[nr_node_ids];
    if (!lru->node) return -ENOMEM;
    count_alloc(ALLOC_LRU, 1);
    for (int nid = 0; nid < nr_node_ids; nid++) {
      spin_lock_init(&lru->node[nid].lock, "nlru->lock", lru->serial, nid);
      lru->node[nid].lru.serial = next_serial(SERIAL_LIST);
      lru->node[nid].lru.lru_serial = lru->serial;
    }
    lru->memcg_aware = memcg_aware;
    list_lru_register(lru);
    return 0;
  }

  static void list_lru_destroy(list_lru* lru) {
    if (!lru->node) return;  // destroyed before, or never initialised
    list_lru_unregister(lru);
    int index = 0;
    while (auto* mlru =
               static_cast<list_lru_memcg*>(xa_find(&lru->xa, &index))) {
      xa_erase_irq(&lru->xa, index);
      kfree_type(ALLOC_MLRU, mlru);
    }
    xa_destroy(&lru->xa);
    delete[] lru->node;
    lru->node = nullptr;
    count_alloc(ALLOC_LRU, -1);
    lru->shrinker_id = -1;
  }

  // Of every list of that node.
  static const spinlock_t* lock_of(const list_lru* lru, int nid,
                                   const list_lru_one*) {
    return &lru->node[nid].lock;
  }

  static void for_each_list(list_lru* lru, list_lru_visit visit, void* arg) {
    for (int nid = 0; nid < nr_node_ids; nid++) {
      list_lru_node* nlru = &lru->node[nid];
      visit({nid, &nlru->lru, nlru}, arg);
      int index = 0;
      while (auto* mlru =
                 static_cast<list_lru_memcg*>(xa_find(&lru->xa, &index))) {
        visit({nid, &mlru->node[nid], nlru}, arg);
        index++;
      }
    }
  }

 private:
  struct pending_mlru {
    list_lru_memcg* mlru;
    mem_cgroup* memcg;
  };

  static void isolated(list_lru_one* list, list_head* item) {
    Steps::uncount_isolated(list);
    LRU_POINT(item_unlinked, .memcg = list->owner, .owner = list->owner,
              .lru = serial_ref::of(list->lru_serial), .item = item,
              .list = list, .nid = slab_obj_of(item)->nid);
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
    LRU_POINT(walk_list_locked, .memcg = memcg, .owner = l->owner, .lru = lru,
              .list = l, .nid = nid, .lock = &nlru->lock);
    list_head* next;
    for (list_head* item = l->list.next; item != &l->list; item = next) {
      next = item->next;
      // First of all, so that many LRU_RETRY items cannot livelock the walk.
      if (!*nr_to_walk) break;
      --*nr_to_walk;
      LRU_POINT(isolate_called, .memcg = memcg, .owner = l->owner, .lru = lru,
                .item = item, .list = l, .nid = nid, .lock = &nlru->lock);
      lru_status ret = isolate(item, l, &nlru->lock, cb_arg);
      lockdep_assert_held(&nlru->lock);
      if (Steps::visit_is_free(ret)) ++*nr_to_walk;
      switch (ret) {
        case LRU_REMOVED_RETRY:
        case LRU_REMOVED:
          isolated++;
          note_removed(lru, nid, nlru, memcg);
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

  static void note_removed(list_lru* lru, int nid, list_lru_node* nlru,
                           mem_cgroup* memcg) {
    long nr = Steps::uncount_removed(nlru);
    LRU_POINT(count_changed, .memcg = memcg, .lru = lru, .nid = nid, .nr = nr,
              .lock = &nlru->lock);
  }

  static bool memcg_list_lru_allocated(mem_cgroup* memcg, list_lru* lru) {
    int idx = memcg_kmem_id(memcg);
    return idx < 0 || xa_load(&lru->xa, idx);
  }

  static list_lru_memcg* memcg_init_list_lru_one(list_lru* lru,
                                                 mem_cgroup* memcg) {
    if (LRU_ERROR_POINT(mlru_allocated, .memcg = memcg, .lru = lru,
                        .depth = memcg->css.level)) {
      return nullptr;
    }
    auto* mlru = kmalloc_type<list_lru_memcg>(ALLOC_MLRU);
    if (!mlru) return nullptr;
    for (int nid = 0; nid < nr_node_ids; nid++) {
      mlru->node[nid].owner = memcg;
      mlru->node[nid].serial = next_serial(SERIAL_LIST);
      mlru->node[nid].lru_serial = lru->serial;
    }
    return mlru;
  }

  // False when the slot is taken, or gone with the memcg's id: not an error.
  static bool store_mlru(list_lru* lru, const pending_mlru& entry, int* err) {
    int index = memcg_kmem_id(entry.memcg);
    if (index < 0) return false;
    if (LRU_ERROR_POINT(xa_stored, .memcg = entry.memcg, .lru = lru,
                        .depth = entry.memcg->css.level, .nr = index) ||
        !xa_reserve(&lru->xa, index)) {
      *err = -ENOMEM;
      return false;
    }
    spin_guard guard(&lru->xa.xa_lock);
    // Memory was allocated without the lock: the memcg may have been
    // reparented meanwhile, and its id with it.
    int again = memcg_kmem_id(entry.memcg);
    if (again != index || xa_load(&lru->xa, index)) return false;
    __xa_store(&lru->xa, index, entry.mlru);
    return true;
  }

  static void memcg_reparent_list_lru_node(list_lru* lru, int nid, int src_idx,
                                           mem_cgroup* memcg,
                                           mem_cgroup* dst_memcg) {
    list_lru_node* nlru = &lru->node[nid];
    if (Steps::reparent_may_skip(nlru)) return;
    Steps::lock_for_reparent(nlru);
    list_lru_one* src = list_lru_from_memcg_idx(lru, nid, src_idx);
    if (src) {
      list_lru_one* dst =
          list_lru_from_memcg_idx(lru, nid, memcg_kmem_id(dst_memcg));
      LRU_POINT(src_locked, .memcg = memcg, .parent = dst_memcg, .lru = lru,
                .list = src, .dst = dst, .depth = memcg->css.level, .nid = nid,
                .lock = &nlru->lock);
      list_splice_init(&src->list, &dst->list);
      long moved = src->nr_items.load(std::memory_order_relaxed);
      if (moved) {
        nr_add(dst->nr_items, moved);
        set_shrinker_bit(dst_memcg, nid, lru->shrinker_id);
        nr_add(src->nr_items, -moved);
      }
      LRU_POINT(node_spliced, .memcg = memcg, .parent = dst_memcg, .lru = lru,
                .list = src, .dst = dst, .depth = memcg->css.level, .nid = nid,
                .nr = moved, .lock = &nlru->lock);
    }
    Steps::unlock_after_reparent(nlru);
  }

  static void memcg_reparent_list_lru(list_lru* lru, int src_idx,
                                      mem_cgroup* memcg,
                                      mem_cgroup* dst_memcg) {
    for (int nid = 0; nid < nr_node_ids; nid++) {
      memcg_reparent_list_lru_node(lru, nid, src_idx, memcg, dst_memcg);
    }
    LRU_POINT(lists_drained, .memcg = memcg, .parent = dst_memcg, .lru = lru,
              .depth = memcg->css.level);
    memcg_list_lru_free(lru, src_idx, memcg, dst_memcg);
  }

  static void memcg_list_lru_free(list_lru* lru, int src_idx, mem_cgroup* memcg,
                                  mem_cgroup* dst_memcg) {
    auto* mlru = static_cast<list_lru_memcg*>(xa_erase_irq(&lru->xa, src_idx));
    LRU_POINT(xa_erased, .memcg = memcg, .parent = dst_memcg, .lru = lru,
              .depth = memcg->css.level, .nr = src_idx, .memory = mlru);
    if (!mlru) return;
    // Walks hold nlru->lock, which is a read section: they keep it alive.
    Steps::free_mlru(mlru);
    LRU_POINT(mlru_free_queued, .memcg = memcg, .parent = dst_memcg, .lru = lru,
              .depth = memcg->css.level);
  }
};

template <class Steps>
constexpr list_lru_ops make_node_lock_ops(const char* name, const char* doc) {
  using L = node_lock<Steps>;
  return {
      .name = name,
      .doc = doc,
      .returns_unlocked = false,
      .stages = {},
      .operations = {},
      .absent = {},
      .implicit = {},
      .list_lru_init = L::list_lru_init,
      .list_lru_destroy = L::list_lru_destroy,
      .list_lru_add = L::list_lru_add,
      .list_lru_add_obj = L::list_lru_add_obj,
      .list_lru_del = L::list_lru_del,
      .list_lru_del_obj = L::list_lru_del_obj,
      .list_lru_count_one = L::list_lru_count_one,
      .list_lru_count_node = L::list_lru_count_node,
      .list_lru_walk_one = L::list_lru_walk_one,
      .list_lru_walk_node = L::list_lru_walk_node,
      .list_lru_isolate = L::list_lru_isolate,
      .list_lru_isolate_move = L::list_lru_isolate_move,
      .memcg_list_lru_alloc = L::memcg_list_lru_alloc,
      .memcg_reparent_list_lrus = L::memcg_reparent_list_lrus,
      .lock_of = L::lock_of,
      .for_each_list = L::for_each_list,
  };
}

// The clean one.
const list_lru_ops& node_lock_ops();

}  // namespace lru

#endif  // LRUTORTURE_LRU_NODE_LOCK_H_
