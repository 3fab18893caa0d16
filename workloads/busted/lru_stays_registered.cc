// No kernel had it, but in the order of mm/list_lru.c's list_lru_destroy():
// what an lru keeps per memcg is given up first, memcg_aware with it, and
// list_lru_unregister(), which asks for that, then leaves the lru where it is.
//
//   owner of the lru                    offline worker, some time later
//   memcg_destroy_list_lru()
//   list_lru_unregister(): knows no
//     memcg, so nothing to do
//   kfree(lru)
//                                       memcg_reparent_list_lrus()
//                                         the next of memcg_list_lrus: freed
#include "lru/list_lru_common.h"
#include "workloads/registry.h"

namespace workloads::lru_stays_registered {
namespace {

void DestroyForgetsMemcgsFirst(lru::list_lru* lru) {
  lru->memcg_aware = false;
  lru::list_lru_destroy(lru);
}

LRUTORTURE_REGISTER(
    RegisterControl({.info = {.name = "lru_stays_registered",
                              .klass = "lru",
                              .lrus = {"node-lock", "memcg-lock"},
                              .doc = "list_lru_destroy() leaves the lru among "
                                     "those that a reparent goes through",
                              .config = "busted/lru_stays_registered.json",
                              .expect = {{"release", "invariant", "no_leak"},
                                         {"asan", "invariant", "no_leak"},
                                         {"tsan", "invariant", "no_leak"},
                                         {"gcc", "invariant", "no_leak"}}},
                     .break_it = [](World::Parts& parts) {
                       static lru::list_lru_ops ops;
                       ops = *parts.lru_ops;
                       ops.list_lru_destroy = DestroyForgetsMemcgsFirst;
                       parts.lru_ops = &ops;
                     }}));

}  // namespace
}  // namespace workloads::lru_stays_registered
