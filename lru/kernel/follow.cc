#include "lru/kernel/follow.h"

#include "lru/memcg_lock.h"

namespace lru::kernel {

namespace {

mem_cgroup* memcg_of(const lrut_call* call) {
  return static_cast<mem_cgroup*>(call->memcg);
}
mem_cgroup* parent_of(const lrut_call* call) {
  return static_cast<mem_cgroup*>(call->parent);
}
list_lru* lru_of(const lrut_call* call) {
  return static_cast<list_lru*>(call->lru);
}
list_head* item_of(const lrut_call* call) {
  return static_cast<list_head*>(call->item);
}
kernel_list* list_of_call(const lrut_call* call) {
  return static_cast<kernel_list*>(call->list);
}
bool changes(const lrut_call* call) {
  return call && (call->kind == LRUT_ADD || call->kind == LRUT_DEL);
}
// The lists that were looked up. An alloc asks whether there are any, and a
// reparent alone could free them; of a count see count_loaded.
bool goes_on_to(const lrut_call* call) {
  return changes(call) ||
         (call && (call->kind == LRUT_WALK || call->kind == LRUT_LOCK));
}
// What was looked up in no read section may be compared with null, or be looked
// up again, but not be used.
void uses_lists(lrut_call* call) {
  if (!call->bare) return;
  call->bare = false;
  detail::note_no_section(call->api);
}
mem_cgroup* owner_of(const kernel_list* list) {
  return list ? list->owner : nullptr;
}
const void* lock_of(const lrut_call* call, const kernel_list* list) {
  if (!list || !call->lru) return nullptr;
  return call->plugin->lock_of(call->lru, nid_of(list), list);
}
long nr_items_of(const lrut_call* call, const kernel_list* list) {
  return list ? call->plugin->nr_items_of(list) : 0;
}
long nr_node_of(const lrut_call* call) {
  return call->plugin->nr_node(call->lru, call->nid);
}
int depth_of(const lrut_call* call) { return memcg_of(call)->css.level; }

// Where an item was linked next to `at`: a list's head, or an item that was on
// it already. The head of the list that was looked up lies in that one's block,
// no item does.
kernel_list* list_around(const lrut_call* call, const void* at) {
  kernel_list* looked_up = list_of_call(call);
  if (!looked_up) {
    looked_up = static_cast<kernel_list*>(
        call->plugin->root_list(call->lru, call->nid));
  }
  const lists_block* block = block_of(looked_up);
  constexpr int kItemsMax = 1 << 20;  // of lists that are no ring any more
  const auto* link = static_cast<const list_head*>(at);
  for (int i = 0; i < kItemsMax; i++) {
    if (block_of(link) == block) return list_of(link);
    link = link->next;
    if (link == at) break;
  }
  return list_of(at);  // a list that was not looked up
}

// The lock of the call's node or list, if it is certain to be held.
const void* lock_of_change(const lrut_call* call, const kernel_list* list) {
  if (list) return lock_of(call, list);
  if (call->plugin->climbs) return nullptr;
  return call->plugin->lock_of(call->lru, call->nid, nullptr);
}

void count_changed(lrut_call* call, long nr) {
  // A list whose lock was dropped, if only for a while, may be gone.
  bool dropped = call->plugin->node_count_lags || call->kind == LRUT_WALK;
  const kernel_list* list = dropped ? nullptr : list_of_call(call);
  LRU_POINT(count_changed, .memcg = memcg_of(call), .lru = lru_of(call),
            .item = item_of(call), .list = list, .owner = owner_of(list),
            .nid = call->nid, .lock = lock_of_change(call, list), .nr = nr);
}

// The node's count under its lock, before the next thing happens there: how far
// it has gone down since a callback returned is how often it was changed.
void count_removed(lrut_call* call) {
  if (call->plugin->climbs || call->kind != LRUT_WALK || !call->changed) return;
  call->changed = false;
  long now = nr_node_of(call);
  for (long nr = call->nr; nr > now; nr--) count_changed(call, nr - 1);
}

void close_splice(lrut_call* call) {
  if (!call->changed) return;
  call->changed = false;
  kernel_list* src = list_of_call(call);
  auto* dst = static_cast<kernel_list*>(call->dst);
  const void* lock = lock_of(call, src);
  LRU_POINT(node_spliced, .memcg = memcg_of(call), .lru = lru_of(call),
            .list = src, .nid = call->nid, .lock = lock, .nr = call->nr,
            .dst = dst, .parent = parent_of(call), .depth = depth_of(call));
  if (!call->plugin->climbs) return;
  LRU_POINT(list_marked_dead, .memcg = memcg_of(call), .lru = lru_of(call),
            .list = src, .nid = call->nid, .lock = lock, .dst = dst,
            .parent = parent_of(call), .depth = depth_of(call));
}

void of_lru(lrut_call* call, list_lru* lru) {
  if (call->lru == lru) return;
  call->lru = lru;
  call->drained = call->erased = false;
}

void note_drained(lrut_call* call) {
  close_splice(call);
  if (call->drained) return;
  call->drained = true;
  LRU_POINT(lists_drained, .memcg = memcg_of(call), .lru = lru_of(call),
            .parent = parent_of(call), .depth = depth_of(call));
}

void note_erased(lrut_call* call, long id, const void* memory) {
  if (call->erased) return;
  call->erased = true;
  LRU_POINT(xa_erased, .memcg = memcg_of(call), .lru = lru_of(call), .nr = id,
            .memory = memory, .parent = parent_of(call),
            .depth = depth_of(call));
}

// Whose lists are found by that id, for a caller with memcg: an ancestor's,
// since it was reparented. A stranger's, if the id is by now; or nobody's.
mem_cgroup* owner_of_id(mem_cgroup* memcg, long id) {
  for (mem_cgroup* at = memcg; at; at = parent_mem_cgroup(at)) {
    if (at->id.id == id) return at;
  }
  return const_cast<mem_cgroup*>(peek_memcg_of_id(static_cast<int>(id)));
}

kernel_list* first_list(const lrut_call* call, const void* mlru) {
  return list_of(static_cast<const char*>(mlru) + call->plugin->mlru_first);
}

void at_src_locked(const lrut_call* call, const kernel_list* src,
                   const kernel_list* dst) {
  LRU_POINT(src_locked, .memcg = memcg_of(call), .lru = lru_of(call),
            .list = src, .nid = nid_of(src), .lock = lock_of(call, src),
            .dst = dst, .parent = parent_of(call), .depth = depth_of(call));
}

// A lru whose lists have none to be spliced to: to be told before the kernel's
// code reaches for it. It asks for the lists first, then for the parent's.
void saw_reparented(lrut_call* call, long id, const void* mlru) {
  if (call->plugin->climbs) return;
  close_splice(call);
  if (id != parent_of(call)->id.id) {
    call->list = mlru ? first_list(call, mlru) : nullptr;
  } else if (!mlru && call->list) {
    kernel_list* src = list_of_call(call);
    of_lru(call, block_of(src)->lru);
    at_src_locked(call, src, nullptr);
  }
}

}  // namespace

void call_begin(lrut_call* call) {
  task* t = current_task();
  call->outer = static_cast<lrut_call*>(t->call);
  call->outer_api = nullptr;
  t->call = call;
  if (call->kind == LRUT_PEEK) return;
  call->outer_api = t->api.load(std::memory_order_relaxed);
  t->api.store(call->api, std::memory_order_relaxed);
  call->nr = t->rcu_nesting.load(std::memory_order_relaxed);
}

void call_end(lrut_call* call) {
  task* t = current_task();
  if (call->kind == LRUT_REPARENT) close_splice(call);
  t->call = call->outer;
  if (call->kind == LRUT_PEEK) return;
  t->api.store(call->outer_api, std::memory_order_relaxed);
}

void memcg_found(lrut_call* call, mem_cgroup* memcg) {
  if (!changes(call)) return;
  call->memcg = memcg;
  LRU_POINT(memcg_looked_up, .memcg = memcg, .lru = lru_of(call),
            .item = item_of(call), .nid = call->nid);
}

// An id that is none leads to the root's list, without a lookup.
void saw_id(int id) {
  lrut_call* call = current_call();
  if (!call || !call->lru || id >= 0) return;
  if (!changes(call) && call->kind != LRUT_WALK) return;
  call->list = nullptr;
}

void saw_lists(long id, const void* mlru) {
  lrut_call* call = current_call();
  if (call && call->kind == LRUT_REPARENT) {
    return saw_reparented(call, id, mlru);
  }
  if (goes_on_to(call)) call->bare = mlru && !rcu_read_lock_held();
  if (call && call->kind == LRUT_COUNT) call->bare = false;
  if (!changes(call)) return;
  kernel_list* list = mlru ? first_list(call, mlru) + call->nid : nullptr;
  call->list = list;
  if (list) {
    LRU_POINT(list_looked_up, .memcg = memcg_of(call), .lru = lru_of(call),
              .item = item_of(call), .list = list, .owner = owner_of(list),
              .nid = call->nid, .lock = lock_of(call, list));
  } else if (!call->plugin->climbs) {
    LRU_POINT(dead_list_seen, .memcg = memcg_of(call), .lru = lru_of(call),
              .item = item_of(call), .nid = call->nid);
  }
}

void saw_climb(void* parent) {
  lrut_call* call = current_call();
  if (!call || !call->plugin->climbs) return;
  if (!changes(call) && call->kind != LRUT_LOCK) return;
  auto* to = static_cast<mem_cgroup*>(parent);
  auto* from = call->dst ? static_cast<mem_cgroup*>(call->dst) : memcg_of(call);
  call->dst = to;
  LRU_POINT(dead_list_seen, .memcg = from, .lru = lru_of(call),
            .item = item_of(call), .nid = call->nid);
  LRU_POINT(climbed_to_parent, .memcg = memcg_of(call), .lru = lru_of(call),
            .item = item_of(call), .nid = call->nid, .parent = to);
}

// Looked at, to be changed or left alone: under its list's lock.
void saw_item(const void* item) {
  lrut_call* call = current_call();
  if (!changes(call) || item != call->item || call->seen) return;
  call->seen = true;
  uses_lists(call);
  const void* lock = call->plugin->climbs
                         ? lock_of(call, list_of_call(call))
                         : call->plugin->lock_of(call->lru, call->nid, nullptr);
  LRU_POINT(list_locked, .memcg = memcg_of(call), .lru = lru_of(call),
            .item = item_of(call), .nid = call->nid, .lock = lock);
}

void linked(void* item, void* at) {
  lrut_call* call = current_call();
  if (!changes(call) || item != call->item) return;
  kernel_list* list = list_around(call, at);
  call->list = list;
  call->changed = true;
  LRU_POINT(item_linked, .memcg = memcg_of(call), .lru = lru_of(call),
            .item = item_of(call), .list = list, .owner = owner_of(list),
            .nid = call->nid, .lock = lock_of(call, list));
}

void unlinked(void* item) {
  lrut_call* call = current_call();
  if (!call) return;
  bool walk = call->kind == LRUT_WALK;
  if (!walk && (!changes(call) || item != call->item)) return;
  call->changed = true;
  // The root's was found without a lookup.
  if (!call->list) call->list = call->plugin->root_list(call->lru, call->nid);
  kernel_list* list = list_of_call(call);
  mem_cgroup* memcg = walk ? owner_of(list) : memcg_of(call);
  LRU_POINT(item_unlinked, .memcg = memcg, .lru = lru_of(call),
            .item = static_cast<list_head*>(item), .list = list,
            .owner = owner_of(list), .nid = call->nid,
            .lock = lock_of(call, list));
}

void saw_count(const void* nr_items, long value) {
  lrut_call* call = current_call();
  if (!call || call->kind != LRUT_COUNT) return;
  call->seen = true;
  uses_lists(call);
  kernel_list* list = list_of(nr_items);
  LRU_POINT(count_loaded, .memcg = memcg_of(call), .lru = lru_of(call),
            .list = list, .nid = call->nid, .nr = value);
}

void saw_node_count(long value) {
  lrut_call* call = current_call();
  if (!call || (!changes(call) && call->kind != LRUT_WALK)) return;
  count_changed(call, value);
}

void after_lock(lrut_call* call) {
  if (call->kind == LRUT_WALK) call->anew = true;
  if (call->plugin->climbs) uses_lists(call);  // the lock is a list's own
}

void before_unlock(lrut_call* call) {
  switch (call->kind) {
    case LRUT_ADD:
    case LRUT_DEL:
      if (!call->changed || call->plugin->climbs) return;
      call->changed = false;
      return count_changed(call, nr_node_of(call));
    case LRUT_WALK:
      return count_removed(call);
    case LRUT_REPARENT:
      return close_splice(call);
    default:
      return;
  }
}

void before_rcu_read_unlock(lrut_call* call) {
  if (call->kind != LRUT_COUNT) return;
  // The xarray's sections are no end of the call's.
  if (current_task()->rcu_nesting.load(std::memory_order_relaxed) !=
      call->nr + 1) {
    return;
  }
  // What was looked up in it is not to be read in the next one, unless the
  // caller is in one around both.
  if (call->nr == 0) call->bare = true;
  if (call->seen) return;
  call->seen = true;
  LRU_POINT(count_loaded, .memcg = memcg_of(call), .lru = lru_of(call),
            .nid = call->nid, .nr = 0);
}

void ids_done(lrut_call* call) {
  if (call->kind == LRUT_REPARENT) call->ids_done = true;
}

void after_rcu_read_unlock(lrut_call* call) {
  if (call->kind != LRUT_REPARENT || !call->ids_done) return;
  call->ids_done = false;
  LRU_POINT(kmemcg_ids_changed, .memcg = memcg_of(call),
            .nr = memcg_of(call)->id.id, .parent = parent_of(call),
            .depth = depth_of(call));
}

void splicing(void* src_head, void* dst_head) {
  lrut_call* call = current_call();
  if (!call || call->kind != LRUT_REPARENT) return;
  close_splice(call);
  kernel_list* src = list_of(src_head);
  kernel_list* dst = list_of(dst_head);
  of_lru(call, block_of(src_head)->lru);
  call->list = src;
  call->dst = dst;
  call->nid = nid_of(src);
  call->nr = nr_items_of(call, src);
  at_src_locked(call, src, dst);
}

void spliced() {
  lrut_call* call = current_call();
  if (call && call->kind == LRUT_REPARENT) call->changed = true;
}

void erasing(void* impl, long) {
  lrut_call* call = current_call();
  if (!call || call->kind != LRUT_REPARENT) return;
  close_splice(call);
  of_lru(call, lru_of_impl(impl));
  note_drained(call);
}

void erased(long id, const void* mlru) {
  lrut_call* call = current_call();
  if (call && call->kind == LRUT_REPARENT) note_erased(call, id, mlru);
}

void lists_go(lrut_call* call, const void* memory) {
  if (call->kind != LRUT_REPARENT || !is_mlru(memory)) return;
  close_splice(call);
  of_lru(call, block_of(memory)->lru);
  note_drained(call);
  int id = memcg_of(call)->id.id;
  // Emptied by a store, then, unless it is freed while it is still to be found.
  if (call->plugin->list_at(call->lru, id, 0) != first_list(call, memory)) {
    note_erased(call, id, memory);
  }
}

void lists_gone(lrut_call* call, bool queued) {
  if (call->kind != LRUT_REPARENT || !queued) return;
  LRU_POINT(mlru_free_queued, .memcg = memcg_of(call), .lru = lru_of(call),
            .parent = parent_of(call), .depth = depth_of(call));
}

void storing(const void* mlru, long id) {
  lrut_call* call = current_call();
  if (!call || call->kind != LRUT_ALLOC) return;
  mem_cgroup* owner = owner_of_id(memcg_of(call), id);
  lists_block* block = block_of(mlru);
  for (int nid = 0; nid < nr_node_ids; nid++) block->list()[nid].owner = owner;
}

void stored(const void* mlru, long id) {
  lrut_call* call = current_call();
  if (!call || call->kind != LRUT_ALLOC) return;
  mem_cgroup* owner = block_of(mlru)->list()[0].owner;
  LRU_POINT(mlru_stored, .memcg = owner, .lru = lru_of(call), .nr = id,
            .depth = owner ? owner->css.level : 0);
}

void isolate_begin(void* item, const void* list, void* lock) {
  lrut_call* call = current_call();
  if (!call || call->kind != LRUT_WALK) return;
  count_removed(call);
  call->list = const_cast<void*>(list);
  kernel_list* one = list_of_call(call);
  mem_cgroup* memcg = memcg_of(call);
  uses_lists(call);
  if (call->anew) {
    call->anew = false;
    LRU_POINT(walk_list_locked, .memcg = memcg, .lru = lru_of(call),
              .list = one, .owner = one->owner, .nid = call->nid, .lock = lock);
  }
  LRU_POINT(isolate_called, .memcg = memcg, .lru = lru_of(call),
            .item = static_cast<list_head*>(item), .list = one,
            .owner = one->owner, .nid = call->nid, .lock = lock);
}

void isolate_end(bool removed, bool restarts) {
  lrut_call* call = current_call();
  if (!call || call->kind != LRUT_WALK) return;
  call->changed = removed;
  // The lock is held again up to 6.12, and not where nodes' counts are atomic.
  if (removed && !call->plugin->climbs) call->nr = nr_node_of(call);
  if (!restarts) return;
  call->anew = true;
  LRU_POINT(walk_restarted, .memcg = memcg_of(call), .lru = lru_of(call),
            .nid = call->nid);
}

std::span<const fault_point> absent_points(bool climbs) {
  static constexpr fault_point kNodeLock[] = {
      FP_list_marked_dead, FP_climbed_to_parent, FP_walk_memcg_from_id};
  static constexpr fault_point kListLock[] = {FP_kmemcg_ids_changed};
  return climbs ? std::span<const fault_point>(kListLock)
                : std::span<const fault_point>(kNodeLock);
}

}  // namespace lru::kernel
