#include "lru/list_lru.h"

#include <new>

#include "lru/list_lru_common.h"

namespace lru {

mutex list_lrus_mutex{"list_lrus_mutex"};
list_head memcg_list_lrus;

namespace {

void list_lru_register(list_lru* lru) {
  if (!list_lru_memcg_aware(lru)) return;
  mutex_guard guard(&list_lrus_mutex);
  list_add(&lru->list, &memcg_list_lrus);
}

void list_lru_unregister(list_lru* lru) {
  if (!list_lru_memcg_aware(lru)) return;
  mutex_guard guard(&list_lrus_mutex);
  list_del_init(&lru->list);
}

void init_one(list_lru_one* l, const list_lru* lru, mem_cgroup* owner,
              int nid) {
  l->owner = owner;
  l->serial = next_serial(SERIAL_LIST);
  l->lru_serial = lru->serial;
  spin_lock_init(&l->lock, "l->lock", l->serial, nid);
  l->lock.irq_safe = lru->irq_safe;
}

}  // namespace

int list_lru_init(list_lru* lru, bool memcg_aware, shrinker* shrinker) {
  lru->serial = next_serial(SERIAL_LRU);
  lru->shrinker_id = shrinker ? shrinker->id : -1;
  if (LRU_ERROR_POINT(lru_allocated, .lru = lru)) return -ENOMEM;
  lru->node = new (std::nothrow) list_lru_node[nr_node_ids];
  if (!lru->node) return -ENOMEM;
  count_alloc(ALLOC_LRU, 1);
  for (int nid = 0; nid < nr_node_ids; nid++) {
    spin_lock_init(&lru->node[nid].lock, "nlru->lock", lru->serial, nid);
    lru->node[nid].lock.irq_safe = lru->irq_safe;
    init_one(&lru->node[nid].lru, lru, nullptr, nid);
  }
  lru->memcg_aware = memcg_aware;
  list_lru_register(lru);
  return 0;
}

void list_lru_destroy(list_lru* lru) {
  if (!lru->node) return;  // destroyed before, or never initialised
  list_lru_unregister(lru);
  int index = 0;
  while (auto* mlru = static_cast<list_lru_memcg*>(xa_find(&lru->xa, &index))) {
    xa_erase_irq(&lru->xa, index);
    kfree_type(ALLOC_MLRU, mlru);
  }
  xa_destroy(&lru->xa);
  delete[] lru->node;
  lru->node = nullptr;
  count_alloc(ALLOC_LRU, -1);
  lru->shrinker_id = -1;
}

bool any_list_lru_registered() ABSL_NO_THREAD_SAFETY_ANALYSIS {
  return !list_empty(&memcg_list_lrus);
}

void list_lru_for_each_list(list_lru* lru, list_lru_visit visit, void* arg) {
  for (int nid = 0; nid < nr_node_ids; nid++) {
    visit(nid, &lru->node[nid].lru, arg);
    int index = 0;
    while (auto* mlru =
               static_cast<list_lru_memcg*>(xa_find(&lru->xa, &index))) {
      visit(nid, &mlru->node[nid], arg);
      index++;
    }
  }
}

long nr_items_of_node(const list_lru* lru, int nid) {
  return lru->node[nid].nr_items.load(std::memory_order_relaxed);
}
const list_lru_one* peek_list_at(const list_lru* lru, int id, int nid) {
  if (id < 0 || id >= kXaMax) return nullptr;
  const xa_chunk* chunk =
      lru->xa.chunk[id / kXaChunk].load(std::memory_order_acquire);
  if (!chunk) return nullptr;
  auto* mlru = static_cast<const list_lru_memcg*>(
      chunk->slot[id % kXaChunk].load(std::memory_order_acquire));
  return mlru ? &mlru->node[nid] : nullptr;
}

bool memcg_list_lru_allocated(mem_cgroup* memcg, list_lru* lru) {
  int idx = memcg_kmem_id(memcg);
  return idx < 0 || xa_load(&lru->xa, idx);
}

list_lru_memcg* memcg_init_list_lru_one(list_lru* lru, mem_cgroup* memcg) {
  if (LRU_ERROR_POINT(mlru_allocated, .memcg = memcg, .lru = lru,
                      .depth = memcg->css.level)) {
    return nullptr;
  }
  auto* mlru = kmalloc_type<list_lru_memcg>(ALLOC_MLRU);
  if (!mlru) return nullptr;
  for (int nid = 0; nid < nr_node_ids; nid++) {
    init_one(&mlru->node[nid], lru, memcg, nid);
  }
  return mlru;
}

std::array<operation_info, 7> list_lru_operations(const char* walk_doc,
                                                  fault_point walk_held_at,
                                                  bool walk_own_list) {
  // list_looked_up: the caller brought the memcg along.
  static constexpr fault_point kLookup[] = {FP_memcg_looked_up};
  static constexpr fault_point kChange[] = {FP_memcg_looked_up,
                                            FP_list_looked_up};
  static constexpr fault_point kLinked[] = {FP_item_linked};
  static constexpr fault_point kUnlinked[] = {FP_item_unlinked};
  static constexpr fault_point kWalk[] = {FP_walk_list_locked};
  static constexpr fault_point kWalking[] = {FP_isolate_called,
                                             FP_walk_restarted};
  static constexpr fault_point kCount[] = {FP_count_loaded};
  static constexpr fault_point kShrink[] = {FP_shrinker_looked_up};
  static constexpr fault_point kShrinking[] = {
      FP_shrink_counted_empty, FP_shrinker_bit_cleared, FP_shrink_rescanned};
  static constexpr fault_point kAlloc[] = {FP_mlru_allocated};
  static constexpr fault_point kAllocating[] = {FP_xa_stored};
  constexpr fault_point kNone = NR_FAULT_POINTS;
  return {{
      {"lookup",
       "finds the memcg of an object, by its objcg or an id, to add or delete "
       "it",
       kLookup,
       {},
       way::ID,
       false,
       false,
       kNone},
      {"add", "links an item: from the lookup of its memcg to item_linked",
       kChange, kLinked, way::ID, false, false, kNone},
      {"del", "unlinks an item: from the lookup of its memcg to item_unlinked",
       kChange, kUnlinked, way::ID, false, false, kNone},
      {"walk", walk_doc, kWalk, kWalking, way::SLOT, true, true, walk_held_at,
       false, walk_own_list},
      {"count",
       "reads how many items a memcg has on one list",
       kCount,
       {},
       way::TRYGET_ONLINE,
       true,
       false,
       FP_shrinker_bit_cleared},
      {"shrink", "runs one shrinker for a memcg whose bit is set", kShrink,
       kShrinking, way::TRYGET_ONLINE, true, false, kNone},
      {"alloc", "makes the lists of a memcg: memcg_list_lru_alloc()", kAlloc,
       kAllocating, way::NONE, true, false, kNone, true},
  }};
}

unsigned long list_lru_count(list_lru* lru) {
  unsigned long count = 0;
  for (int nid = 0; nid < nr_node_ids; nid++) {
    count += current_lru_ops().list_lru_count_node(lru, nid);
  }
  return count;
}

unsigned long list_lru_shrink_count(list_lru* lru, const shrink_control* sc) {
  return current_lru_ops().list_lru_count_one(lru, sc->nid, sc->memcg);
}

unsigned long list_lru_shrink_walk(list_lru* lru, const shrink_control* sc,
                                   list_lru_walk_cb isolate, void* cb_arg) {
  unsigned long nr_to_walk = sc->nr_to_scan;
  return current_lru_ops().list_lru_walk_one(lru, sc->nid, sc->memcg, isolate,
                                             cb_arg, &nr_to_walk);
}

unsigned long list_lru_shrink_walk_irq(list_lru* lru, const shrink_control* sc,
                                       list_lru_walk_cb isolate, void* cb_arg) {
  unsigned long nr_to_walk = sc->nr_to_scan;
  return current_lru_ops().list_lru_walk_one_irq(lru, sc->nid, sc->memcg,
                                                 isolate, cb_arg, &nr_to_walk);
}

unsigned long list_lru_walk(list_lru* lru, list_lru_walk_cb isolate,
                            void* cb_arg, unsigned long nr_to_walk) {
  unsigned long isolated = 0;
  for (int nid = 0; nid < nr_node_ids; nid++) {
    isolated += current_lru_ops().list_lru_walk_node(lru, nid, isolate, cb_arg,
                                                     &nr_to_walk);
    if (nr_to_walk == 0) break;
  }
  return isolated;
}

}  // namespace lru
