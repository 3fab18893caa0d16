#include "lru/kernel/lists.h"

#include <bit>
#include <cstdlib>
#include <cstring>
#include <new>

#include "lru/sync/alloc.h"

namespace lru::kernel {

namespace {

// Before all memory that a plug-in has got.
struct tag {
  rcu_head rcu;
  lists_block* block;  // null: it is of no lists
  u64 type;            // alloc_type
};
static_assert(sizeof(tag) == 32);

tag* tag_of(const void* memory) {
  return reinterpret_cast<tag*>(const_cast<void*>(memory)) - 1;
}

constexpr size_t kLine = 64;
size_t lists_at() {
  size_t head = sizeof(lists_block) +
                static_cast<size_t>(nr_node_ids) * sizeof(kernel_list);
  return (head + sizeof(tag) + kLine - 1) / kLine * kLine;
}

// Room for a list_lru_memcg or an array of nodes, with a lock in each.
size_t block_size() {
  constexpr size_t kListMax = 128, kHeadMax = 64;
  return std::bit_ceil(lists_at() + kHeadMax +
                       static_cast<size_t>(nr_node_ids) * kListMax);
}

size_t mlru_size(const lrut_plugin* plugin) {
  return plugin->mlru_first +
         static_cast<size_t>(nr_node_ids) * plugin->list_size;
}
size_t nodes_size(const lrut_plugin* plugin) {
  return static_cast<size_t>(nr_node_ids) * plugin->node_size;
}

void init_lists(lists_block* block, list_lru* lru, const lrut_plugin* plugin) {
  char* at = static_cast<char*>(block->memory);
  bool mlru = block->type == ALLOC_MLRU;
  at += mlru ? plugin->mlru_first : plugin->node_list;
  for (int nid = 0; nid < nr_node_ids; nid++) {
    auto* list = new (&block->list()[nid]) kernel_list;
    list->serial = next_serial(SERIAL_LIST);
    list->lru_serial = lru->serial;
    list->impl = at;
    at += mlru ? plugin->list_size : plugin->node_size;
  }
}

void* alloc_lists(lrut_call* call, size_t size, alloc_type type) {
  auto* lru = static_cast<list_lru*>(call->lru);
  bool error =
      type == ALLOC_MLRU
          ? LRU_ERROR_POINT(
                mlru_allocated, .memcg = static_cast<mem_cgroup*>(call->memcg),
                .lru = lru,
                .depth = static_cast<mem_cgroup*>(call->memcg)->css.level)
          : LRU_ERROR_POINT(lru_allocated, .lru = lru);
  size_t whole = block_size();
  if (error || lists_at() + size > whole) return nullptr;
  void* room = aligned_alloc(whole, whole);
  if (!room) return nullptr;
  memset(room, 0, whole);
  auto* block = static_cast<lists_block*>(room);
  block->plugin = call->plugin;
  block->lru = lru;
  block->memory = static_cast<char*>(room) + lists_at();
  block->type = type;
  init_lists(block, lru, call->plugin);
  *tag_of(block->memory) = {{}, block, type};
  count_alloc(type, 1);
  call->memory = block;
  return block->memory;
}

}  // namespace

lists_block* block_of(const void* list) {
  auto address = reinterpret_cast<uintptr_t>(list);
  return reinterpret_cast<lists_block*>(address & ~(block_size() - 1));
}

kernel_list* list_of(const void* list) {
  // From a null struct list_lru_one its first member is null as well.
  if (!list) return nullptr;
  lists_block* block = block_of(list);
  const lrut_plugin* plugin = block->plugin;
  auto offset = static_cast<size_t>(static_cast<const char*>(list) -
                                    static_cast<const char*>(block->memory));
  size_t nid = block->type == ALLOC_MLRU
                   ? (offset - plugin->mlru_first) / plugin->list_size
                   : offset / plugin->node_size;
  return &block->list()[nid];
}

int nid_of(const kernel_list* list) {
  return static_cast<int>(list - block_of(list)->list());
}

namespace {
struct impl_head {
  list_lru* lru;
  u64 unused;
};
}  // namespace

bool init_lru(list_lru* lru, size_t size) {
  auto* head = static_cast<impl_head*>(calloc(1, sizeof(impl_head) + size));
  if (!head) return false;
  head->lru = lru;
  lru->impl = head + 1;
  return true;
}

void exit_lru(list_lru* lru) {
  ::free(static_cast<impl_head*>(lru->impl) - 1);
  lru->impl = nullptr;
}

list_lru* lru_of_impl(const void* impl) {
  return (static_cast<const impl_head*>(impl) - 1)->lru;
}

void* alloc(lrut_call* call, size_t size, bool may_block) {
  if (call && call->kind == LRUT_ALLOC && size == mlru_size(call->plugin)) {
    return alloc_lists(call, size, ALLOC_MLRU);
  }
  if (call && call->kind == LRUT_INIT && size == nodes_size(call->plugin)) {
    return alloc_lists(call, size, ALLOC_LRU);
  }
  // A node of an xarray, then, or a table: under a lock there is none to be
  // had, so that the caller lets the lock go and asks again, every time.
  if (!may_block) return nullptr;
  if (call && call->kind == LRUT_ALLOC) {
    auto* memcg = static_cast<mem_cgroup*>(call->memcg);
    if (LRU_ERROR_POINT(xa_stored, .memcg = memcg,
                        .lru = static_cast<list_lru*>(call->lru),
                        .depth = memcg->css.level, .nr = memcg->id.id)) {
      return nullptr;
    }
  }
  void* room = calloc(1, sizeof(tag) + size);
  if (!room) return nullptr;
  count_alloc(ALLOC_OTHER, 1);
  tag* head = new (room) tag{{}, nullptr, ALLOC_OTHER};
  return head + 1;
}

void free(const void* memory) {
  if (!memory) return;
  tag* head = tag_of(memory);
  auto type = static_cast<alloc_type>(head->type);
  count_alloc(type, -1);
  note_freed(type, memory);
  ::free(head->block ? static_cast<void*>(head->block) : head);
}

void free_after_rcu(void* memory, const char* fn) {
  call_rcu(
      &tag_of(memory)->rcu,
      [](rcu_head* head) { free(reinterpret_cast<tag*>(head) + 1); }, fn);
}

bool is_mlru(const void* memory) {
  return memory && tag_of(memory)->type == ALLOC_MLRU;
}

}  // namespace lru::kernel
