// must fail: exclusively
#include "lru/sync/thread_safety_test/common.h"

namespace lru {

struct owned_by_rcu {
  int value ABSL_GUARDED_BY(rcu) = 0;
};
void write(owned_by_rcu* o) {
  rcu_guard guard;
  o->value = 1;
}

}  // namespace lru
