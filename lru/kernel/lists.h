// Memory of a plug-in: its lists, and all else it asks for.
//
// The struct list_lru_memcg or the array of struct list_lru_node that a plug-in
// allocates stands in a block together with one list_lru_one for each list in
// it. A block is aligned to its size, which follows from the number of nodes,
// so that a list leads to its block, and so to the list_lru_one that callbacks
// and oracles know it by. They go together, by free() or a grace period.
#ifndef LRUTORTURE_LRU_KERNEL_LISTS_H_
#define LRUTORTURE_LRU_KERNEL_LISTS_H_

#include "lru/kernel/host.h"
#include "lru/list_lru.h"

namespace lru::kernel {

// Its own list, lock and nr_items are not used: the plug-in's are.
struct kernel_list : list_lru_one {
  void* impl = nullptr;  // the plug-in's struct list_lru_one
};

struct lists_block {
  const lrut_plugin* plugin;
  list_lru* lru;
  void* memory;     // the plug-in's
  alloc_type type;  // ALLOC_MLRU: of one memcg; ALLOC_LRU: of the root
  // One for each node, and one more: whatever is found behind the last.
  kernel_list* list() { return reinterpret_cast<kernel_list*>(this + 1); }
};

lists_block* block_of(const void* list);
// Null for null.
kernel_list* list_of(const void* list);
inline void* impl_of(const list_lru_one* list) {
  return static_cast<const kernel_list*>(list)->impl;
}
int nid_of(const kernel_list* list);

// The plug-in's struct list_lru, and whose it is.
bool init_lru(list_lru* lru, size_t size);
void exit_lru(list_lru* lru);
list_lru* lru_of_impl(const void* impl);

// host.h: do_kmalloc(), always zeroed. Null: no memory.
void* alloc(lrut_call* call, size_t n, size_t size, bool may_block);
void free(const void* memory);
void free_after_rcu(void* memory, const char* fn);
// Whether it is a plug-in's list_lru_memcg.
bool is_mlru(const void* memory);

}  // namespace lru::kernel

#endif  // LRUTORTURE_LRU_KERNEL_LISTS_H_
