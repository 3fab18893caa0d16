// must fail: writing variable 'total' requires holding mutex
#include "lru/sync/thread_safety_test/common.h"

namespace lru {

void add(guarded* g) {
  spin_guard guard(&g->lock);
  g->total++;
}

}  // namespace lru
