// A sharded reference count that can be killed.
//
// From lib/percpu-refcount.c, Linux 6.12 (Kent Overstreet, 2013; Tejun Heo).
// While it is alive, get and put touch only the shard of current_task()->cpu.
// Killing switches to one atomic: a biased count keeps it from reaching zero
// until every shard has been added, one grace period later.
//
// P1  The count is exact only in atomic mode.
// P2  Zero is final: no get succeeds after it (no 0 -> 1).
// P3  After confirm_kill, tryget_live fails everywhere.
// Thread safety: get, put and tryget from any task; kill once.
#ifndef LRUTORTURE_LRU_PERCPU_REF_H_
#define LRUTORTURE_LRU_PERCPU_REF_H_

#include "lru/sync/rcu.h"

namespace lru {

inline constexpr int kRefShards = 8;

struct percpu_ref {
  using func = void (*)(percpu_ref*);
  struct alignas(64) shard {
    std::atomic<s64> count = 0;
  };
  // First what a late put does not look at: malloc() writes into the beginning
  // of freed memory, and such a put is to be counted and told, not to crash.
  func release = nullptr;
  func confirm_switch = nullptr;
  shard* shards = nullptr;
  std::atomic<u32> flags = 0;
  std::atomic<s64> count = 0;
  rcu_head rcu;
  u32 serial = 0;  // of the css it counts; 0: no css, no stages
};

enum percpu_ref_flags : u32 {
  PERCPU_REF_ATOMIC = 1,  // shards are no longer used
  PERCPU_REF_DEAD = 2,    // killed
};

// Starts with one reference, which percpu_ref_kill drops. -ENOMEM.
int percpu_ref_init(percpu_ref* ref, percpu_ref::func release, u32 serial);
// Frees the shards. Nobody may use it any more.
void percpu_ref_exit(percpu_ref* ref);

// Marks it dead, switches to the atomic, and after a grace period calls
// confirm_kill (may be null) and puts the initial reference. Context of
// confirm_kill: the task "rcu-callbacks".
void percpu_ref_kill_and_confirm(percpu_ref* ref,
                                 percpu_ref::func confirm_kill);

// The caller holds a reference already.
void percpu_ref_get(percpu_ref* ref);
// What atomic_long_inc_not_zero() returns: no number to rely on but for zero,
// which is failure. Wider than an int while the kill is not confirmed. In the
// read section that has found ref.
s64 percpu_ref_tryget_count(percpu_ref* ref);
// Fails only when the count is zero.
inline bool percpu_ref_tryget(percpu_ref* ref) {
  return percpu_ref_tryget_count(ref) != 0;
}
// Fails when it is killed, at the latest after confirm_kill.
bool percpu_ref_tryget_live(percpu_ref* ref);
// Calls release in the caller's context when this was the last.
void percpu_ref_put(percpu_ref* ref);
void percpu_ref_put_many(percpu_ref* ref, s64 nr);

inline bool percpu_ref_is_dying(const percpu_ref* ref) {
  return READ_ONCE(ref->flags) & PERCPU_REF_DEAD;
}
// True only in atomic mode.
bool percpu_ref_is_zero(const percpu_ref* ref);

}  // namespace lru

#endif  // LRUTORTURE_LRU_PERCPU_REF_H_
