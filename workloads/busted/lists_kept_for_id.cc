// Derived. In early list_lru an lru had an array with a place for each id, and
// whoever got the id had the lists that were there. Here it comes back as an
// optimisation: reparent leaves the drained lists in their slot, which saves
// their memory the way to kvfree_rcu() and back.
//
//   offline worker                     creator
//   C's lists are drained
//   C's slot keeps them, C's id is 7
//   C's id is put, and free
//                                      D gets id 7, and lists: C's
//   C is freed
//                                      list_lru_add(lru, item, nid, D)
//                                        the list's owner is freed memory;
//                                        on memcg-lock it is dead, and D's
//                                        items are its parent's
#include "workloads/busted/break_steps.h"

namespace workloads::lists_kept_for_id {
namespace {

template <class Steps>
struct KeepLists : Steps {
  static lru::list_lru_memcg* take_lists(lru::list_lru*, int) {
    return nullptr;
  }
};

LRUTORTURE_REGISTER(RegisterControl(
    {.info = {.name = "lists_kept_for_id",
              .klass = "lru",
              .lrus = {},
              .doc = "the drained lists of a memcg stay where its id finds "
                     "them: the next memcg that gets the id has them for its "
                     "own",
              .config = "busted/lists_kept_for_id.json",
              .expect = {{"release", "invariant", "id_unique"},
                         {"asan", "invariant", "id_unique"},
                         {"tsan", "invariant", "id_unique"},
                         {"gcc", "invariant", "id_unique"}}},
     .break_it = BreakSteps<KeepLists>}));

}  // namespace
}  // namespace workloads::lists_kept_for_id
