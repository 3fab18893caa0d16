/* The plug-in's side: the outer API as the program calls it, over the tree's.
 *
 * A call is followed (lrut_call) when somebody listens; cold ones always, since
 * what memory is for follows from the call that asks for it. */
#include <linux/list_lru.h>
#include <linux/xarray.h>

const struct lrut_host_ops *lrut_host;

/* --- lib/radix-tree.c's part
 * ------------------------------------------------------------------------- */
static struct kmem_cache node_cache = {.size = sizeof(struct xa_node)};
struct kmem_cache *radix_tree_node_cachep = &node_cache;
void radix_tree_node_rcu_free(struct rcu_head *head) {
  struct xa_node *node = container_of(head, struct xa_node, rcu_head);
  kmem_cache_free(radix_tree_node_cachep, node);
}

/* --- calls
 * ------------------------------------------------------------------------- */
static struct list_lru *impl_of(const void *lru) {
  return *(struct list_lru *const *)((const char *)lru + LRUT_LRU_IMPL);
}
static struct list_lru_one *list_at(void *list) {
  return lrut_host->impl_of_list(list);
}

static const struct lrut_plugin plugin;
/* `call` around an expression; a missing field is 0. */
#define CALL(kind_, cold, lru_, nid_, item_, memcg_, expression)           \
  ({                                                                       \
    struct lrut_call call;                                                 \
    bool followed = (cold) || lrut_armed(LRUT_ARMED_ANY);                  \
    if (followed) {                                                        \
      call = (struct lrut_call){.kind = (kind_),                           \
                                .api = __func__ + sizeof("br_") - 1,       \
                                .plugin = &plugin,                         \
                                .lru = (lru_),                             \
                                .nid = (nid_),                             \
                                .item = (item_),                           \
                                .memcg = (memcg_)};                        \
      lrut_host->call_begin(&call);                                        \
    }                                                                      \
    typeof(expression) result_ = (expression);                             \
    if (followed) lrut_host->call_end(&call);                              \
    result_;                                                               \
  })

static int br_list_lru_init(void *lru, bool memcg_aware, void *shrinker) {
  static struct lock_class_key irq_safe_key;
  struct shrinker view = {.flags = SHRINKER_MEMCG_AWARE};
  struct shrinker *s = shrinker ? &view : NULL;
  bool irq_safe;
  if (!lrut_host->lru_init(lru, sizeof(struct list_lru), memcg_aware, shrinker,
                           &view.id, &irq_safe)) {
    return -ENOMEM;
  }
#if LRUT_LOCKDEP_KEY_ARGUMENT
#define lrut_init(lru, aware, key, s) __list_lru_init(lru, aware, key, s)
#else
#define lrut_init(lru, aware, class, s) \
  ((lru)->key = (class), __list_lru_init(lru, aware, s))
#endif
  return CALL(LRUT_INIT, true, lru, 0, NULL, NULL,
              lrut_init(impl_of(lru), memcg_aware,
                        irq_safe ? &irq_safe_key : NULL, s));
}

static void br_list_lru_destroy(void *lru) {
  if (!impl_of(lru)) return;
  /* Twice, as the API allows: lru_exit() takes away what would tell. */
  CALL(LRUT_DESTROY, true, lru, 0, NULL, NULL,
       (list_lru_destroy(impl_of(lru)), list_lru_destroy(impl_of(lru)), 0));
  lrut_host->lru_exit(lru);
}

/* 6.1 finds nid and memcg by the item alone, always. */
#if LRUT_MEMCG_ARGUMENTS
#define lrut_nid(item, nid) (nid)
#define lrut_add(lru, item, nid, memcg) list_lru_add(lru, item, nid, memcg)
#define lrut_del(lru, item, nid, memcg) list_lru_del(lru, item, nid, memcg)
#else
#define lrut_nid(item, nid) lrut_nid_of(item)
#define lrut_add(lru, item, nid, memcg) list_lru_add(lru, item)
#define lrut_del(lru, item, nid, memcg) list_lru_del(lru, item)
#endif
#if LRUT_ADD_OBJ
#define lrut_add_obj(lru, item) list_lru_add_obj(lru, item)
#define lrut_del_obj(lru, item) list_lru_del_obj(lru, item)
#else
#define lrut_add_obj(lru, item) list_lru_add(lru, item)
#define lrut_del_obj(lru, item) list_lru_del(lru, item)
#endif

