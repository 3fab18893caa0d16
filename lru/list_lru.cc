#include "lru/list_lru.h"

namespace lru {

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
