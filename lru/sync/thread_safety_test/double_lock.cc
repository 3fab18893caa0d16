// must fail: that is already held
#include "lru/sync/thread_safety_test/common.h"

namespace lru {

void twice(guarded* g) {
  spin_lock(&g->lock);
  spin_lock(&g->lock);
  spin_unlock(&g->lock);
}

}  // namespace lru
