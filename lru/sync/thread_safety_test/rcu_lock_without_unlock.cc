// must fail: still held at the end of function
#include "lru/sync/thread_safety_test/common.h"

namespace lru {

int read() {
  rcu_read_lock();
  return *find();
}

}  // namespace lru
