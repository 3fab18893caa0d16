// must fail: cannot call function 'rcu_barrier' while
#include "lru/sync/thread_safety_test/common.h"

namespace lru {

void wait() {
  rcu_guard guard;
  rcu_barrier();
}

}  // namespace lru
