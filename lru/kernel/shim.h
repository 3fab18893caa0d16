/* What mm/list_lru.c, lib/xarray.c and the headers that come with them need of
 * the rest of the kernel, in userspace, for every version from 6.1 on. One
 * file: every header that a tree's file includes and that does not come from
 * the tree is this one (build_plugin.sh writes the forwarders).
 *
 * Our own text. What differs between versions is asked of features.h, which
 * features.py makes from the tree; most of it needs no question, since a
 * version that has no use for something leaves it alone.
 *
 * No header of the C library: some of those include <linux/...>, which leads
 * here. The program does what needs one. */
#ifndef LRUTORTURE_LRU_KERNEL_SHIM_H_
#define LRUTORTURE_LRU_KERNEL_SHIM_H_

#include <stdbool.h>
#include <stddef.h>

#include "features.h"
#include "lru/kernel/host.h"

extern const struct lrut_host_ops *lrut_host;

/* --- configuration: SMP, memcgs, two words a long
 * ------------------------------------------------------------------------- */
#define CONFIG_MEMCG 1
#define CONFIG_MEMCG_KMEM 1
#define CONFIG_NUMA 1
#define CONFIG_SMP 1
#define CONFIG_64BIT 1
#define CONFIG_LOCKDEP 1
#define CONFIG_MMU 1
#define CONFIG_BASE_SMALL 0
#define BITS_PER_LONG 64
#define IS_ENABLED(option) 0

/* --- the language
 * ------------------------------------------------------------------------- */
typedef unsigned char u8, __u8;
typedef unsigned short u16, __u16;
typedef unsigned int u32, __u32;
typedef unsigned long long u64, __u64;
typedef signed char s8, __s8;
typedef short s16, __s16;
typedef int s32, __s32;
typedef long long s64, __s64;
typedef unsigned int gfp_t;
typedef long ssize_t;
typedef unsigned long pgoff_t;

#define __rcu
#define __force
#define __bitwise
#define __user
#define __init
#define __cold
#define __pure __attribute__((__pure__))
#define __must_check
#define __must_hold(...)
#define __must_hold_shared(...)
#define __must_not_hold(...)
#define __acquires(...)
#define __cond_acquires(...)
#define __releases(...)
#define __guarded_by(...)
#define __pt_guarded_by(...)
#define __no_context_analysis
#define __context_unsafe(...)
#define __malloc
#define __always_inline inline __attribute__((__always_inline__))
#define noinline __attribute__((__noinline__))
#define __maybe_unused __attribute__((__unused__))
#define __used __attribute__((__used__))
#define __aligned(n) __attribute__((__aligned__(n)))
#define __packed __attribute__((__packed__))
#define __counted_by(member)
#define __data_racy
#define fallthrough __attribute__((__fallthrough__))
#define ____cacheline_aligned_in_smp __attribute__((__aligned__(64)))
#define ____cacheline_aligned __attribute__((__aligned__(64)))
#ifndef likely
#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)
#endif
#define barrier() __asm__ __volatile__("" ::: "memory")
#define EXPORT_SYMBOL(x) struct lrut_unused
#define EXPORT_SYMBOL_GPL(x) struct lrut_unused
#define THIS_MODULE NULL
#define __stringify_1(x...) #x
#define __stringify(x...) __stringify_1(x)
#define typeof __typeof__
#define static_assert_1(condition, message, ...) \
  _Static_assert(condition, message)
