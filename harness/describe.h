// Sentences about tasks, locks and memcgs, from the recorder alone: what the
// watchdog says when nothing moves any more.
#ifndef LRUTORTURE_HARNESS_DESCRIBE_H_
#define LRUTORTURE_HARNESS_DESCRIBE_H_

#include <string>
#include <vector>

#include "harness/flight_recorder.h"

namespace harness {

// The lock this task waits for right now, or null.
const void* LockAwaited(const TaskSlot& slot);
// The task that holds it, or null. Itself, when a task waits for its own lock.
const TaskSlot* HolderOf(const Recorder& r, const void* lock);

// "nlru->lock (lru 1, nid 0)", "cgroup_mutex"
std::string DescribeLock(const lru::lock_ref& lock);
// "adder-0, doing `add o17 m4 n0`,"; just the name when it does nothing.
std::string DescribeTask(const TaskSlot& slot);
// "it waits for nlru->lock (lru 1, nid 0) held by wq-offline, which waits for
// cgroup_mutex held by ..."; ends where the chain ends or closes.
std::string DescribeWait(const Recorder& r, const TaskSlot& slot);
// "memcg 17 is at node_spliced, memcg 18 at ref_killed and 3 more are dying";
// empty when none is.
std::string DescribeDying(const Recorder& r);

// Serials of memcgs between css_dying_set and css_free, oldest first.
std::vector<uint32_t> DyingMemcgs(const Recorder& r);

}  // namespace harness

#endif  // LRUTORTURE_HARNESS_DESCRIBE_H_
