// list_lru: per-node, per-memcg lists of objects that can be reclaimed, and
// the contract that every lock scope keeps.
//
// From include/linux/list_lru.h and mm/list_lru.c, Linux 6.12.
//
// L1  An item is on exactly one list, or on none; add and del say by their
//     result whether they changed that. The test for "on a list" is only valid
//     for this lru: whoever moved an item elsewhere takes it off there first.
// L2  add and del get the nid and the memcg of the item, or what the memcg was
//     reparented to. They never fail, sleep or allocate.
// L3  The memcg passed in must not be freed during the call (RCU or a
//     reference). An item on a list pins nothing.
// L4  Before the first add for a memcg, memcg_list_lru_alloc() has succeeded
//     for it; its ancestors come with it.
// L5  Reparenting leaves every sublist of the memcg empty for ever; its items
//     are in the parent's, in order, at the head.
// L6  At rest: sum of list lengths == sum of nr_items == the node's nr_items.
// L7  A walk calls back at most *nr_to_walk times and returns the number of
//     LRU_REMOVED and LRU_REMOVED_RETRY. After the callback dropped the lock,
//     the walk restarts and touches neither item nor list again.
//
// Every item is the `lru` member of a slab_obj (slab.h): that is where its
// node and, through its objcg, its memcg are found.
//
// Lock order: cgroup_mutex, then list_lrus_mutex, then the list's lock, then
// xa_lock. A user's own lock is taken before the list's; inside a callback it
// is tried, never waited for.
#ifndef LRUTORTURE_LRU_LIST_LRU_H_
#define LRUTORTURE_LRU_LIST_LRU_H_

#include <span>
#include <string_view>

#include "lru/fault_points.h"
#include "lru/list.h"
#include "lru/memcg.h"
#include "lru/shrinker.h"
#include "lru/xarray.h"

namespace lru {

struct list_lru_one {
  list_head list;
  spinlock_t lock{"l->lock"};      // memcg-lock: this list alone
  std::atomic<long> nr_items = 0;  // written under the lock, read without
  u32 serial = 0;
  u32 lru_serial = 0;           // of the lru it belongs to, for fault points
  mem_cgroup* owner = nullptr;  // null: a node's own list, the root's
};
inline u32 serial_of(const list_lru_one* l) { return l->serial; }

// The sublists of one memcg on one lru, one per node.
struct list_lru_memcg {
  rcu_head rcu;  // first
  list_lru_one node[kNodesMax];
};

struct alignas(64) list_lru_node {
  spinlock_t lock{"nlru->lock"};  // node-lock: every list of this node
  list_lru_one lru;               // of the root, and of lrus that know no memcg
  // Of all lists of this node; written under the lock, read without.
  std::atomic<long> nr_items = 0;
};

struct list_lru {
  void* impl = nullptr;  // first; a plug-in's own struct list_lru, all of it
  list_lru_node* node = nullptr;
  bool memcg_aware = false;
  // Interrupts come to its lists as well, as to those of workingset's
  // shadow_nodes: add and del want them off, and walk_one_irq() is the walk.
  // Set before init, as from 6.13 its lockdep key.
  bool irq_safe = false;
  int shrinker_id = -1;
  list_head list;  // memcg_list_lrus, under list_lrus_mutex
  xarray xa;       // kmemcg_id -> list_lru_memcg
  u32 serial = 0;
};
inline u32 serial_of(const list_lru* lru) { return lru->serial; }

enum lru_status {
  LRU_REMOVED,        // item taken off the list
  LRU_REMOVED_RETRY,  // the same, and the lock was dropped meanwhile
  LRU_ROTATE,         // item goes to the tail
  LRU_SKIP,           // item stays where it is
  LRU_RETRY,          // the lock was dropped, item not removed
  LRU_STOP,           // end the walk
};

// Called with the list's lock held. How it must be held at return depends on
// the lru: list_lru_ops::returns_unlocked.
using list_lru_walk_cb = lru_status (*)(list_head* item, list_lru_one* list,
                                        spinlock_t* lock, void* cb_arg);

// What a check at rest is shown: every list of an lru.
using list_lru_visit = void (*)(int nid, list_lru_one* list, void* arg);

// The outer API, as actors call it. Names and argument order are the kernel's.
struct list_lru_ops {
  const char* name;
  const char* doc;
  // Whether RETRY, REMOVED_RETRY and STOP return with the lock dropped.
  bool returns_unlocked;
  // Whether a lookup that finds no list, or a dead one, climbs to the parent,
  // and lists are reparented before objcgs. Else the ids of the dying name the
  // parent, and its objcgs come first.
  bool climbs;
  // Whether a walk knows LRU_STOP (since 6.8).
  bool stops;
  // Whether a node's nr_items changes when the list's lock is let go already,
  // so that it may be behind by an operation for each task. (6.13 to 7.1)
  bool node_count_lags;
  // Whether a memcg whose id has become another's is led to that one's lists,
  // even where a reference keeps it (memcg_lock.h, G6). A kernel's, from 6.13.
  bool lost_ids_mislead;
  std::span<const stage_info> stages;          // of its teardown, in order
  std::span<const operation_info> operations;  // on a memcg, for coverage
  std::span<const fault_point> absent;         // points it never reaches
  std::span<const std::string_view> implicit;  // points it visits, by name

  // -ENOMEM with nothing left behind; destroy may follow a failed init. The
  // shrinker (may be null) uses the lru until it is freed, which comes first,
  // as in deactivate_locked_super(): the lru knows its id alone, and a bit too
  // many does no harm. Destroy needs no users.
  int (*list_lru_init)(list_lru* lru, bool memcg_aware, shrinker* shrinker);
  void (*list_lru_destroy)(list_lru* lru);

