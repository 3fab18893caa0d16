#include "lru/kernel/lists.h"

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <cstring>
#include <new>
#include <span>

#include "lru/kernel/plugin.h"
#include "lru/sync/alloc.h"

#if defined(LRU_ASAN)
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#endif

namespace lru::kernel {

namespace {

// Before all memory that a plug-in has got.
struct tag {
  rcu_head rcu;
  lists_block* block;  // null: it is of no lists
  alloc_type type;
  u32 size;  // without tag and redzone
};
static_assert(sizeof(tag) == 32);

tag* tag_of(const void* memory) {
  return reinterpret_cast<tag*>(const_cast<void*>(memory)) - 1;
}

// A list or a node of any version, with a lock in it.
constexpr size_t kListMax = 128;
constexpr size_t kLine = 64;

// One for each node, and one that stands for what lies behind.
size_t nr_lists() { return static_cast<size_t>(nr_node_ids) + 1; }
size_t lists_at() {
  size_t head = sizeof(lists_block) + nr_lists() * sizeof(kernel_list);
  return (head + sizeof(tag) + kLine - 1) / kLine * kLine;
}

// Room for a list_lru_memcg or an array of nodes, and as much as one more
// behind it.
size_t block_size() {
  constexpr size_t kHeadMax = 64;
  return std::bit_ceil(lists_at() + kHeadMax + nr_lists() * kListMax);
}

// --- what lies behind a piece of memory: nobody's. ASan sees who comes there;
// in the other builds it is looked at when the memory is freed.
constexpr unsigned char kRedzone = 0xcc;  // SLUB_RED_ACTIVE

std::span<unsigned char> redzone_of(tag* head) {
  auto* begin = reinterpret_cast<unsigned char*>(head + 1) + head->size;
  if (!head->block) return {begin, kListMax};
  auto* room = reinterpret_cast<unsigned char*>(head->block);
  return {begin, room + block_size()};
}

void lay_redzone(tag* head) {
  std::span<unsigned char> redzone = redzone_of(head);
  std::fill(redzone.begin(), redzone.end(), kRedzone);
  ASAN_POISON_MEMORY_REGION(redzone.data(), redzone.size());
}

void check_redzone([[maybe_unused]] tag* head) {
#if !defined(LRU_ASAN)
  std::span<unsigned char> redzone = redzone_of(head);
  if (std::all_of(redzone.begin(), redzone.end(),
                  [](unsigned char byte) { return byte == kRedzone; })) {
    return;
  }
  complain(KERNEL_OVERRUNS, alloc_type_name(head->type), "kfree");
#endif
}

void init_lists(lists_block* block, list_lru* lru, const lrut_plugin* plugin) {
  char* at = static_cast<char*>(block->memory);
  bool mlru = block->type == ALLOC_MLRU;
  at += mlru ? plugin->mlru_first : plugin->node_list;
  new (&block->list()[nr_node_ids]) kernel_list;
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
  tag* head = tag_of(block->memory);
  *head = {{}, block, type, static_cast<u32>(size)};
  lay_redzone(head);
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
  return &block->list()[std::min(nid, nr_lists() - 1)];
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

void* alloc(lrut_call* call, size_t n, size_t size, bool may_block) {
  if (call && call->kind == LRUT_ALLOC && n == 0) {
    return alloc_lists(call, size, ALLOC_MLRU);
  }
  if (call && call->kind == LRUT_INIT && n && size == call->plugin->node_size) {
    return alloc_lists(call, n * size, ALLOC_LRU);
  }
  if (n) size *= n;
  // A node of an xarray, then, or a table: under a lock there is none to be
  // had, so that the caller lets the lock go and asks again, every time.
  if (!may_block) return nullptr;
  if (call && call->kind == LRUT_ALLOC) {
    auto* memcg = static_cast<mem_cgroup*>(call->memcg);
    if (LRU_ERROR_POINT(xa_stored, .memcg = memcg,
                        .lru = static_cast<list_lru*>(call->lru),
                        .nr = memcg->id.id, .depth = memcg->css.level)) {
      return nullptr;
    }
  }
  void* room = calloc(1, sizeof(tag) + size + kListMax);
  if (!room) return nullptr;
  count_alloc(ALLOC_OTHER, 1);
  tag* head = new (room) tag{{}, nullptr, ALLOC_OTHER, static_cast<u32>(size)};
  lay_redzone(head);
  return head + 1;
}

void free(const void* memory) {
  if (!memory) return;
  tag* head = tag_of(memory);
  check_redzone(head);
  count_alloc(head->type, -1);
  note_freed(head->type, memory);
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
