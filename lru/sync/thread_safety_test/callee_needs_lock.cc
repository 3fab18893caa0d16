// must fail: calling function 'change' requires holding
#include "lru/sync/thread_safety_test/common.h"

namespace lru {

void call(guarded* g) { change(g); }

}  // namespace lru
