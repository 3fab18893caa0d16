// must fail: that was not held
#include "lru/sync/thread_safety_test/common.h"

namespace lru {

void release(guarded* g) { spin_unlock(&g->lock); }

}  // namespace lru
