// must fail: reading variable 'count' requires holding
#include "lru/sync/thread_safety_test/common.h"

namespace lru {

long count(guarded* g) { return g->count; }

}  // namespace lru
