// bugs.md d7, and what a grace period does not mend of it (6.13 and later, as
// far as is known): the id of an offlined memcg is given to another, while
// somebody still uses the old one by a reference. Its kmemcg_id leads to the
// stranger's list.
//
//   holder of a reference               others
//                                       memcg offline, its id put
//                                       another memcg gets the id, and lists
//   list_lru_add(item, memcg)
//     finds the list of the other,
//     where nobody will look for item
#include "lru/memcg_lock.h"
#include "workloads/registry.h"

namespace workloads::list_of_another {
namespace {

struct WhoeversItIs : lru::memcg_lock_steps {
  static bool is_of(const lru::list_lru_one*, const lru::mem_cgroup*) {
    return true;
  }
};

constexpr lru::list_lru_ops kOps = lru::make_memcg_lock_ops<WhoeversItIs>(
    "memcg-lock", "takes the list that an id finds");

LRUTORTURE_REGISTER(RegisterControl(
    {.info = {.name = "list_of_another",
              .klass = "lru",
              .lrus = {"memcg-lock"},
              .doc = "a memcg whose id another one has got is led to that "
                     "one's list (d7, by who holds a reference)",
              .config = "busted/list_of_another.json",
              .expect = {{"release", "invariant", "lock_identity"},
                         {"asan", "invariant", "lock_identity"},
                         {"tsan", "invariant", "lock_identity"},
                         {"gcc", "invariant", "lock_identity"},
                         {"release", "invariant", "reparent_target"},
                         {"asan", "invariant", "reparent_target"},
                         {"tsan", "invariant", "reparent_target"},
                         {"gcc", "invariant", "reparent_target"}}},
     .break_it = [](World::Parts& parts) { parts.lru_ops = &kOps; }}));

}  // namespace
}  // namespace workloads::list_of_another