  bool (*list_lru_add)(list_lru* lru, list_head* item, int nid,
                       mem_cgroup* memcg);
  bool (*list_lru_add_obj)(list_lru* lru, list_head* item);
  bool (*list_lru_del)(list_lru* lru, list_head* item, int nid,
                       mem_cgroup* memcg);
  bool (*list_lru_del_obj)(list_lru* lru, list_head* item);

  unsigned long (*list_lru_count_one)(list_lru* lru, int nid,
                                      mem_cgroup* memcg);
  unsigned long (*list_lru_count_node)(list_lru* lru, int nid);
  unsigned long (*list_lru_walk_one)(list_lru* lru, int nid, mem_cgroup* memcg,
                                     list_lru_walk_cb isolate, void* cb_arg,
                                     unsigned long* nr_to_walk);
  // With interrupts off; a callback that drops the lock turns them on, and off
  // again where it takes it.
  unsigned long (*list_lru_walk_one_irq)(list_lru* lru, int nid,
                                         mem_cgroup* memcg,
                                         list_lru_walk_cb isolate, void* cb_arg,
                                         unsigned long* nr_to_walk);
  unsigned long (*list_lru_walk_node)(list_lru* lru, int nid,
                                      list_lru_walk_cb isolate, void* cb_arg,
                                      unsigned long* nr_to_walk);

  // For callbacks: the lock is held, the item leaves the count.
  void (*list_lru_isolate)(list_lru_one* list, list_head* item);
  void (*list_lru_isolate_move)(list_lru_one* list, list_head* item,
                                list_head* head);

  int (*memcg_list_lru_alloc)(mem_cgroup* memcg, list_lru* lru);
  void (*memcg_reparent_list_lrus)(mem_cgroup* memcg, mem_cgroup* parent);

  // Caller-locked, as in 7.2; null where the lru has none. *memcg becomes the
  // owner of the list that is locked, an ancestor if it was dying; it is fit
  // for use as long as what was passed (L3), or the lock. `flags` comes back
  // to the unlock.
  list_lru_one* (*list_lru_lock)(list_lru* lru, int nid, mem_cgroup** memcg);
  void (*list_lru_unlock)(list_lru_one* l);
  list_lru_one* (*list_lru_lock_irqsave)(list_lru* lru, int nid,
                                         mem_cgroup** memcg,
                                         unsigned long* flags);
  void (*list_lru_unlock_irqrestore)(list_lru_one* l, unsigned long* flags);
  bool (*__list_lru_add)(list_lru* lru, list_lru_one* l, list_head* item,
                         int nid, mem_cgroup* memcg);
  bool (*__list_lru_del)(list_lru* lru, list_lru_one* l, list_head* item,
                         int nid);

  // For checks, without a point. A list_lru_one's list, lock and nr_items are
  // asked for here, since a plug-in keeps them elsewhere; what else it says
  // (serial, owner) is there always.
  // What guards `list`, which is one of lru's on that node.
  const spinlock_t* (*lock_of)(const list_lru* lru, int nid,
                               const list_lru_one* list);
  // Its items hang on that head; under its lock. Asked at each add, so null,
  // and no call, where they are in the list itself; nr_items_of likewise.
  const list_head* (*items_of)(const list_lru_one* list);
  long (*nr_items_of)(const list_lru_one* list);
  long (*nr_node)(const list_lru* lru, int nid);
  // The list that an id finds there now, whosever it is; null: none. In a read
  // section, or with the lock of one of that lru's lists held.
  const list_lru_one* (*list_at)(const list_lru* lru, int id, int nid);
  // At rest only: nobody else uses the lru.
  void (*for_each_list)(list_lru* lru, list_lru_visit visit, void* arg);
};

// What needs no lock of its own (include/linux/list_lru.h).
unsigned long list_lru_count(list_lru* lru);
unsigned long list_lru_shrink_count(list_lru* lru, const shrink_control* sc);
unsigned long list_lru_shrink_walk(list_lru* lru, const shrink_control* sc,
                                   list_lru_walk_cb isolate, void* cb_arg);
unsigned long list_lru_shrink_walk_irq(list_lru* lru, const shrink_control* sc,
                                       list_lru_walk_cb isolate, void* cb_arg);
unsigned long list_lru_walk(list_lru* lru, list_lru_walk_cb isolate,
                            void* cb_arg, unsigned long nr_to_walk);

// Whether a reparent still comes to any, of our own lrus. At rest: takes no
// lock.
bool any_list_lru_registered();

// Names the outer API call in progress on the current task: the OUTER of an
// implicit point, and what a report says somebody was doing. Only while armed.
class api_scope {
 public:
  explicit api_scope(const char* name) {
    if (armed(ARMED_HOOK | ARMED_SYNC | ARMED_ENGINE)) [[unlikely]] {
      task_ = current_task();
      outer_ = task_->api.load(std::memory_order_relaxed);
      task_->api.store(name, std::memory_order_relaxed);
    }
  }
  ~api_scope() {
    if (task_) task_->api.store(outer_, std::memory_order_relaxed);
  }
  api_scope(const api_scope&) = delete;
  api_scope& operator=(const api_scope&) = delete;

 private:
  task* task_ = nullptr;
  const char* outer_ = nullptr;
};
#define LRU_API() ::lru::api_scope lru_api_scope(__func__)

}  // namespace lru

#endif  // LRUTORTURE_LRU_LIST_LRU_H_
