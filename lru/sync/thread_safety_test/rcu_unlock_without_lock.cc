// must fail: that was not held
#include "lru/sync/thread_safety_test/common.h"

namespace lru {

void leave() { rcu_read_unlock(); }

}  // namespace lru
