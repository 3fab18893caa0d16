// must fail: must be acquired before
#include "lru/sync/thread_safety_test/common.h"

namespace lru {

void both(guarded* g) {
  spin_guard inner(&g->lock);
  mutex_guard outer(&g->outer);
  g->total += g->count;
}

}  // namespace lru
