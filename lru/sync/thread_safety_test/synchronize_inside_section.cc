// must fail: cannot call function 'synchronize_rcu' while
#include "lru/sync/thread_safety_test/common.h"

namespace lru {

void wait() {
  rcu_guard guard;
  synchronize_rcu();
}

}  // namespace lru
