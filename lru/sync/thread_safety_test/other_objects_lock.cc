// must fail: reading variable 'count' requires holding
#include "lru/sync/thread_safety_test/common.h"

namespace lru {

long count(guarded* a, guarded* b) {
  spin_guard guard(&a->lock);
  return b->count;
}

}  // namespace lru
