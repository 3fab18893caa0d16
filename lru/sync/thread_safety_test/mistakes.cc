// Mistakes that clang's thread-safety analysis must refuse to compile, each
// with the warning that clang's -verify must see on that line; and, at the end,
// what must pass. Compiled by a test, for its warnings alone.
//
// What clang cannot see, and other means must find:
// - Locks through aliases: it compares expressions, so `nlru->lock` and
//   `lru->node[nid].lock` are two locks to it. TSan and lockdep_assert_held()
//   see the object.
// - Nesting: rcu is one capability, so a nested read section is a false
//   mistake inside one function (it is fine across functions) ...
// - ... and that a held spinlock is a read section; rcu_assume_held() says so.
// - Callbacks: a lock dropped and retaken through a function pointer, as
//   list_lru_walk_cb does; the walk opts out and asserts at run time.
// - A pointer that is used after the read section in which it was found: it
//   guards calls and members, not lifetimes. ASan does.
// - A scoped guard whose lock was released by hand before its end: the second
//   release, by its destructor, passes. TSan reports it.
// - Constructors, destructors and lambdas are checked on their own, without
//   what the caller holds.
#include "lru/sync/spinlock.h"
#include "lru/sync/workqueue.h"

namespace lru {

struct guarded {
  spinlock_t lock;
  mutex outer ABSL_ACQUIRED_BEFORE(lock);
  long count ABSL_GUARDED_BY(lock) = 0;
  long total ABSL_GUARDED_BY(outer) = 0;
};
int* find() ABSL_SHARED_LOCKS_REQUIRED(rcu);
void change(guarded* g) ABSL_EXCLUSIVE_LOCKS_REQUIRED(g->lock);

namespace callee_needs_lock {
void call(guarded* g) { change(g); }
// expected-warning@-1 {{calling function 'change' requires holding}}
}  // namespace callee_needs_lock

namespace double_lock {
void twice(guarded* g) {
  spin_lock(&g->lock);
  spin_lock(&g->lock);
  // expected-warning@-1 {{that is already held}}
  spin_unlock(&g->lock);
}
}  // namespace double_lock

namespace guard_released_early {
long count(guarded* g) {
  spin_guard guard(&g->lock);
  spin_unlock(&g->lock);
  return g->count;
  // expected-warning@-1 {{reading variable 'count' requires holding}}
}
}  // namespace guard_released_early

namespace guarded_without_lock {
long count(guarded* g) { return g->count; }
// expected-warning@-1 {{reading variable 'count' requires holding}}
}  // namespace guarded_without_lock

namespace lock_order {
void both(guarded* g) {
  spin_guard inner(&g->lock);
  mutex_guard outer(&g->outer);
  // expected-warning@-1 {{must be acquired before}}
  g->total += g->count;
}
}  // namespace lock_order

namespace missing_spin_unlock {
long count(guarded* g, bool early) {
  spin_lock(&g->lock);
  if (early) return 0;
  long value = g->count;
  spin_unlock(&g->lock);
  return value;
}
// expected-warning@-1 {{is not held on every path through here}}
}  // namespace missing_spin_unlock

namespace other_objects_lock {
long count(guarded* a, guarded* b) {
  spin_guard guard(&a->lock);
  return b->count;
  // expected-warning@-1 {{reading variable 'count' requires holding}}
}
}  // namespace other_objects_lock

namespace rcu_barrier_inside_section {
void wait() {
  rcu_guard guard;
  rcu_barrier();
  // expected-warning@-1 {{cannot call function 'rcu_barrier' while}}
}
}  // namespace rcu_barrier_inside_section

namespace rcu_call_without_section {
int read() { return *find(); }
// expected-warning@-1 {{calling function 'find' requires holding}}
}  // namespace rcu_call_without_section

namespace rcu_lock_without_unlock {
int read() {
  rcu_read_lock();
  return *find();
}
// expected-warning@-1 {{still held at the end of function}}
}  // namespace rcu_lock_without_unlock

namespace rcu_unlock_without_lock {
void leave() { rcu_read_unlock(); }
// expected-warning@-1 {{that was not held}}
}  // namespace rcu_unlock_without_lock

namespace synchronize_inside_section {
void wait() {
  rcu_guard guard;
  synchronize_rcu();
  // expected-warning@-1 {{cannot call function 'synchronize_rcu' while}}
}
}  // namespace synchronize_inside_section

namespace trylock_unchecked {
long count(guarded* g) {
  bool got = spin_trylock(&g->lock);
  long value = g->count;
  // expected-warning@-1 {{reading variable 'count' requires holding}}
  if (got) spin_unlock(&g->lock);
  return value;
}
}  // namespace trylock_unchecked

namespace unlock_not_held {
void release(guarded* g) { spin_unlock(&g->lock); }
// expected-warning@-1 {{that was not held}}
}  // namespace unlock_not_held

namespace write_under_shared {
struct owned_by_rcu {
  int value ABSL_GUARDED_BY(rcu) = 0;
};
void write(owned_by_rcu* o) {
  rcu_guard guard;
  o->value = 1;
  // expected-warning@-1 {{exclusively}}
}
}  // namespace write_under_shared

namespace wrong_lock {
void add(guarded* g) {
  spin_guard guard(&g->lock);
  g->total++;
  // expected-warning@-1 {{writing variable 'total' requires holding mutex}}
}
}  // namespace wrong_lock

// --- no mistake

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