static bool br_list_lru_add(void *lru, void *item, int nid, void *memcg) {
  return CALL(LRUT_ADD, false, lru, lrut_nid(item, nid), item, memcg,
              lrut_add(impl_of(lru), item, nid, memcg));
}
static bool br_list_lru_add_obj(void *lru, void *item) {
  return CALL(LRUT_ADD, false, lru, lrut_nid_of(item), item, NULL,
              lrut_add_obj(impl_of(lru), item));
}
static bool br_list_lru_del(void *lru, void *item, int nid, void *memcg) {
  return CALL(LRUT_DEL, false, lru, lrut_nid(item, nid), item, memcg,
              lrut_del(impl_of(lru), item, nid, memcg));
}
static bool br_list_lru_del_obj(void *lru, void *item) {
  return CALL(LRUT_DEL, false, lru, lrut_nid_of(item), item, NULL,
              lrut_del_obj(impl_of(lru), item));
}

static unsigned long br_list_lru_count_one(void *lru, int nid, void *memcg) {
  return CALL(LRUT_COUNT, false, lru, nid, NULL, memcg,
              list_lru_count_one(impl_of(lru), nid, memcg));
}
static unsigned long br_list_lru_count_node(void *lru, int nid) {
  return list_lru_count_node(impl_of(lru), nid);
}

/* --- walks: the program's callback is told the program's list
 * ------------------------------------------------------------------------- */
struct walk {
  lrut_walk_cb isolate;
  void *cb_arg;
  struct list_lru_one *list; /* of the callback before */
  void *program_list;
};

static enum lru_status isolate_item(struct walk *walk, struct list_head *item,
                                    struct list_lru_one *list,
                                    spinlock_t *lock) {
  static const enum lru_status kStatus[] = {
    LRU_REMOVED, LRU_REMOVED_RETRY, LRU_ROTATE, LRU_SKIP, LRU_RETRY,
#if LRUT_STOP
    LRU_STOP,
#endif
  };
  if (walk->list != list) {
    walk->list = list;
    walk->program_list = lrut_host->list_of(list);
  }
  void *program_list = walk->program_list;
  bool armed = lrut_armed(LRUT_ARMED_ANY);
  if (armed) lrut_host->isolate_begin(item, program_list, lock);
  int status = walk->isolate(item, program_list, lock, walk->cb_arg);
  if ((unsigned)status >= ARRAY_SIZE(kStatus)) BUG();
  if (status == LRU_RETRY || status == LRU_REMOVED_RETRY) {
    /* The list may be gone, and its memory another's. */
    walk->list = NULL;
  }
  if (armed) {
    lrut_host->isolate_end(
        status == LRU_REMOVED || status == LRU_REMOVED_RETRY,
        status == LRU_RETRY || status == LRU_REMOVED_RETRY);
  }
  return kStatus[status];
}

#if LRUT_CALLBACK_LOCK
static enum lru_status isolate_cb(struct list_head *item,
                                  struct list_lru_one *list, spinlock_t *lock,
                                  void *cb_arg) {
  return isolate_item(cb_arg, item, list, lock);
}
#else
static enum lru_status isolate_cb(struct list_head *item,
                                  struct list_lru_one *list, void *cb_arg) {
  return isolate_item(cb_arg, item, list, &list->lock);
}
#endif

