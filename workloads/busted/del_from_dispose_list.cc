// bugs.md #28, nfsd: "add list_head nf_gc to struct nfsd_file" (Youzhong Yang,
// 2024; stable from January 2025): list_lru_del() of an item that a walk has
// moved to a private list. Its list_empty() cannot tell the two lists apart.
// The garbage collector's walk lost files to nfsd_file_put(): they leaked, and
// the count was one too few.
//
//   walk (garbage collector)            owner (nfsd_file_put)
//   list_lru_isolate_move(item, dispose)
//   nr_items - 1
//                                       list_lru_del(item): not empty, so true
//                                         item is off the walk's own list
//                                       nr_items - 1 once more
#include "workloads/busted/break_steps.h"

namespace workloads::del_from_dispose_list {
namespace {

void DisposeByDel(Object* object) {
  lru::spin_guard guard(&object->lock);
  lru::current_lru_ops().list_lru_del_obj(TheWorld().lru(object->lru_index),
                                          &object->lru);
  object->disposing = false;
}

LRUTORTURE_REGISTER(RegisterControl(
    {.info = {.name = "del_from_dispose_list",
              .klass = "caller",
              .lrus = {},
              .doc = "an item that a walk has moved to a private list is taken "
                     "off that list by list_lru_del() (#28)",
              .config = "busted/del_from_dispose_list.json",
              .expect = {{"release", "invariant", "item_state"},
                         {"asan", "invariant", "item_state"},
                         {"tsan", "invariant", "item_state"},
                         {"gcc", "invariant", "item_state"}}},
     .break_it =
         BreakCaller<[](WorkloadOps& ops) { ops.dispose = DisposeByDel; }>}));

}  // namespace
}  // namespace workloads::del_from_dispose_list
