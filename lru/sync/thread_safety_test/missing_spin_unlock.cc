// must fail: is not held on every path through here
#include "lru/sync/thread_safety_test/common.h"

namespace lru {

long count(guarded* g, bool early) {
  spin_lock(&g->lock);
  if (early) return 0;
  long value = g->count;
  spin_unlock(&g->lock);
  return value;
}

}  // namespace lru
