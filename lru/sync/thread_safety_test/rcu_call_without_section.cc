// must fail: calling function 'find' requires holding
#include "lru/sync/thread_safety_test/common.h"

namespace lru {

int read() { return *find(); }

}  // namespace lru
