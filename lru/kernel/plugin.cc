#include "lru/kernel/plugin.h"

#include <dlfcn.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "lru/kernel/elf_file.h"
#include "lru/kernel/follow.h"
#include "lru/memcg_lock.h"
#include "lru/node_lock.h"
#include "lru/slab.h"
#include "lru/sync/atomic.h"

namespace lru {

std::atomic<kernel_complaint_fn> lru_kernel_complaint_hook = nullptr;

namespace kernel {

void complain(kernel_complaint complaint, const char* what, const char* fn) {
  kernel_complaint_fn hook =
      lru_kernel_complaint_hook.load(std::memory_order_relaxed);
  if (hook) return hook(complaint, what, fn);
  static constexpr const char* kVerbs[] = {"warns", "stops", "has overrun"};
  fprintf(stderr, "lrutorture: the kernel's code %s in %s(): %s\n",
          kVerbs[complaint], fn, what);
}

namespace {

// --- host.h's view of our structs
// ------------------------------------------------------------------------

static_assert(sizeof(lrut_lock) == sizeof(spinlock_t));
static_assert(sizeof(lrut_lock) == sizeof(mutex));
static_assert(offsetof(lrut_lock, word) == offsetof(lock_base, word));
static_assert(offsetof(lrut_lock, serial) == offsetof(lock_base, serial));
static_assert(offsetof(lrut_lock, nid) == offsetof(lock_base, nid));
static_assert(offsetof(lrut_lock, name) == offsetof(lock_base, name));
static_assert(offsetof(lrut_lock, sleeps) == offsetof(lock_base, sleeps));
static_assert(offsetof(lrut_lock, irq_safe) == offsetof(lock_base, irq_safe));
static_assert(sizeof(lrut_list_head) == sizeof(list_head));
static_assert(sizeof(lrut_rcu_head) == sizeof(rcu_head));
static_assert(offsetof(css, parent) == LRUT_CSS_PARENT);
static_assert(offsetof(css, level) == LRUT_CSS_LEVEL);
static_assert(offsetof(mem_cgroup, kmemcg_id) == LRUT_MEMCG_KMEMCG_ID);
static_assert(offsetof(slab_obj, nid) == LRUT_OBJ_NID);
static_assert(offsetof(list_lru, impl) == LRUT_LRU_IMPL);
static_assert(LRUT_ARMED_POINTS == (ARMED_SYNC | ARMED_ENGINE));
static_assert(LRUT_ARMED_ANY == (ARMED_HOOK | ARMED_SYNC | ARMED_ENGINE));

// --- what the kernel's code is served with
// ------------------------------------------------------------------------

// The call to follow; null while nobody listens.
lrut_call* followed() {
  return armed(LRUT_ARMED_ANY) ? current_call() : nullptr;
}
bool peeking(const lrut_call* call) { return call && call->kind == LRUT_PEEK; }

void point(lrut_mark mark, const char* fn, const void* object, bool done) {
  static constexpr sync_op kOps[] = {SYNC_load, SYNC_store, SYNC_rmw,
                                     SYNC_smp_mb};
  if (!peeking(current_call())) sync_point(kOps[mark], fn, object, done);
}

// "&nlru->lock" and the like; a list's or a node's lock has the name that the
// built-in lrus give theirs.
void do_spin_lock_init(void* lock, const char* name) {
  auto* l = new (lock) spinlock_t(*name == '&' ? name + 1 : name);
  const lrut_call* call = current_call();
  auto* block = call ? static_cast<lists_block*>(call->memory) : nullptr;
  if (!block || block_of(lock) != block) {
    l->name = "xa_lock";
    l->irq_safe = call && call->plugin->xa_lock_irq;
    return;
  }
  const kernel_list* list = list_of(lock);
  int nid = nid_of(list);
  if (block->plugin->climbs) {
    spin_lock_init(l, "l->lock", list->serial, nid);
  } else {
    spin_lock_init(l, "nlru->lock", block->lru->serial, nid);
  }
}

bool irqs_off() { return current_task()->irqs_off; }
void do_spin_lock(void* lock, bool irq, unsigned subclass,
                  const char* fn) ABSL_NO_THREAD_SAFETY_ANALYSIS {
  auto* l = static_cast<spinlock_t*>(lock);
  if (irq) local_irq_disable();
  detail::spin_acquire(l, irq ? SYNC_spin_lock_irq : SYNC_spin_lock, fn,
                       subclass);
  if (lrut_call* call = followed()) after_lock(call);
}
// An xarray frees a node while it can still be found, under its lock. The grace
// period must not begin before nobody finds it any more: the kernel's begins no
// sooner than interrupts are on again, where callbacks stay on their CPU.
bool rcu_hears_later(const lrut_call* call) {
  return call && current_task()->irqs_off;
}
void tell_rcu(lrut_call* call, const char* fn) {
  while (auto* head = static_cast<rcu_head*>(call->rcu)) {
    call->rcu = head->next;
    call_rcu(head, head->func, fn);
  }
}
void do_spin_unlock(void* lock, bool irq, bool irq_off,
                    const char* fn) ABSL_NO_THREAD_SAFETY_ANALYSIS {
  auto* l = static_cast<spinlock_t*>(lock);
  if (lrut_call* seen = followed()) before_unlock(seen);
  detail::spin_release(l, irq ? SYNC_spin_unlock_irq : SYNC_spin_unlock, fn);
  if (irq) local_irq_restore(irq_off);
  lrut_call* call = current_call();
  if (call && !rcu_hears_later(call)) tell_rcu(call, fn);
}
bool do_spin_trylock(void* lock,
                     const char* fn) ABSL_NO_THREAD_SAFETY_ANALYSIS {
  return spin_trylock(static_cast<spinlock_t*>(lock), fn);
}
bool do_lock_is_held(const void* lock) {
  return lru::lock_is_held(static_cast<const lock_base*>(lock));
}
void do_mutex_lock(void* lock, const char* fn) ABSL_NO_THREAD_SAFETY_ANALYSIS {
  mutex_lock(static_cast<mutex*>(lock), fn);
}
void do_mutex_unlock(void* lock,
                     const char* fn) ABSL_NO_THREAD_SAFETY_ANALYSIS {
  if (lrut_call* call = followed()) before_unlock(call);
  mutex_unlock(static_cast<mutex*>(lock), fn);
}
void do_rcu_read_lock(const char* fn) ABSL_NO_THREAD_SAFETY_ANALYSIS {
  if (peeking(followed())) return detail::rcu_enter();
  rcu_read_lock(fn);
}
void do_rcu_read_unlock(const char* fn) ABSL_NO_THREAD_SAFETY_ANALYSIS {
  lrut_call* call = followed();
  if (peeking(call)) return detail::rcu_leave();
  if (call) before_rcu_read_unlock(call);
  rcu_read_unlock(fn);
  if (call) after_rcu_read_unlock(call);
}
void do_call_rcu(void* head, void* func, const char* fn) {
  auto* rcu = static_cast<rcu_head*>(head);
  auto free_it = reinterpret_cast<void (*)(rcu_head*)>(func);
  lrut_call* call = current_call();
  if (!rcu_hears_later(call)) return call_rcu(rcu, free_it, fn);
  rcu->func = free_it;
  rcu->next = static_cast<rcu_head*>(call->rcu);
  call->rcu = rcu;
}

void* do_kmalloc(size_t n, size_t size, bool may_block, bool zeroed) {
  constexpr int kPoisonInUse = 0x5a;  // SLUB's POISON_INUSE
  void* memory = alloc(current_call(), n, size, may_block);
  if (memory && !zeroed) memset(memory, kPoisonInUse, n ? n * size : size);
  return memory;
}
void do_kfree(const void* memory, const char*) {
  lrut_call* call = followed();
  if (call) lists_go(call, memory);
  free(memory);
}
void do_kfree_rcu(void* memory, const char* fn) {
  lrut_call* call = followed();
  if (call) lists_go(call, memory);
  free_after_rcu(memory, fn);
  if (call) lists_gone(call, /*queued=*/true);
}

void* do_css_next(void* pos, void* root,
                  const char*) ABSL_NO_THREAD_SAFETY_ANALYSIS {
  css* next =
      css_next_descendant_pre(static_cast<css*>(pos), static_cast<css*>(root));
  lrut_call* call = followed();
  if (!next && call) ids_done(call);
  return next;
}
bool do_css_is_dying(const void* c, const char* fn) {
  return READ_ONCE(static_cast<const css*>(c)->flags, fn) & CSS_DYING;
}
void* do_mem_cgroup_from_slab_obj(const void* item, const char* fn)
    ABSL_NO_THREAD_SAFETY_ANALYSIS {
  mem_cgroup* memcg =
      mem_cgroup_from_slab_obj(static_cast<const list_head*>(item), fn);
  if (lrut_call* call = followed()) memcg_found(call, memcg);
  return memcg;
}
void* do_mem_cgroup_from_id(unsigned long id,
                            const char*) ABSL_NO_THREAD_SAFETY_ANALYSIS {
  mem_cgroup* memcg = mem_cgroup_from_id(static_cast<int>(id));
  if (lrut_call* call = followed()) {
    LRU_POINT(walk_memcg_from_id, .memcg = memcg,
              .lru = static_cast<list_lru*>(call->lru), .nid = call->nid,
              .nr = static_cast<long>(id));
  }
  return memcg;
}
bool do_mem_cgroup_tryget(void* memcg) {
  return mem_cgroup_tryget(static_cast<mem_cgroup*>(memcg));
}
void do_mem_cgroup_put(void* memcg) {
  mem_cgroup_put(static_cast<mem_cgroup*>(memcg));
}
void do_set_shrinker_bit(void* memcg, int nid, int shrinker_id) {
  set_shrinker_bit(static_cast<mem_cgroup*>(memcg), nid, shrinker_id);
}

void* host_list_of(const void* list) {
  return static_cast<list_lru_one*>(list_of(list));
}
void* host_impl_of_list(const void* list) {
  return impl_of(static_cast<const list_lru_one*>(list));
}
bool host_lru_init(void* program_lru, size_t size, bool memcg_aware,
                   const void* of_shrinker, int* shrinker_id, bool* irq_safe) {
  auto* lru = static_cast<list_lru*>(program_lru);
  lru->serial = next_serial(SERIAL_LRU);
  lru->shrinker_id =
      of_shrinker ? static_cast<const shrinker*>(of_shrinker)->id : -1;
  lru->memcg_aware = memcg_aware;
  *shrinker_id = lru->shrinker_id;
  *irq_safe = lru->irq_safe;
  return init_lru(lru, size);
}
void host_lru_exit(void* program_lru) {
  auto* lru = static_cast<list_lru*>(program_lru);
  lru->shrinker_id = -1;
  exit_lru(lru);
}
void warn(const char* what, const char* fn) {
  complain(KERNEL_WARNS, what, fn);
}
void bug(const char* what, const char* fn) {
  complain(KERNEL_STOPS, what, fn);
  abort();
}

const lrut_host_ops* host_ops() {
  static const lrut_host_ops kOps = {
      .armed = reinterpret_cast<const unsigned*>(&lru_armed),
      .nr_node_ids = &nr_node_ids,
      .point = point,
      .call_begin = call_begin,
      .call_end =
          [](lrut_call* call) {
            tell_rcu(call, "call_end");  // its caller had interrupts off
            call_end(call);
          },
      .do_spin_lock_init = do_spin_lock_init,
      .irqs_off = irqs_off,
      .do_spin_lock = do_spin_lock,
      .do_spin_unlock = do_spin_unlock,
      .do_spin_trylock = do_spin_trylock,
      .lock_is_held = do_lock_is_held,
      .do_mutex_lock = do_mutex_lock,
      .do_mutex_unlock = do_mutex_unlock,
      .do_rcu_read_lock = do_rcu_read_lock,
      .do_rcu_read_unlock = do_rcu_read_unlock,
      .do_call_rcu = do_call_rcu,
      .do_kmalloc = do_kmalloc,
      .do_kfree = do_kfree,
      .do_kfree_rcu = do_kfree_rcu,
      .do_css_next_descendant_pre = do_css_next,
      .do_css_is_dying = do_css_is_dying,
      .do_mem_cgroup_from_slab_obj = do_mem_cgroup_from_slab_obj,
      .do_mem_cgroup_from_id = do_mem_cgroup_from_id,
      .do_mem_cgroup_tryget = do_mem_cgroup_tryget,
      .do_mem_cgroup_put = do_mem_cgroup_put,
      .do_set_shrinker_bit = do_set_shrinker_bit,
      .saw_id = saw_id,
      .saw_lists = saw_lists,
      .saw_climb = saw_climb,
      .saw_item = saw_item,
      .saw_count = saw_count,
      .saw_node_count = saw_node_count,
      .linked = linked,
      .unlinked = unlinked,
      .splicing = splicing,
      .spliced = spliced,
      .erasing = erasing,
      .erased = erased,
      .storing = storing,
      .stored = stored,
      .isolate_begin = isolate_begin,
      .isolate_end = isolate_end,
      .list_of = host_list_of,
      .impl_of_list = host_impl_of_list,
      .lru_init = host_lru_init,
      .lru_exit = host_lru_exit,
      .warn = warn,
      .bug = bug,
  };
  return &kOps;
}

// --- list_lru_ops: a plug-in's functions differ from ours in the names of the
// types alone
// ------------------------------------------------------------------------

const list_head* items_of_list(const list_lru_one* list) {
  return static_cast<const list_head*>(impl_of(list));  // first member
}

template <class To, class From>
void assign(To& to, From from) {
  to = reinterpret_cast<To>(from);
}

list_lru_ops make_ops(const lrut_plugin& plugin) {
  list_lru_ops ops = {};
  ops.returns_unlocked = plugin.returns_unlocked;
  ops.climbs = plugin.climbs;
  ops.stops = plugin.stops;
  ops.node_count_lags = plugin.node_count_lags;
  ops.lost_ids_mislead = plugin.climbs;
  ops.stages = plugin.climbs ? memcg_lock_stages() : node_lock_stages();
  ops.operations =
      plugin.climbs ? memcg_lock_operations() : node_lock_operations();
  ops.absent = absent_points(plugin.climbs);
#define LRUT_ASSIGN(name) assign(ops.name, plugin.name)
  LRUT_ASSIGN(list_lru_init);
  LRUT_ASSIGN(list_lru_destroy);
  LRUT_ASSIGN(list_lru_add);
  LRUT_ASSIGN(list_lru_add_obj);
  LRUT_ASSIGN(list_lru_del);
  LRUT_ASSIGN(list_lru_del_obj);
  LRUT_ASSIGN(list_lru_count_one);
  LRUT_ASSIGN(list_lru_count_node);
  LRUT_ASSIGN(list_lru_walk_one);
  LRUT_ASSIGN(list_lru_walk_one_irq);
  LRUT_ASSIGN(list_lru_walk_node);
  LRUT_ASSIGN(list_lru_isolate);
  LRUT_ASSIGN(list_lru_isolate_move);
  LRUT_ASSIGN(memcg_list_lru_alloc);
  LRUT_ASSIGN(memcg_reparent_list_lrus);
  LRUT_ASSIGN(list_lru_lock);
  LRUT_ASSIGN(list_lru_unlock);
  LRUT_ASSIGN(list_lru_lock_irqsave);
  LRUT_ASSIGN(list_lru_unlock_irqrestore);
  LRUT_ASSIGN(__list_lru_add);
  LRUT_ASSIGN(__list_lru_del);
  LRUT_ASSIGN(lock_of);
  LRUT_ASSIGN(nr_items_of);
  LRUT_ASSIGN(nr_node);
  LRUT_ASSIGN(list_at);
  LRUT_ASSIGN(for_each_list);
#undef LRUT_ASSIGN
  ops.items_of = items_of_list;
  return ops;
}

const lrut_plugin* open_plugin(const std::string& file, std::string* error) {
  *error = missing_part_of(file);
  if (!error->empty()) return nullptr;
  // Never closed: literals of it are names in traces.
  void* library = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    *error = dlerror();
    return nullptr;
  }
  auto entry = reinterpret_cast<lrut_plugin_fn>(dlsym(library, LRUT_SYMBOL));
  if (!entry) {
    *error = "it is no plug-in: it has no " LRUT_SYMBOL "()";
    return nullptr;
  }
  const lrut_plugin* plugin = entry(LRUT_ABI, host_ops());
  if (!plugin) {
    auto abi =
        reinterpret_cast<const char* const*>(dlsym(library, LRUT_ABI_SYMBOL));
    *error = std::string("it was built for '") + (abi ? *abi : "?") +
             "', this program is '" LRUT_ABI
             "': build it again, with scripts/kernel.sh";
  }
  return plugin;
}

}  // namespace
}  // namespace kernel

const kernel_lru* load_kernel_lru(const std::string& name,
                                  const std::string& file, std::string* error) {
  const lrut_plugin* plugin = kernel::open_plugin(file, error);
  if (!plugin) return nullptr;
  auto* lru = new kernel_lru;
  lru->name = name;
  lru->version = plugin->version;
  lru->bugs = plugin->bugs;
  lru->doc =
      "a kernel tree's own mm/list_lru.c, unmodified: Linux " + lru->version;
  lru->ops = kernel::make_ops(*plugin);
  lru->ops.name = lru->name.c_str();
  lru->ops.doc = lru->doc.c_str();
  return lru;
}

}  // namespace lru
