// must fail: that was not held
#include "lru/sync/thread_safety_test/common.h"

namespace lru {

long count(guarded* g) {
  spin_guard guard(&g->lock);
  long value = g->count;
  spin_unlock(&g->lock);
  return value;
}

}  // namespace lru