static unsigned long br_list_lru_walk_one(void *lru, int nid, void *memcg,
                                          lrut_walk_cb isolate, void *cb_arg,
                                          unsigned long *nr_to_walk) {
  struct walk walk = {.isolate = isolate, .cb_arg = cb_arg};
  return CALL(LRUT_WALK, false, lru, nid, NULL, memcg,
              list_lru_walk_one(impl_of(lru), nid, memcg, isolate_cb, &walk,
                                nr_to_walk));
}
static unsigned long br_list_lru_walk_one_irq(void *lru, int nid, void *memcg,
                                              lrut_walk_cb isolate,
                                              void *cb_arg,
                                              unsigned long *nr_to_walk) {
  struct walk walk = {.isolate = isolate, .cb_arg = cb_arg};
  return CALL(LRUT_WALK, false, lru, nid, NULL, memcg,
              list_lru_walk_one_irq(impl_of(lru), nid, memcg, isolate_cb, &walk,
                                    nr_to_walk));
}
static unsigned long br_list_lru_walk_node(void *lru, int nid,
                                           lrut_walk_cb isolate, void *cb_arg,
                                           unsigned long *nr_to_walk) {
  struct walk walk = {.isolate = isolate, .cb_arg = cb_arg};
  return CALL(
      LRUT_WALK, false, lru, nid, NULL, NULL,
      list_lru_walk_node(impl_of(lru), nid, isolate_cb, &walk, nr_to_walk));
}
static void br_list_lru_isolate(void *list, void *item) {
  list_lru_isolate(list_at(list), item);
}
static void br_list_lru_isolate_move(void *list, void *item, void *head) {
  list_lru_isolate_move(list_at(list), item, head);
}

/* --- memcgs
 * ------------------------------------------------------------------------- */
static int br_memcg_list_lru_alloc(void *memcg, void *lru) {
  return CALL(LRUT_ALLOC, true, lru, 0, NULL, memcg,
              memcg_list_lru_alloc(memcg, impl_of(lru), GFP_KERNEL));
}
static void br_memcg_reparent_list_lrus(void *memcg, void *parent) {
  struct lrut_call call = {.kind = LRUT_REPARENT,
                           .api = "memcg_reparent_list_lrus",
                           .plugin = &plugin,
                           .memcg = memcg,
                           .parent = parent};
  lrut_host->call_begin(&call);
  memcg_reparent_list_lrus(memcg, parent);
  lrut_host->call_end(&call);
}

/* --- caller-locked
 * ------------------------------------------------------------------------- */
#if LRUT_CALLER_LOCKED
/* Until the unlock the list is the caller's, who was told the program's. */
static void *br_list_lru_lock(void *lru, int nid, void **memcg) {
  return CALL(LRUT_LOCK, false, lru, nid, NULL, *memcg,
              lrut_host->list_of(list_lru_lock(
                  impl_of(lru), nid, (struct mem_cgroup **)memcg)));
}
static void br_list_lru_unlock(void *list) { list_lru_unlock(list_at(list)); }
static void *br_list_lru_lock_irqsave(void *lru, int nid, void **memcg,
                                      unsigned long *flags) {
  return CALL(LRUT_LOCK, false, lru, nid, NULL, *memcg,
              lrut_host->list_of(list_lru_lock_irqsave(
                  impl_of(lru), nid, (struct mem_cgroup **)memcg, flags)));
}
static void br_list_lru_unlock_irqrestore(void *list, unsigned long *flags) {
  list_lru_unlock_irqrestore(list_at(list), flags);
}
static bool br___list_lru_add(void *lru, void *list, void *item, int nid,
                              void *memcg) {
  return CALL(LRUT_ADD, false, lru, nid, item, memcg,
              (call.list = list, __list_lru_add(impl_of(lru), list_at(list),
                                                item, nid, memcg)));
}
static bool br___list_lru_del(void *lru, void *list, void *item, int nid) {
  return CALL(LRUT_DEL, false, lru, nid, item, NULL,
              (call.list = list,
               __list_lru_del(impl_of(lru), list_at(list), item, nid)));
}
#endif

/* --- for checks: no points (LRUT_PEEK)
 * ------------------------------------------------------------------------- */
