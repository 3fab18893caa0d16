/* What a plug-in, a kernel tree's own mm/list_lru.c built in userspace, and the
 * program that loads it know of each other. Plain C: the plug-in is.
 *
 * A plug-in exports one symbol, lrutorture_plugin(). It is given the program's
 * ABI string, which must equal its own, and the program's functions; it returns
 * its own, or null. Nothing else crosses, in neither direction, so that several
 * plug-ins and the built-in lrus live in one process.
 *
 * Locks, RCU, memory, memcgs and shrinkers are the program's: lru/sync/ and
 * lru/css, memcg, shrinker, slab. What the program says while nobody listens
 * costs one load of a word, as in lru/ itself.
 *
 * Memory of a plug-in's struct list_lru_memcg and list_lru_node comes with one
 * lru::list_lru_one for each list in it: what oracles, callbacks and traces
 * know of a list (serial, owner), which the kernel's own struct has no room
 * for. lists.h has how one is found from the other. */
#ifndef LRUTORTURE_LRU_KERNEL_HOST_H_
#define LRUTORTURE_LRU_KERNEL_HOST_H_

#ifdef __cplusplus
#include <cstddef>
extern "C" {
#else
#include <stdbool.h>
#include <stddef.h>
#endif

#if defined(LRU_ASAN)
#define LRUT_SANITIZER "asan"
#elif defined(LRU_TSAN)
#define LRUT_SANITIZER "tsan"
#else
#define LRUT_SANITIZER "none"
#endif
#if defined(__clang__)
#define LRUT_COMPILER __VERSION__
#else
#define LRUT_COMPILER "gcc " __VERSION__
#endif
/* LRUT_HOST_H is the hash of this very file, in quotes: build_plugin.sh and
 * lru/CMakeLists.txt define it. */
#define LRUT_ABI \
  "lrutorture plug-in " LRUT_HOST_H "; " LRUT_COMPILER "; " LRUT_SANITIZER

/* --- the program's structs, as far as the kernel's code looks into them
 * ------------------------------------------------------------------------- */

/* lru::lock_base */
struct lrut_lock {
  unsigned word;
  unsigned serial;
  int nid;
  const char *name;
  bool sleeps;
  bool irq_safe;
};
/* lru::list_head, lru::rcu_head */
struct lrut_list_head {
  struct lrut_list_head *next, *prev;
};
struct lrut_rcu_head {
  struct lrut_rcu_head *next;
  void (*func)(struct lrut_rcu_head *);
};
/* Offsets in lru::cgroup_subsys_state, which is the head of lru::mem_cgroup,
 * in that one, in lru::slab_obj, and in lru::list_lru. plugin.cc compares. */
#define LRUT_CSS_PARENT 64
#define LRUT_CSS_LEVEL 100
#define LRUT_MEMCG_KMEMCG_ID 184
#define LRUT_OBJ_NID 24
#define LRUT_LRU_IMPL 0

/* lru_armed's bits, all of them; and those under which calls are followed. */
#define LRUT_ARMED_POINTS 6u
#define LRUT_ARMED_ANY 7u

/* --- a call of the outer API in progress, on the stack of its task
 * ------------------------------------------------------------------------- */

enum lrut_call_kind {
  LRUT_ADD,
  LRUT_DEL,
  LRUT_WALK,
  LRUT_COUNT,
  LRUT_INIT,
  LRUT_DESTROY,
  LRUT_ALLOC,
  LRUT_REPARENT,
  LRUT_LOCK, /* list_lru_lock() */
  LRUT_PEEK, /* of an oracle: no points */
};

struct lrut_plugin;
struct lrut_call {
  enum lrut_call_kind kind;
  const char *api;
  const struct lrut_plugin *plugin;
  void *lru; /* the program's list_lru; of a reparent: the one at hand */
  int nid;
  void *item;
  void *memcg;  /* as the caller named it, or as it was looked up */
  void *parent; /* of a reparent */
  /* the program's from here on */
  struct lrut_call *outer;
  const char *outer_api;
  void *list;    /* the program's, looked up last */
  void *dst;     /* the one that gets its items */
  void *memory;  /* of lists, allocated last */
  void *rcu;     /* rcu_heads that RCU is to be told of at the unlock */
  long nr;       /* items there were; read sections at the call */
  bool changed;  /* the item was linked or unlinked; a list was spliced */
  bool seen;     /* the item was looked at; a count was read */
  bool anew;     /* a walk has taken a list's lock since its last callback */
  bool drained;  /* the lists of lru are empty */
  bool erased;   /* and cannot be found any more */
  bool ids_done; /* all kmemcg_ids were gone through */
  bool bare;     /* the lists were looked up in no read section */
};

/* --- what the program does for a plug-in
 * ------------------------------------------------------------------------- */

enum lrut_mark { LRUT_LOAD, LRUT_STORE, LRUT_RMW, LRUT_MB };

struct lrut_host_ops {
  const unsigned *armed;
  const int *nr_node_ids;

  /* Called when armed alone. `fn` is a literal, here and below. */
  void (*point)(enum lrut_mark mark, const char *fn, const void *object,
                bool done);
  void (*call_begin)(struct lrut_call *call);
  void (*call_end)(struct lrut_call *call);

  void (*do_spin_lock_init)(void *lock, const char *name);
  bool (*irqs_off)(void);
  void (*do_spin_lock)(void *lock, bool irq, unsigned subclass, const char *fn);
  /* irq_off: interrupts stay off after spin_unlock_irqrestore(). */
  void (*do_spin_unlock)(void *lock, bool irq, bool irq_off, const char *fn);
  bool (*do_spin_trylock)(void *lock, const char *fn);
  bool (*lock_is_held)(const void *lock);
  void (*do_mutex_lock)(void *lock, const char *fn);
  void (*do_mutex_unlock)(void *lock, const char *fn);
  void (*do_rcu_read_lock)(const char *fn);
  void (*do_rcu_read_unlock)(const char *fn);
  void (*do_call_rcu)(void *head, void *func, const char *fn);

  /* n elements of that size, or one piece when n is 0; poisoned unless zeroed,
   * and with a redzone right behind it. What it is for follows from that and
   * from the call in progress. */
  void *(*do_kmalloc)(size_t n, size_t size, bool may_block, bool zeroed);
  void (*do_kfree)(const void *memory, const char *fn);
  void (*do_kfree_rcu)(void *memory, const char *fn);

  void *(*do_css_next_descendant_pre)(void *pos, void *root, const char *fn);
  bool (*do_css_is_dying)(const void *css, const char *fn);
  void *(*do_mem_cgroup_from_slab_obj)(const void *item, const char *fn);
  void *(*do_mem_cgroup_from_id)(unsigned long id, const char *fn);
  bool (*do_mem_cgroup_tryget)(void *memcg);
  void (*do_mem_cgroup_put)(void *memcg);
  void (*do_set_shrinker_bit)(void *memcg, int nid, int shrinker_id);

  /* What the kernel's code has been seen doing; called when armed alone. */
  void (*saw_id)(int id);
  void (*saw_lists)(long id, const void *mlru); /* null: none there */
  void (*saw_climb)(void *parent);
  void (*saw_item)(const void *item);
  void (*saw_count)(const void *nr_items, long value);
  void (*saw_node_count)(long value);
  void (*linked)(void *item, void *head);
  void (*unlinked)(void *item);
  void (*splicing)(void *src_head, void *dst_head);
  void (*spliced)(void);
  void (*erasing)(void *impl, long id);
  void (*erased)(long id, const void *mlru);
  void (*storing)(const void *mlru, long id);
  void (*stored)(const void *mlru, long id);
  void (*isolate_begin)(void *item, const void *list, void *lock);
  void (*isolate_end)(bool removed, bool restarts);

  /* The program's list_lru_one of a list of the plug-in's, and back. */
  void *(*list_of)(const void *list);
  void *(*impl_of_list)(const void *program_list);
  /* Memory for the plug-in's struct list_lru, to be found as lru->impl; false:
   * none. */
  bool (*lru_init)(void *lru, size_t size, bool memcg_aware,
                   const void *shrinker, int *shrinker_id, bool *irq_safe);
  void (*lru_exit)(void *lru);
  void (*warn)(const char *what, const char *fn);
  void (*bug)(const char *what, const char *fn); /* does not return */
};

/* --- what a plug-in does for the program: list_lru_ops with its types left out
 * ------------------------------------------------------------------------- */

/* lru::list_lru_walk_cb, lru::list_lru_visit */
typedef int (*lrut_walk_cb)(void *item, void *list, void *lock, void *cb_arg);
typedef void (*lrut_visit)(int nid, void *list, void *arg);

struct lrut_plugin {
  const char *version; /* of the tree: "6.12.117", or "unknown" */
  const char *bugs;    /* of features.py that its text has, by spaces */
  bool returns_unlocked;
  bool climbs;          /* by a lock for each list */
  bool stops;           /* a walk knows LRU_STOP */
  bool node_count_lags; /* nr_items of a node changes without the lock */
  bool xa_lock_irq;     /* its xarrays' locks are taken by interrupts as well */

  /* offsetof(struct list_lru_memcg, node), sizeof(struct list_lru_one),
   * sizeof(struct list_lru_node), and offsetof() its list and its lock */
  size_t mlru_first, list_size, node_size, node_list, node_lock;

  int (*list_lru_init)(void *lru, bool memcg_aware, void *shrinker);
  void (*list_lru_destroy)(void *lru);
  bool (*list_lru_add)(void *lru, void *item, int nid, void *memcg);
  bool (*list_lru_add_obj)(void *lru, void *item);
  bool (*list_lru_del)(void *lru, void *item, int nid, void *memcg);
  bool (*list_lru_del_obj)(void *lru, void *item);
  unsigned long (*list_lru_count_one)(void *lru, int nid, void *memcg);
  unsigned long (*list_lru_count_node)(void *lru, int nid);
  unsigned long (*list_lru_walk_one)(void *lru, int nid, void *memcg,
                                     lrut_walk_cb isolate, void *cb_arg,
                                     unsigned long *nr_to_walk);
  unsigned long (*list_lru_walk_one_irq)(void *lru, int nid, void *memcg,
                                         lrut_walk_cb isolate, void *cb_arg,
                                         unsigned long *nr_to_walk);
  unsigned long (*list_lru_walk_node)(void *lru, int nid, lrut_walk_cb isolate,
                                      void *cb_arg, unsigned long *nr_to_walk);
  void (*list_lru_isolate)(void *list, void *item);
  void (*list_lru_isolate_move)(void *list, void *item, void *head);
  int (*memcg_list_lru_alloc)(void *memcg, void *lru);
  void (*memcg_reparent_list_lrus)(void *memcg, void *parent);
  /* null where the tree has none */
  void *(*list_lru_lock)(void *lru, int nid, void **memcg);
  void (*list_lru_unlock)(void *list);
  void *(*list_lru_lock_irqsave)(void *lru, int nid, void **memcg,
                                 unsigned long *flags);
  void (*list_lru_unlock_irqrestore)(void *list, unsigned long *flags);
  bool (*__list_lru_add)(void *lru, void *list, void *item, int nid,
                         void *memcg);
  bool (*__list_lru_del)(void *lru, void *list, void *item, int nid);

  /* For checks: of a list, a node, and of an id. */
  const void *(*lock_of)(const void *lru, int nid, const void *list);
  long (*nr_items_of)(const void *list);
  long (*nr_node)(const void *lru, int nid);
  const void *(*list_at)(const void *lru, int id, int nid);
  void *(*root_list)(const void *lru, int nid);
  void (*for_each_list)(void *lru, lrut_visit visit, void *arg);
};

#define LRUT_SYMBOL "lrutorture_plugin"
#define LRUT_ABI_SYMBOL "lrutorture_plugin_abi" /* a const char * */
typedef const struct lrut_plugin *(*lrut_plugin_fn)(
    const char *abi, const struct lrut_host_ops *host);

#ifdef __cplusplus
}  // extern "C"
#endif
#endif /* LRUTORTURE_LRU_KERNEL_HOST_H_ */
