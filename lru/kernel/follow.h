// What a plug-in's code is seen doing, call by call, told as fault points: the
// same that the built-in lrus pass, wherever a call that the kernel's code
// makes of the shim shows the very thing that the point says. What it changes
// without such a call (a list's nr_items) is told with the next one under the
// same lock.
#ifndef LRUTORTURE_LRU_KERNEL_FOLLOW_H_
#define LRUTORTURE_LRU_KERNEL_FOLLOW_H_

#include <span>

#include "lru/kernel/lists.h"

namespace lru::kernel {

// The call that the current task is in; null: none that is followed.
inline lrut_call* current_call() {
  return static_cast<lrut_call*>(current_task()->call);
}

void call_begin(lrut_call* call);
void call_end(lrut_call* call);

void before_unlock(lrut_call* call);
void before_rcu_read_unlock(lrut_call* call);
void after_rcu_read_unlock(lrut_call* call);
void after_lock(lrut_call* call);
void ids_done(lrut_call* call);
void memcg_found(lrut_call* call, mem_cgroup* memcg);
// Of a reparent: memory goes.
void lists_go(lrut_call* call, const void* memory);
void lists_gone(lrut_call* call, bool queued);

void saw_id(int id);
void saw_lists(long id, const void* mlru);
void saw_climb(void* parent);
void saw_item(const void* item);
void saw_count(const void* nr_items, long value);
void saw_node_count(long value);
// `at`: the list's head, or an item next to which it now is.
void linked(void* item, void* at);
void unlinked(void* item);
void splicing(void* src_head, void* dst_head);
void spliced();
void erasing(void* impl, long id);
void erased(long id, const void* mlru);
void storing(const void* mlru, long id);
void stored(const void* mlru, long id);
void isolate_begin(void* item, const void* list, void* lock);
void isolate_end(bool removed, bool restarts);

// What of the catalogue is never seen, by how lists are locked.
std::span<const fault_point> absent_points(bool climbs);

}  // namespace lru::kernel

#endif  // LRUTORTURE_LRU_KERNEL_FOLLOW_H_