static const void *br_lock_of(const void *lru, int nid, const void *list) {
#if LRUT_LIST_LOCK
  (void)lru, (void)nid;
  return &list_at((void *)list)->lock;
#else
  (void)list;
  return &impl_of(lru)->node[nid].lock;
#endif
}
static long br_nr_items_of(const void *list) {
  return __atomic_load_n(&list_at((void *)list)->nr_items, __ATOMIC_RELAXED);
}
static long br_nr_node(const void *lru, int nid) {
#if LRUT_ATOMIC_NODE_COUNT
  return __atomic_load_n(&impl_of(lru)->node[nid].nr_items.counter,
                         __ATOMIC_RELAXED);
#else
  return __atomic_load_n(&impl_of(lru)->node[nid].nr_items, __ATOMIC_RELAXED);
#endif
}
static const void *br_list_at(const void *lru, int id, int nid) {
  struct list_lru *impl = impl_of(lru);
  if (!impl->memcg_aware || id < 0) return NULL;
  struct list_lru_memcg *mlru = CALL(LRUT_PEEK, true, (void *)lru, 0, NULL,
                                     NULL, xa_load(&impl->xa, id));
  return mlru ? lrut_host->list_of(&mlru->node[nid]) : NULL;
}
static void *br_root_list(const void *lru, int nid) {
  return lrut_host->list_of(&impl_of(lru)->node[nid].lru);
}
static void br_for_each_list(void *lru, lrut_visit visit, void *arg) {
  struct list_lru *impl = impl_of(lru);
  struct list_lru_memcg *mlru;
  unsigned long index;
  for (int nid = 0; nid < nr_node_ids; nid++) {
    visit(nid, lrut_host->list_of(&impl->node[nid].lru), arg);
    if (!impl->memcg_aware) continue;
    for (index = 0;; index++) {
      mlru = CALL(LRUT_PEEK, true, lru, 0, NULL, NULL,
                  xa_find(&impl->xa, &index, ULONG_MAX, XA_PRESENT));
      if (!mlru) break;
      visit(nid, lrut_host->list_of(&mlru->node[nid]), arg);
      if (index == ULONG_MAX) break; /* where lists for the id -1 are */
    }
  }
}

static const struct lrut_plugin plugin = {
    .version = LRUT_VERSION,
    .bugs = LRUT_BUGS,
    .returns_unlocked = LRUT_LIST_LOCK,
    .climbs = LRUT_LIST_LOCK,
    .stops = LRUT_STOP,
    .node_count_lags = LRUT_ATOMIC_NODE_COUNT && !LRUT_CALLER_LOCKED,
    .xa_lock_irq = LRUT_XA_LOCK_IRQ,
    .mlru_first = offsetof(struct list_lru_memcg, node),
    .list_size = sizeof(struct list_lru_one),
    .node_size = sizeof(struct list_lru_node),
    .node_list = offsetof(struct list_lru_node, lru),
#if !LRUT_LIST_LOCK
    .node_lock = offsetof(struct list_lru_node, lock),
#endif
    .list_lru_init = br_list_lru_init,
    .list_lru_destroy = br_list_lru_destroy,
    .list_lru_add = br_list_lru_add,
    .list_lru_add_obj = br_list_lru_add_obj,
    .list_lru_del = br_list_lru_del,
    .list_lru_del_obj = br_list_lru_del_obj,
    .list_lru_count_one = br_list_lru_count_one,
    .list_lru_count_node = br_list_lru_count_node,
    .list_lru_walk_one = br_list_lru_walk_one,
    .list_lru_walk_one_irq = br_list_lru_walk_one_irq,
    .list_lru_walk_node = br_list_lru_walk_node,
    .list_lru_isolate = br_list_lru_isolate,
    .list_lru_isolate_move = br_list_lru_isolate_move,
    .memcg_list_lru_alloc = br_memcg_list_lru_alloc,
    .memcg_reparent_list_lrus = br_memcg_reparent_list_lrus,
#if LRUT_CALLER_LOCKED
    .list_lru_lock = br_list_lru_lock,
    .list_lru_unlock = br_list_lru_unlock,
    .list_lru_lock_irqsave = br_list_lru_lock_irqsave,
    .list_lru_unlock_irqrestore = br_list_lru_unlock_irqrestore,
    .__list_lru_add = br___list_lru_add,
    .__list_lru_del = br___list_lru_del,
#endif
    .lock_of = br_lock_of,
    .nr_items_of = br_nr_items_of,
    .nr_node = br_nr_node,
    .list_at = br_list_at,
    .root_list = br_root_list,
    .for_each_list = br_for_each_list,
};

#define EXPORTED __attribute__((visibility("default")))
EXPORTED const char *lrutorture_plugin_abi = LRUT_ABI;
EXPORTED const struct lrut_plugin *lrutorture_plugin(const char *abi, const struct lrut_host_ops *host) {
  if (__builtin_strcmp(abi, LRUT_ABI) != 0) return NULL;
  lrut_host = host;
  return &plugin;
}
