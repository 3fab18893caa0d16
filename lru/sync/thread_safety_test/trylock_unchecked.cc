// must fail: reading variable 'count' requires holding
#include "lru/sync/thread_safety_test/common.h"

namespace lru {

long count(guarded* g) {
  bool got = spin_trylock(&g->lock);
  long value = g->count;
  if (got) spin_unlock(&g->lock);
  return value;
}

}  // namespace lru