#define static_assert(condition, ...) \
  static_assert_1(condition, ##__VA_ARGS__, #condition)
#define BUILD_BUG_ON(condition) _Static_assert(!(condition), #condition)
#define BUILD_BUG_ON_ZERO(e) 0
#define __same_type(a, b) __builtin_types_compatible_p(typeof(a), typeof(b))
#define container_of(ptr, type, member) \
  ((type *)((char *)(ptr) - offsetof(type, member)))
#define container_of_const(ptr, type, member) container_of(ptr, type, member)
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define min(a, b) ((a) < (b) ? (a) : (b))
#define max(a, b) ((a) > (b) ? (a) : (b))
#define min_t(type, a, b) min((type)(a), (type)(b))
#define max_t(type, a, b) max((type)(a), (type)(b))
#define swap(a, b)     \
  do {                 \
    typeof(a) __t = a; \
    a = b;             \
    b = __t;           \
  } while (0)
#define struct_size(p, member, n) \
  (sizeof(*(p)) + sizeof((p)->member[0]) * (size_t)(n))

#define ULONG_MAX (~0ul)
#define LONG_MAX __LONG_MAX__
#define LONG_MIN (-LONG_MAX - 1)
#define INT_MAX __INT_MAX__
#define UINT_MAX (~0u)
#define U32_MAX (~0u)

#define ENOENT 2
#define ENOMEM 12
#define EBUSY 16
#define EEXIST 17
#define EINVAL 22
#define ENOSPC 28
#define MAX_ERRNO 4095
#define IS_ERR_VALUE(x) ((unsigned long)(x) >= (unsigned long)-MAX_ERRNO)
static inline void *ERR_PTR(long error) { return (void *)error; }
static inline long PTR_ERR(const void *ptr) { return (long)ptr; }
static inline bool IS_ERR(const void *ptr) { return IS_ERR_VALUE(ptr); }

#define POISON_POINTER_DELTA 0
#define BUG() lrut_host->bug("BUG()", __func__)
#define lrut_bug_on(condition, text)                         \
  do {                                                       \
    if (unlikely(condition)) lrut_host->bug(text, __func__); \
  } while (0)
#define lrut_warn_on(condition, text)                      \
  ({                                                       \
    bool __warn = !!(condition);                           \
    if (unlikely(__warn)) lrut_host->warn(text, __func__); \
    __warn;                                                \
  })
/* Each by itself, so that the text is the tree's, with no macro expanded. */
#define BUG_ON(condition) lrut_bug_on(condition, #condition)
#define VM_BUG_ON(condition) lrut_bug_on(condition, #condition)
#define WARN_ON(condition) lrut_warn_on(condition, #condition)
#define WARN_ON_ONCE(condition) lrut_warn_on(condition, #condition)
#define WARN_ONCE(condition, ...) lrut_warn_on(condition, #condition)
#define WARN(condition, ...) lrut_warn_on(condition, #condition)
#define VM_WARN_ON(condition) ((void)lrut_warn_on(condition, #condition))
#define VM_WARN_ON_ONCE(condition) ((void)lrut_warn_on(condition, #condition))
#define might_alloc(gfp) ((void)(gfp))
#define might_sleep() ((void)0)
#define cond_resched() ((void)0)
#define pr_info(...) ((void)0)
#define pr_cont(...) ((void)0)
#define pr_warn(...) ((void)0)
#define pr_err(...) ((void)0)

/* --- marked accesses: relaxed atomics, a point before and after
 * ------------------------------------------------------------------------- */
static inline bool lrut_armed(unsigned bits) {
  return unlikely(__atomic_load_n(lrut_host->armed, __ATOMIC_RELAXED) & bits);
}
static inline void lrut_point(enum lrut_mark mark, const char *fn,
                              const volatile void *object, bool done) {
  if (lrut_armed(LRUT_ARMED_POINTS)) {
    lrut_host->point(mark, fn, (const void *)object, done);
  }
}
/* Of the only marked long there is, a list's nr_items. */
static inline void lrut_saw_long(const volatile void *object, long value) {
  if (lrut_armed(LRUT_ARMED_ANY)) {
    lrut_host->saw_count((const void *)object, value);
  }
}
#define lrut_load(x, order)                            \
  ({                                                   \
    typeof(&(x)) __at = &(x);                          \
    lrut_point(LRUT_LOAD, __func__, __at, false);      \
    typeof(x) __value = __atomic_load_n(__at, order);  \
    if (__builtin_types_compatible_p(typeof(x), long)) \
      lrut_saw_long(__at, (long)__value);              \
    lrut_point(LRUT_LOAD, __func__, __at, true);       \
    __value;                                           \
  })
#define lrut_store(x, v, order)                    \
  ({                                               \
    typeof(&(x)) __at = &(x);                      \
    typeof(x) __value = (v);                       \
    lrut_point(LRUT_STORE, __func__, __at, false); \
    __atomic_store_n(__at, __value, order);        \
    lrut_point(LRUT_STORE, __func__, __at, true);  \
    __value;                                       \
  })
#define READ_ONCE(x) lrut_load(x, __ATOMIC_RELAXED)
#define WRITE_ONCE(x, v) ((void)lrut_store(x, v, __ATOMIC_RELAXED))
#define data_race(expression) (expression)
#define smp_load_acquire(p) lrut_load(*(p), __ATOMIC_ACQUIRE)
#define smp_store_release(p, v) ((void)lrut_store(*(p), v, __ATOMIC_RELEASE))
#define smp_mb()                                \
  do {                                          \
    lrut_point(LRUT_MB, __func__, NULL, false); \
    __atomic_thread_fence(__ATOMIC_SEQ_CST);    \
  } while (0)
#define smp_rmb() smp_mb()
#define smp_wmb() smp_mb()

typedef struct {
  int counter;
} atomic_t;
typedef struct {
  long counter;
} atomic_long_t;
#define ATOMIC_INIT(i) {(i)}
/* Only the counts of nodes are of this type. */
#define lrut_atomic_long_add(n, p)                                         \
  do {                                                                     \
    lrut_point(LRUT_RMW, __func__, &(p)->counter, false);                  \
    long __sum = __atomic_add_fetch(&(p)->counter, (n), __ATOMIC_RELAXED); \
    if (lrut_armed(LRUT_ARMED_ANY)) lrut_host->saw_node_count(__sum);      \
    lrut_point(LRUT_RMW, __func__, &(p)->counter, true);                   \
  } while (0)
#define atomic_long_inc(p) lrut_atomic_long_add(1, p)
#define atomic_long_dec(p) lrut_atomic_long_add(-1, p)
#define atomic_long_add(n, p) lrut_atomic_long_add((n), p)
#define atomic_long_sub(n, p) lrut_atomic_long_add(-(n), p)
#define lrut_atomic_long_read(p)                                   \
  ({                                                               \
    lrut_point(LRUT_LOAD, __func__, &(p)->counter, false);         \
    long __now = __atomic_load_n(&(p)->counter, __ATOMIC_RELAXED); \
    lrut_point(LRUT_LOAD, __func__, &(p)->counter, true);          \
    __now;                                                         \
  })
#define atomic_long_read(p) lrut_atomic_long_read(p)
#define atomic_long_set(p, v) \
  __atomic_store_n(&(p)->counter, (v), __ATOMIC_RELAXED)

/* --- lists, hash lists, locks
 * ------------------------------------------------------------------------- */
struct list_head {
  struct list_head *next, *prev;
};
struct hlist_node {
  struct hlist_node *next, **pprev;
};
struct hlist_head {
  struct hlist_node *first;
};
struct rcu_head {
  struct rcu_head *next;
  void (*func)(struct rcu_head *head);
};
#define callback_head rcu_head

typedef struct lrut_lock spinlock_t;
struct mutex {
  struct lrut_lock lock;
};
struct lock_class_key {
  char unused;
};
#define __SPIN_LOCK_UNLOCKED(l) {.nid = -1, .name = #l}
#define DEFINE_SPINLOCK(l) spinlock_t l = __SPIN_LOCK_UNLOCKED(l)
#define __MUTEX_INITIALIZER(m)                       \
  {                                                  \
    .lock = {.nid = -1, .name = #m, .sleeps = true } \
  }
#define DEFINE_MUTEX(m) struct mutex m = __MUTEX_INITIALIZER(m)
#define SINGLE_DEPTH_NESTING 1

#define spin_lock_init(l) lrut_host->do_spin_lock_init((l), #l)
#define spin_lock(l) lrut_host->do_spin_lock((l), false, 0, __func__)
#define spin_unlock(l) lrut_host->do_spin_unlock((l), false, false, __func__)
#define spin_lock_irq(l) lrut_host->do_spin_lock((l), true, 0, __func__)
#define spin_unlock_irq(l) lrut_host->do_spin_unlock((l), true, false, __func__)
#define spin_lock_bh(l) spin_lock(l)
#define spin_unlock_bh(l) spin_unlock(l)
#define spin_lock_irqsave(l, flags)  \
  do {                               \
    (flags) = lrut_host->irqs_off(); \
    spin_lock_irq(l);                \
  } while (0)
#define spin_unlock_irqrestore(l, flags) \
  lrut_host->do_spin_unlock((l), true, (flags) != 0, __func__)
#define spin_lock_nested(l, sub) \
  lrut_host->do_spin_lock((l), false, (sub), __func__)
#define spin_lock_irq_nested(l, sub) \
  lrut_host->do_spin_lock((l), true, (sub), __func__)
#define spin_lock_bh_nested(l, sub) spin_lock_nested(l, sub)
#define spin_lock_irqsave_nested(l, flags, sub) \
  do {                                          \
    (flags) = lrut_host->irqs_off();            \
    spin_lock_irq_nested(l, sub);               \
  } while (0)
#define spin_trylock(l) lrut_host->do_spin_trylock((l), __func__)
#define lockdep_is_held(l) lrut_host->lock_is_held(l)
#define assert_spin_locked(l) BUG_ON(!lockdep_is_held(l))
#define lockdep_assert_held(l) ((void)WARN_ON(!lockdep_is_held(l)))
/* bridge.c has a key for the locks that interrupts take, and no other. */
#define lockdep_set_class(l, key) ((l)->irq_safe = (key) != NULL)
#define lockdep_set_class_and_name(l, key, name) lockdep_set_class(l, key)
#define mutex_lock(m) lrut_host->do_mutex_lock(&(m)->lock, __func__)
#define mutex_unlock(m) lrut_host->do_mutex_unlock(&(m)->lock, __func__)

/* --- RCU
 * ------------------------------------------------------------------------- */
#define rcu_read_lock() lrut_host->do_rcu_read_lock(__func__)
#define rcu_read_unlock() lrut_host->do_rcu_read_unlock(__func__)
#define rcu_read_lock_held() 1
#define RCU_INIT_POINTER(p, v) __atomic_store_n(&(p), (v), __ATOMIC_RELAXED)
#define rcu_assign_pointer(p, v) \
  ((void)lrut_store(p, (typeof(p))(v), __ATOMIC_RELEASE))
#define rcu_dereference(p) lrut_load(p, __ATOMIC_ACQUIRE)
#define rcu_dereference_check(p, condition) rcu_dereference(p)
#define rcu_dereference_raw(p) rcu_dereference(p)
#define rcu_dereference_protected(p, condition) (p)
#define rcu_access_pointer(p) rcu_dereference(p)
#define call_rcu(head, func) lrut_host->do_call_rcu((head), (func), __func__)
/* The head is in the memory's own header, so `field` is not needed. */
#define kvfree_rcu(p, field) \
  ((void)sizeof((p)->field), lrut_host->do_kfree_rcu((p), __func__))
#define kfree_rcu(p, field) kvfree_rcu(p, field)
/* For scripts/mutate_kernel.py: without the grace period. */
#define lrut_kfree_now(p, field) lrut_host->do_kfree((p), __func__)

/* --- memory. What may not block finds none, so that a caller's other way is
 * gone every time.
 * ------------------------------------------------------------------------- */
#define __GFP_DIRECT_RECLAIM 1u
#define __GFP_NOWARN 2u
#define __GFP_ACCOUNT 4u
#define __GFP_ZERO 8u
#define __GFP_NOFAIL 16u
#define __GFP_RECLAIM __GFP_DIRECT_RECLAIM
#define GFP_KERNEL __GFP_DIRECT_RECLAIM
#define GFP_NOWAIT 0u
#define GFP_ATOMIC 0u
#define GFP_RECLAIM_MASK (~0u)
#define __GFP_BITS_SHIFT 26
#define SLAB_PANIC 0
static inline bool gfpflags_allow_blocking(gfp_t gfp) {
  return gfp & __GFP_DIRECT_RECLAIM;
}
static inline void *lrut_alloc(size_t n, size_t size, gfp_t gfp) {
  return lrut_host->do_kmalloc(n, size, gfpflags_allow_blocking(gfp),
                               gfp & __GFP_ZERO);
}
/* Of no array: 0 elements. */
#define kmalloc(size, gfp) lrut_alloc(0, size, gfp)
#define kzalloc(size, gfp) kmalloc(size, (gfp) | __GFP_ZERO)
#define kvmalloc(size, gfp) kmalloc(size, gfp)
#define kvzalloc(size, gfp) kzalloc(size, gfp)
#define kmalloc_array(n, size, gfp) lrut_alloc(n, size, gfp)
#define kcalloc(n, size, gfp) lrut_alloc(n, size, (gfp) | __GFP_ZERO)
#define kvcalloc(n, size, gfp) kcalloc(n, size, gfp)
/* 7.x: the type instead of its size; the flags may be left out. */
#define lrut_gfp(gfp, ...) (gfp)
#define lrut_default_gfp(...) lrut_gfp(__VA_ARGS__ __VA_OPT__(, ) GFP_KERNEL)
#define kmalloc_objs(type, n, ...) \
  ((typeof(type) *)lrut_alloc(n, sizeof(type), lrut_default_gfp(__VA_ARGS__)))
#define kzalloc_objs(type, n, ...) \
  kmalloc_objs(type, n, lrut_default_gfp(__VA_ARGS__) | __GFP_ZERO)
#define kmalloc_obj(type, ...) kmalloc_objs(type, 0, __VA_ARGS__)
#define kzalloc_obj(type, ...) kzalloc_objs(type, 0, __VA_ARGS__)
#define kmalloc_flex(type, member, n, ...)                                     \
  ((typeof(type) *)lrut_alloc(0, struct_size((typeof(type) *)NULL, member, n), \
                              lrut_default_gfp(__VA_ARGS__)))
#define kzalloc_flex(type, member, n, ...) \
  kmalloc_flex(type, member, n, lrut_default_gfp(__VA_ARGS__) | __GFP_ZERO)
#define kfree(p) lrut_host->do_kfree((p), __func__)
#define kvfree(p) kfree(p)
struct kmem_cache {
  size_t size;
};
/* The only cache has a constructor, which leaves a node all but zeroed. */
#define kmem_cache_alloc(cache, gfp) kcalloc(1, (cache)->size, gfp)
#define kmem_cache_alloc_lru(cache, lru, gfp) \
  ((void)(lru), kmem_cache_alloc(cache, gfp))
#define kmem_cache_free(cache, p) ((void)(cache), kfree(p))
/* lib/radix-tree.c's, for xarray.c's nodes */
extern struct kmem_cache *radix_tree_node_cachep;
void radix_tree_node_rcu_free(struct rcu_head *head);

static inline void *lrut_memset(void *memory, int byte, size_t size) {
  return __builtin_memset(memory, byte, size);
}
#define memset lrut_memset
#define memcpy __builtin_memcpy

/* --- bits: xarray.c's marks, which list_lru.c does not use
 * ------------------------------------------------------------------------- */
#define BITS_TO_LONGS(n) (((n) + BITS_PER_LONG - 1) / BITS_PER_LONG)
#define DECLARE_BITMAP(name, bits) unsigned long name[BITS_TO_LONGS(bits)]
#define DIV_ROUND_UP(n, d) (((n) + (d) - 1) / (d))
#define BIT(n) (1ul << (n))
#define __ffs(word) ((unsigned long)__builtin_ctzl(word))
#define ilog2(n) (63 - __builtin_clzl(n))
#define roundup_pow_of_two(n) (1ul << (64 - __builtin_clzl((n) - 1)))
static inline bool test_bit(unsigned long nr, const unsigned long *words) {
  return words[nr / BITS_PER_LONG] >> nr % BITS_PER_LONG & 1;
}
static inline void __set_bit(unsigned long nr, unsigned long *words) {
  words[nr / BITS_PER_LONG] |= BIT(nr % BITS_PER_LONG);
}
static inline bool __test_and_set_bit(unsigned long nr, unsigned long *words) {
  bool was = test_bit(nr, words);
  __set_bit(nr, words);
  return was;
}
static inline bool __test_and_clear_bit(unsigned long nr,
                                        unsigned long *words) {
  bool was = test_bit(nr, words);
  words[nr / BITS_PER_LONG] &= ~BIT(nr % BITS_PER_LONG);
  return was;
}
static inline unsigned long find_next_bit(const unsigned long *words,
                                          unsigned long size,
                                          unsigned long nr) {
  while (nr < size && !test_bit(nr, words)) nr++;
  return nr;
}
static inline void bitmap_fill(unsigned long *words, unsigned int bits) {
  for (unsigned int i = 0; i < bits; i++) __set_bit(i, words);
}
static inline void bitmap_clear(unsigned long *words, unsigned int start,
                                int len) {
  for (int i = 0; i < len; i++) __test_and_clear_bit(start + i, words);
}
static inline bool bitmap_empty(const unsigned long *words, unsigned int bits) {
  return find_next_bit(words, bits, 0) == bits;
}

/* --- nodes, pages
 * ------------------------------------------------------------------------- */
#define nr_node_ids (*lrut_host->nr_node_ids)
#define N_NORMAL_MEMORY 0
#define for_each_node(nid) for ((nid) = 0; (nid) < nr_node_ids; (nid)++)
#define for_each_node_state(nid, state) for_each_node(nid)
struct page;
struct folio;
/* An object is its own page, and knows its node. */
#define virt_to_page(item) ((struct page *)(item))
#define virt_to_folio(item) ((struct folio *)(item))
static inline int lrut_nid_of(const void *object) {
  return *(const int *)((const char *)object + LRUT_OBJ_NID);
}
#define page_to_nid(page) lrut_nid_of(page)
#define folio_nid(folio) lrut_nid_of(folio)

/* --- memcgs: views of the program's
 * ------------------------------------------------------------------------- */
struct cgroup {
  int level;
};
struct cgroup_subsys_state {
  char lrut_head[LRUT_CSS_PARENT];
  struct cgroup_subsys_state *parent;
  char lrut_middle[LRUT_CSS_LEVEL - LRUT_CSS_PARENT - sizeof(void *)];
  struct cgroup cgroup[1]; /* css.cgroup->level */
};
struct mem_cgroup {
  struct cgroup_subsys_state css;
  char lrut_middle[LRUT_MEMCG_KMEMCG_ID - sizeof(struct cgroup_subsys_state)];
  int kmemcg_id;
};
#define mem_cgroup_from_css(c) ((struct mem_cgroup *)(c))
#define css_is_dying(c) lrut_host->do_css_is_dying((c), __func__)
#define css_for_each_descendant_pre(pos, root)                                \
  for ((pos) = lrut_host->do_css_next_descendant_pre(NULL, (root), __func__); \
       (pos);                                                                 \
       (pos) = lrut_host->do_css_next_descendant_pre((pos), (root), __func__))
static inline struct mem_cgroup *lrut_parent(struct mem_cgroup *memcg) {
  struct mem_cgroup *parent = mem_cgroup_from_css(memcg->css.parent);
  if (lrut_armed(LRUT_ARMED_ANY)) lrut_host->saw_climb(parent);
  return parent;
}
#define parent_mem_cgroup(memcg) lrut_parent(memcg)
static inline int lrut_kmem_id(struct mem_cgroup *memcg, const char *fn) {
  int id = -1;
  if (memcg) {
    lrut_point(LRUT_LOAD, fn, &memcg->kmemcg_id, false);
    id = __atomic_load_n(&memcg->kmemcg_id, __ATOMIC_RELAXED);
    lrut_point(LRUT_LOAD, fn, &memcg->kmemcg_id, true);
  }
  if (lrut_armed(LRUT_ARMED_ANY)) lrut_host->saw_id(id);
  return id;
}
#define memcg_kmem_id(memcg) lrut_kmem_id((memcg), __func__)
#define mem_cgroup_kmem_disabled() false
#define mem_cgroup_disabled() false
#define mem_cgroup_from_slab_obj(p) \
  ((struct mem_cgroup *)lrut_host->do_mem_cgroup_from_slab_obj((p), __func__))
#define mem_cgroup_from_virt(p) mem_cgroup_from_slab_obj(p)
#define folio_memcg(folio) mem_cgroup_from_slab_obj(folio)
#define mem_cgroup_from_id(id) \
  ((struct mem_cgroup *)lrut_host->do_mem_cgroup_from_id((id), __func__))
#define mem_cgroup_from_private_id(id) mem_cgroup_from_id(id)
#define mem_cgroup_tryget(memcg) lrut_host->do_mem_cgroup_tryget(memcg)
#define mem_cgroup_put(memcg) lrut_host->do_mem_cgroup_put(memcg)
static inline struct mem_cgroup *get_mem_cgroup_from_folio(
    struct folio *folio) {
  struct mem_cgroup *memcg;
  rcu_read_lock();
  do {
    memcg = folio_memcg(folio);
  } while (memcg && !mem_cgroup_tryget(memcg));
  rcu_read_unlock();
  return memcg;
}

/* --- shrinkers
 * ------------------------------------------------------------------------- */
#define SHRINKER_MEMCG_AWARE 4u
struct shrinker {
  int id;
  unsigned int flags;
};
struct shrink_control {
  int nid;
  struct mem_cgroup *memcg;
  unsigned long nr_to_scan;
};
#define set_shrinker_bit(memcg, nid, id) \
  lrut_host->do_set_shrinker_bit((memcg), (nid), (id))

#endif /* LRUTORTURE_LRU_KERNEL_SHIM_H_ */
