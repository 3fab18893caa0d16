// must fail: reading variable 'count' requires holding
#include "lru/sync/thread_safety_test/common.h"

namespace lru {

long count(guarded* g) {
  spin_guard guard(&g->lock);
  spin_unlock(&g->lock);
  return g->count;
}

}  // namespace lru
