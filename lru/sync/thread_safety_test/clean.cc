#include "lru/sync/thread_safety_test/common.h"

namespace lru {

long spin(guarded* g) {
  spin_lock(&g->lock);
  change(g);
  long count = g->count;
  spin_unlock(&g->lock);
  return count;
}

long try_spin(guarded* g) {
  if (!spin_trylock(&g->lock)) return -1;
  long count = g->count;
  spin_unlock(&g->lock);
  return count;
}

void both(guarded* g) {
  mutex_guard outer(&g->outer);
  spin_guard inner(&g->lock);
  g->total += g->count;
}

int read_rcu() {
  rcu_guard guard;
  return *find();
}

int read_rcu_by_hand() {
  rcu_read_lock();
  int value = *find();
  rcu_read_unlock();
  return value;
}

int read_under_a_spinlock(guarded* g) {
  spin_guard guard(&g->lock);
  rcu_assume_held();
  return *find();
}

}  // namespace lru
