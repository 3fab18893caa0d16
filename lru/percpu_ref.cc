#include "lru/percpu_ref.h"

#include "lru/fault_points.h"
#include "lru/sync/alloc.h"

namespace lru {
namespace {

// Large enough that no sum of gets and puts in flight reaches zero under it.
constexpr s64 kBias = s64{1} << 62;

std::atomic<s64>& this_shard(percpu_ref* ref) {
  return ref->shards[current_task()->cpu % kRefShards].count;
}

// Kernel: this_cpu_add() where __ref_is_percpu() says so, inside a read
// section, so that the switch can wait for everyone who saw the old mode.
bool in_percpu_mode(const percpu_ref* ref) {
  return !(READ_ONCE(ref->flags) & PERCPU_REF_ATOMIC);
}

void switch_to_atomic_rcu(rcu_head* head) {
  auto* ref = reinterpret_cast<percpu_ref*>(reinterpret_cast<char*>(head) -
                                            offsetof(percpu_ref, rcu));
  s64 sum = 0;
  for (int i = 0; i < kRefShards; i++) sum += READ_ONCE(ref->shards[i].count);
  atomic_fetch_add(ref->count, sum - kBias);
  if (ref->serial) {
    LRU_POINT(ref_switch_confirmed, .memcg = serial_ref::of(ref->serial),
              .nr = sum);
  }
  if (ref->confirm_switch) ref->confirm_switch(ref);
  percpu_ref_put(ref);  // the switch's own
}

// Until the switch is confirmed the bias keeps `old` far above zero.
void note_get(const percpu_ref* ref, s64 old) {
  LRU_POINT(ref_get, .memcg = serial_ref::of(ref->serial), .nr = old);
}

// percpu_ref_get_many(), read section held.
void get_locked(percpu_ref* ref) {
  if (in_percpu_mode(ref)) {
    atomic_add(this_shard(ref), 1);
  } else {
    note_get(ref, atomic_fetch_add_relaxed(ref->count, 1));
  }
}

// atomic_long_inc_not_zero(). Returns what was there.
s64 inc_not_zero(percpu_ref* ref) {
  s64 old = READ_ONCE(ref->count);
  while (old != 0) {
    if (!try_cmpxchg(ref->count, &old, old + 1)) continue;
    note_get(ref, old);
    return old;
  }
  return 0;
}

}  // namespace

int percpu_ref_init(percpu_ref* ref, percpu_ref::func release, u32 serial) {
  if (LRU_ERROR_POINT(ref_allocated, .memcg = serial_ref::of(serial))) {
    return -ENOMEM;
  }
  ref->shards = new (std::nothrow) percpu_ref::shard[kRefShards];
  if (!ref->shards) return -ENOMEM;
  count_alloc(ALLOC_OTHER, 1);
  ref->flags.store(0, std::memory_order_relaxed);
  ref->count.store(kBias + 1, std::memory_order_relaxed);
  ref->release = release;
  ref->serial = serial;
  return 0;
}

void percpu_ref_exit(percpu_ref* ref) {
  if (!ref->shards) return;
  delete[] ref->shards;
  ref->shards = nullptr;
  count_alloc(ALLOC_OTHER, -1);
}

void percpu_ref_kill_and_confirm(percpu_ref* ref,
                                 percpu_ref::func confirm_kill) {
  ref->confirm_switch = confirm_kill;
  // Both at once: nobody sees atomic but alive here.
  WRITE_ONCE(ref->flags, PERCPU_REF_DEAD | PERCPU_REF_ATOMIC);
  percpu_ref_get(ref);  // the switch's own, put by switch_to_atomic_rcu()
  if (ref->serial) {
    LRU_POINT(ref_killed, .memcg = serial_ref::of(ref->serial));
  }
  call_rcu(&ref->rcu, switch_to_atomic_rcu);
  percpu_ref_put(ref);  // the initial one
}

void percpu_ref_get(percpu_ref* ref) {
  rcu_guard guard;
  get_locked(ref);
}

s64 percpu_ref_tryget_count(percpu_ref* ref) {
  // The own section protects the mode alone: what keeps ref is the caller's.
  rcu_lockdep_assert("percpu_ref_tryget");
  rcu_guard guard("percpu_ref_tryget");
  if (in_percpu_mode(ref)) {
    atomic_add(this_shard(ref), 1, "percpu_ref_tryget");
    return 1;
  }
  return inc_not_zero(ref);
}

bool percpu_ref_tryget_live(percpu_ref* ref) {
  rcu_guard guard;
  u32 flags = READ_ONCE(ref->flags);
  if (!(flags & PERCPU_REF_ATOMIC)) {
    atomic_add(this_shard(ref), 1);
    return true;
  }
  if (flags & PERCPU_REF_DEAD) return false;
  return inc_not_zero(ref) != 0;
}

void percpu_ref_put(percpu_ref* ref) { percpu_ref_put_many(ref, 1); }

void percpu_ref_put_many(percpu_ref* ref, s64 nr) {
  rcu_guard guard;
  if (in_percpu_mode(ref)) {
    atomic_add(this_shard(ref), -nr);
    return;
  }
  const u32 serial = ref->serial;
  const s64 left = atomic_fetch_add(ref->count, -nr) - nr;
  // Unless that was the last, it may be gone.
  if (serial) {
    LRU_POINT(ref_put, .memcg = serial_ref::of(serial), .nr = left);
  }
  if (left == 0) ref->release(ref);
}

bool percpu_ref_is_zero(const percpu_ref* ref) {
  return !in_percpu_mode(ref) && READ_ONCE(ref->count) == 0;
}

}  // namespace lru
