#include "lru/shrinker.h"

#include <algorithm>
#include <bitset>

#include "lru/fault_points.h"
#include "lru/sync/alloc.h"

namespace lru {
namespace {

mutex shrinker_mutex{"shrinker_mutex"};
list_head shrinker_list ABSL_GUARDED_BY(shrinker_mutex);
std::bitset<kShrinkersMax> shrinker_ids ABSL_GUARDED_BY(shrinker_mutex);
std::atomic<shrinker*> shrinker_idr[kShrinkersMax];  // read under RCU
// Of the largest shrinker_info there is; written under shrinker_mutex.
std::atomic<int> shrinker_nr_max = 0;

shrinker* shrinker_of(list_head* at) {
  return reinterpret_cast<shrinker*>(reinterpret_cast<char*>(at) -
                                     offsetof(shrinker, list));
}

bool shrinker_try_get(shrinker* s) {
  s32 old = READ_ONCE(s->refcount);
  while (old > 0) {
    if (try_cmpxchg(s->refcount, &old, old + 1)) return true;
  }
  return false;
}
void shrinker_put(shrinker* s) {
  if (atomic_dec_and_test(s->refcount)) complete(&s->done);
}

// --- shrinker_info -----------------------------------------------------------

void free_info_units(shrinker_info* info, int from) {
  for (int u = from; u < info->map_nr_max / kShrinkerUnitBits; u++) {
    kfree_type(ALLOC_SHRINKER_INFO, info->unit[u]);
  }
}

// Units of `old` are taken over, the rest is new. Null: no memory.
shrinker_info* make_info(const shrinker_info* old, int map_nr_max,
                         const mem_cgroup* memcg) {
  if (LRU_ERROR_POINT(shrinker_info_allocated, .memcg = memcg)) return nullptr;
  auto* info = kmalloc_flex<shrinker_info, shrinker_info_unit*>(
      ALLOC_SHRINKER_INFO, map_nr_max / kShrinkerUnitBits);
  if (!info) return nullptr;
  int taken = old ? old->map_nr_max / kShrinkerUnitBits : 0;
  for (int u = 0; u < taken; u++) info->unit[u] = old->unit[u];
  info->map_nr_max = taken * kShrinkerUnitBits;
  while (info->map_nr_max < map_nr_max) {
    auto* unit = LRU_ERROR_POINT(shrinker_info_allocated, .memcg = memcg)
                     ? nullptr
                     : kmalloc_type<shrinker_info_unit>(ALLOC_SHRINKER_INFO);
    if (!unit) {
      free_info_units(info, taken);
      kfree_flex(ALLOC_SHRINKER_INFO, info);
      return nullptr;
    }
    info->unit[info->map_nr_max / kShrinkerUnitBits] = unit;
    info->map_nr_max += kShrinkerUnitBits;
  }
  return info;
}

int expand_one_shrinker_info(mem_cgroup* memcg, int map_nr_max)
    ABSL_EXCLUSIVE_LOCKS_REQUIRED(shrinker_mutex) {
  for (int nid = 0; nid < nr_node_ids; nid++) {
    shrinker_info* old =
        memcg->shrinker_info[nid].load(std::memory_order_relaxed);
    if (!old || old->map_nr_max >= map_nr_max) continue;
    shrinker_info* info = make_info(old, map_nr_max, memcg);
    if (!info) return -ENOMEM;
    rcu_assign_pointer(memcg->shrinker_info[nid], info);
    LRU_POINT(shrinker_info_replaced, .memcg = memcg, .nid = nid,
              .nr = map_nr_max, .memory = old);
    current_steps().free_old_shrinker_info(old);
  }
  return 0;
}

// A memcg that has none yet gets the full size at css_online.
int expand_shrinker_info(int new_id)
    ABSL_EXCLUSIVE_LOCKS_REQUIRED(shrinker_mutex)
        ABSL_EXCLUSIVE_LOCKS_REQUIRED(cgroup_mutex) {
  int map_nr_max = (new_id / kShrinkerUnitBits + 1) * kShrinkerUnitBits;
  if (map_nr_max <= shrinker_nr_max.load(std::memory_order_relaxed)) return 0;
  for (css* c = nullptr;
       (c = css_next_descendant_pre(c, &root_mem_cgroup->css));) {
    if (int err =
            expand_one_shrinker_info(mem_cgroup_from_css(c), map_nr_max)) {
      return err;  // the larger ones already there do no harm
    }
  }
  shrinker_nr_max.store(map_nr_max, std::memory_order_relaxed);
  return 0;
}

std::atomic<long>& deferred_of(shrinker* s, const shrink_control* sc)
    ABSL_SHARED_LOCKS_REQUIRED(rcu) {
  if (sc->memcg && s->id >= 0) {
    shrinker_info* info = rcu_dereference(sc->memcg->shrinker_info[sc->nid]);
    if (info && s->id < info->map_nr_max) {
      return info->unit[s->id / kShrinkerUnitBits]
          ->nr_deferred[s->id % kShrinkerUnitBits];
    }
  }
  return s->nr_deferred[sc->nid];
}

long xchg_nr_deferred(shrinker* s, const shrink_control* sc) {
  rcu_guard guard;
  long nr = xchg(deferred_of(s, sc), 0);
  LRU_POINT(nr_deferred_changed, .memcg = sc->memcg, .nid = sc->nid, .nr = -nr,
            .shrinker_id = s->id);
  return nr;
}
void add_nr_deferred(long nr, shrinker* s, const shrink_control* sc) {
  rcu_guard guard;
  current_steps().add_nr_deferred(deferred_of(s, sc), nr);
  LRU_POINT(nr_deferred_changed, .memcg = sc->memcg, .nid = sc->nid, .nr = nr,
            .shrinker_id = s->id);
}

// --- shrinking
// -----------------------------------------------------------------

long scan_in_batches(shrinker* s, shrink_control* sc, long total_scan,
                     long freeable, long* scanned) {
  long freed = 0;
  while (total_scan >= kShrinkBatch || total_scan >= freeable) {
    long nr_to_scan = std::min(kShrinkBatch, total_scan);
    sc->nr_to_scan = sc->nr_scanned = static_cast<unsigned long>(nr_to_scan);
    unsigned long ret = s->scan_objects(s, sc);
    if (ret == SHRINK_STOP) break;
    freed += static_cast<long>(ret);
    total_scan -= static_cast<long>(sc->nr_scanned);
    *scanned += static_cast<long>(sc->nr_scanned);
    if (total_scan <= 0) break;
  }
  return freed;
}

unsigned long do_shrink_slab(shrink_control* sc, shrinker* s, int priority) {
  unsigned long count = s->count_objects(s, sc);
  if (count == 0 || count == SHRINK_EMPTY) return count;
  long freeable = static_cast<long>(count);
  long nr = xchg_nr_deferred(s, sc);
  long delta = s->seeks ? (freeable >> priority) * 4 / s->seeks : freeable / 2;
  long total_scan = std::min((nr >> priority) + delta, 2 * freeable);
  long scanned = 0;
  long freed = scan_in_batches(s, sc, total_scan, freeable, &scanned);
  long deferred = std::clamp(nr + delta - scanned, 0L, 2 * freeable);
  add_nr_deferred(deferred, s, sc);
  return static_cast<unsigned long>(freed);
}

// One set bit: ask; on SHRINK_EMPTY clear it, and ask again. (S2)
unsigned long shrink_one(shrinker* s, shrink_control* sc, std::atomic<u64>& map,
                         int offset, int priority) {
  unsigned long ret = do_shrink_slab(sc, s, priority);
  if (ret != SHRINK_EMPTY) return ret;
  LRU_POINT(shrink_counted_empty, .memcg = sc->memcg, .nid = sc->nid,
            .nr = s->id);
  clear_bit(offset, map);
  // pairs with the barrier in set_shrinker_bit(): list first, then bit
  smp_mb__after_atomic();
  LRU_POINT(shrinker_bit_cleared, .memcg = sc->memcg, .nid = sc->nid,
            .nr = s->id);
  ret = current_steps().shrink_rescan(sc, s, priority);
  LRU_POINT(shrink_rescanned, .memcg = sc->memcg, .nid = sc->nid, .nr = s->id);
  return ret;
}

// The shrinker of a set bit, with a reference; clears the bit when it is gone.
shrinker* get_shrinker_of_bit(int id, std::atomic<u64>& map, int offset,
                              const shrink_control& sc) {
  rcu_guard guard;
  shrinker* s = rcu_dereference(shrinker_idr[id]);
  if (s && shrinker_try_get(s)) {
    LRU_POINT(shrinker_looked_up, .memcg = sc.memcg, .nid = sc.nid, .nr = id);
    return s;
  }
  clear_bit(offset, map);
  return nullptr;
}

// The unit and its number of bits stay: memcg is referenced. (S3)
shrinker_info_unit* unit_at(mem_cgroup* memcg, int nid, int index) {
  rcu_guard guard;
  shrinker_info* info = rcu_dereference(memcg->shrinker_info[nid]);
  if (!info) return nullptr;
  int units = current_steps().shrinker_map_size(info) / kShrinkerUnitBits;
  return index < units ? info->unit[index] : nullptr;
}

unsigned long shrink_slab_memcg(int nid, mem_cgroup* memcg, int priority) {
  unsigned long freed = 0;
  int index = 0;
  while (shrinker_info_unit* unit = unit_at(memcg, nid, index)) {
    u64 bits = READ_ONCE(unit->map);
    for (; bits; bits &= bits - 1) {
      int offset = __builtin_ctzll(bits);
      shrink_control sc{.nid = nid, .memcg = memcg};
      shrinker* s = get_shrinker_of_bit(index * kShrinkerUnitBits + offset,
                                        unit->map, offset, sc);
      if (!s) continue;
      unsigned long ret = shrink_one(s, &sc, unit->map, offset, priority);
      if (ret != SHRINK_EMPTY) freed += ret;
      shrinker_put(s);
    }
    index++;
  }
  return freed;
}

shrinker* next_shrinker(shrinker* after) {
  mutex_guard guard(&shrinker_mutex);
  list_head* at = after ? after->list.next : shrinker_list.next;
  for (; at != &shrinker_list; at = at->next) {
    shrinker* s = shrinker_of(at);
    if (shrinker_try_get(s)) return s;
  }
  return nullptr;
}

}  // namespace

int shrinker_map_size(const shrinker_info* info) { return info->map_nr_max; }

shrinker_info_unit* shrinker_unit_of(shrinker_info* info, int shrinker_id) {
  return info->unit[shrinker_id / kShrinkerUnitBits];
}

int shrinker_map_size_of_all() {
  return shrinker_nr_max.load(std::memory_order_relaxed);
}

void free_old_shrinker_info(shrinker_info* old) {
  call_rcu(
      &old->rcu,
      [](rcu_head* head) {
        kfree_flex(ALLOC_SHRINKER_INFO, reinterpret_cast<shrinker_info*>(head));
      },
      "expand_one_shrinker_info");
}

void shrinker_publish(shrinker* s, shrinker* found) {
  if (s->id < 0) return;
  rcu_assign_pointer(shrinker_idr[s->id], found,
                     found ? "shrinker_register" : "shrinker_free");
}

void shrinker_unlist(shrinker* s) { list_del_init(&s->list); }

// Whoever has found it by its id may still be about to try its refcount.
void shrinker_free_after_rcu(shrinker* s) {
  call_rcu(
      &s->rcu,
      [](rcu_head* head) {
        kfree_type(ALLOC_OTHER,
                   reinterpret_cast<shrinker*>(reinterpret_cast<char*>(head) -
                                               offsetof(shrinker, rcu)));
      },
      "shrinker_free");
}

unsigned long shrink_rescan(shrink_control* sc, shrinker* s, int priority) {
  unsigned long ret = do_shrink_slab(sc, s, priority);
  if (ret == SHRINK_EMPTY) return 0;
  set_shrinker_bit(sc->memcg, sc->nid, s->id);
  return ret;
}

void add_nr_deferred_clean(std::atomic<long>& nr_deferred, long nr) {
  atomic_fetch_add(nr_deferred, nr, "add_nr_deferred");
}

shrinker* shrinker_alloc(bool memcg_aware) {
  auto* s = kmalloc_type<shrinker>(ALLOC_OTHER);
  if (!s) return nullptr;
  s->serial = next_serial(SERIAL_OTHER);
  if (!memcg_aware) return s;
  mutex_guard cgroups(&cgroup_mutex);
  mutex_guard guard(&shrinker_mutex);
  int id = 0;
  while (id < kShrinkersMax && shrinker_ids.test(id)) id++;
  if (id == kShrinkersMax || expand_shrinker_info(id)) {
    kfree_type(ALLOC_OTHER, s);
    return nullptr;
  }
  shrinker_ids.set(id);
  s->id = id;
  return s;
}

void shrinker_register(shrinker* s) {
  mutex_guard guard(&shrinker_mutex);
  list_add_tail(&s->list, &shrinker_list);
  s->refcount.store(1, std::memory_order_relaxed);
  current_steps().shrinker_publish(s, s);
}

void shrinker_free(shrinker* s) {
  if (s->refcount.load(std::memory_order_relaxed) > 0) {
    current_steps().shrinker_publish(s, nullptr);
    LRU_POINT(shrinker_unpublished, .nr = s->id, .memory = s);
    shrinker_put(s);  // registration's own
    wait_for_completion(&s->done, "shrinker users");
  }
  {
    mutex_guard guard(&shrinker_mutex);
    current_steps().shrinker_unlist(s);
    if (s->id >= 0) shrinker_ids.reset(s->id);
  }
  current_steps().shrinker_free_after_rcu(s);
}

int alloc_shrinker_info(mem_cgroup* memcg) {
  mutex_guard guard(&shrinker_mutex);
  if (!memcg->css.parent) {  // booted (again)
    shrinker_nr_max.store(0, std::memory_order_relaxed);
  }
  int map_nr_max = std::max(shrinker_map_size_of_all(), kShrinkerUnitBits);
  for (int nid = 0; nid < nr_node_ids; nid++) {
    shrinker_info* info = make_info(nullptr, map_nr_max, memcg);
    if (!info) return -ENOMEM;  // css_free frees the nodes already done
    rcu_assign_pointer(memcg->shrinker_info[nid], info);
  }
  return 0;
}

void free_shrinker_info(mem_cgroup* memcg) {
  for (int nid = 0; nid < nr_node_ids; nid++) {
    shrinker_info* info =
        memcg->shrinker_info[nid].load(std::memory_order_relaxed);
    if (!info) continue;
    free_info_units(info, 0);
    kfree_flex(ALLOC_SHRINKER_INFO, info);
  }
}

// The child's value is read, not taken: whoever still defers work to it may,
// and loses it, as in the kernel.
void reparent_shrinker_deferred(mem_cgroup* memcg) {
  mem_cgroup* parent = parent_mem_cgroup(memcg);
  mutex_guard guard(&shrinker_mutex);
  for (int nid = 0; nid < nr_node_ids; nid++) {
    shrinker_info* from =
        memcg->shrinker_info[nid].load(std::memory_order_relaxed);
    shrinker_info* to =
        parent->shrinker_info[nid].load(std::memory_order_relaxed);
    if (!from || !to) continue;  // the root keeps its in the shrinker
    int bits = std::min(from->map_nr_max, to->map_nr_max);
    for (int id = 0; id < bits; id++) {
      long nr = READ_ONCE(from->unit[id / kShrinkerUnitBits]
                              ->nr_deferred[id % kShrinkerUnitBits]);
      if (!nr) continue;
      atomic_fetch_add(
          to->unit[id / kShrinkerUnitBits]->nr_deferred[id % kShrinkerUnitBits],
          nr);
      LRU_POINT(nr_deferred_changed, .memcg = memcg, .nid = nid, .nr = nr,
                .parent = parent, .depth = memcg->css.level, .shrinker_id = id);
    }
  }
}

void set_shrinker_bit(mem_cgroup* memcg, int nid, int shrinker_id) {
  if (shrinker_id < 0 || !memcg || mem_cgroup_is_root(memcg)) return;
  rcu_guard guard;
  shrinker_info* info = rcu_dereference(memcg->shrinker_info[nid]);
  if (!info || shrinker_id >= info->map_nr_max) return;
  // pairs with the barrier in shrink_one(): list first, then bit
  smp_mb__before_atomic();
  shrinker_info_unit* unit =
      current_steps().shrinker_unit_of(info, shrinker_id);
  set_bit(shrinker_id % kShrinkerUnitBits, unit->map);
  LRU_POINT(shrinker_bit_set, .memcg = memcg, .nid = nid, .nr = shrinker_id,
            .memory = unit, .depth = memcg->css.level);
}

bool shrinker_bit_is_set(mem_cgroup* memcg, int nid, int shrinker_id) {
  rcu_guard guard;
  shrinker_info* info = rcu_dereference(memcg->shrinker_info[nid]);
  if (!info || shrinker_id < 0 || shrinker_id >= info->map_nr_max) return false;
  return test_bit(shrinker_id % kShrinkerUnitBits,
                  info->unit[shrinker_id / kShrinkerUnitBits]->map);
}

bool shrinker_is_found(const shrinker* s) {
  return s->id >= 0 && s->id < kShrinkersMax &&
         shrinker_idr[s->id].load(std::memory_order_relaxed) == s;
}

bool any_shrinker_listed() ABSL_NO_THREAD_SAFETY_ANALYSIS {
  return !list_empty(&shrinker_list);
}

bool shrinker_id_in_use(int id) ABSL_NO_THREAD_SAFETY_ANALYSIS {
  return shrinker_ids.test(static_cast<size_t>(id)) ||
         shrinker_idr[id].load(std::memory_order_relaxed);
}

long nr_deferred_of(const mem_cgroup* memcg, int nid, int shrinker_id) {
  const shrinker_info* info =
      memcg->shrinker_info[nid].load(std::memory_order_relaxed);
  if (!info || shrinker_id < 0 || shrinker_id >= info->map_nr_max) return 0;
  return info->unit[shrinker_id / kShrinkerUnitBits]
      ->nr_deferred[shrinker_id % kShrinkerUnitBits]
      .load(std::memory_order_relaxed);
}

unsigned long shrink_slab(int nid, mem_cgroup* memcg, int priority) {
  if (memcg && !mem_cgroup_is_root(memcg)) {
    return shrink_slab_memcg(nid, memcg, priority);
  }
  unsigned long freed = 0;
  shrinker* s = next_shrinker(nullptr);
  while (s) {
    shrink_control sc{.nid = nid, .memcg = memcg};
    unsigned long ret = do_shrink_slab(&sc, s, priority);
    if (ret != SHRINK_EMPTY) freed += ret;
    shrinker* next = next_shrinker(s);
    shrinker_put(s);
    s = next;
  }
  return freed;
}

}  // namespace lru
