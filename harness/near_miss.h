// Near misses: moments at which a correct lru was saved by one of its rules,
// counted by kind. Many of them mean that a run went where it hurts.
#ifndef LRUTORTURE_HARNESS_NEAR_MISS_H_
#define LRUTORTURE_HARNESS_NEAR_MISS_H_

#include <span>

namespace harness {

// X(name, sentence, what saved the lru)
// clang-format off: it never comes to rest on this one.
#define LRUTORTURE_NEAR_MISSES(X)                                              \
  X(add_found_list_dying,                                                      \
    "an add linked its item to the list of a memcg that was dying already",    \
    "The splice still moves it: ids are rewritten before any list is spliced, " \
    "and id and list are looked up under the list's lock.")                    \
  X(add_linked_in_ancestor,                                                    \
    "an add found a dying memcg and linked its item to an ancestor's list",    \
    "The memcg was reparented between the lookup and the lock. The id, read "  \
    "again under the lock, named the ancestor already.")                       \
  X(changed_between_ids_and_splice,                                            \
    "an add or del came between the rewrite of the ids and the splice",        \
    "It counts on the parent's list while the items are on the child's. Both " \
    "have the same lock, and the splice mends the counts.")                    \
  X(locked_after_splice,                                                       \
    "an add or del looked its memcg up before the splice of its list and got " \
    "the lock after it",                                                       \
    "It looked the list up again under the lock. A list remembered from "      \
    "before would be empty for ever, and freed a grace period later.")         \
  X(outlived_base_ref,                                                         \
    "an add or del used a memcg whose base reference had been put",            \
    "Its read section, or a reference of its own, keeps css_free away: a "     \
    "lookup used outside of them would touch freed memory.")                   \
  X(walk_overtaken_by_splice,                                                  \
    "a walk dropped the lock, and found the memcg's list spliced when it had " \
    "it again",                                                                \
    "It starts again at the head of the list that the index names now. A next " \
    "item remembered from before may be on another list, or gone.")            \
  X(alloc_overtaken_by_reparent,                                               \
    "an allocation of lists found its memcg reparented when it came to store " \
    "them",                                                                    \
    "It reads the id again under xa_lock and gives its lists back. Stored at " \
    "the old id they would be found again by the next memcg of that id.")      \
  X(freed_soon_after_use,                                                      \
    "a memcg was freed less than 500 us after the last operation on it",       \
    "Only the grace periods between release and css_free lay in between: "     \
    "without them the operation would have used freed memory.")
// clang-format on

enum class NearMiss : int {
#define X(name, ...) k_##name,
  LRUTORTURE_NEAR_MISSES(X)
#undef X
      kCount,
};
inline constexpr int kNearMisses = static_cast<int>(NearMiss::kCount);
inline constexpr double kSoonUs = 500;  // of freed_soon_after_use

struct NearMissInfo {
  const char* name;
  const char* doc;
  const char* saved_by;
};
std::span<const NearMissInfo> NearMissInfos();

}  // namespace harness

#endif  // LRUTORTURE_HARNESS_NEAR_MISS_H_
