// Compiled without sanitizers and builtins: SuppressionText() runs before the
// runtime is ready.
#include "harness/sanitizer/suppressions.h"

#include "harness/finding_raw.h"

namespace harness {
namespace {

// Where a kernel's own code pairs a marked access with a plain one, or reads a
// counter with no lock at all, both of which the kernel allows itself. Whole
// names: those of the built-in lrus are qualified, and stay under watch. The
// array ends with an empty entry, which is not part of it.
constexpr char kProof[] =
    "scripts/kernel_test.py in the tsan build comes to it in 200 "
    "schedules, the same each time";
constexpr char kRemove[] =
    "the oldest kernel that is still tested marks both accesses";
constexpr Suppression kSuppressions[] = {
    {"kernel-count-one", "tsan", "race:^list_lru_count_one$",
     "list_lru_count_one() reads nr_items with READ_ONCE() and no lock; under "
     "the lock it is written plainly. A snapshot, of which no accuracy is "
     "promised",
     kProof, kRemove},
    {"kernel-count-node", "tsan", "race:^list_lru_count_node$",
     "list_lru_count_node() reads the node's nr_items plainly and with no "
     "lock, up to 6.12. A snapshot, too",
     kProof, kRemove},
    {"kernel-alloc-id", "tsan", "race:^memcg_list_lru_alloc$",
     "memcg_list_lru_alloc() reads kmemcg_id plainly while a reparent writes "
     "it with WRITE_ONCE(); it reads it again, marked, under the xarray's lock",
     kProof, kRemove},
    {"kernel-xas-delete", "tsan", "race:^xas_delete_node$",
     "xas_delete_node() empties a head or a slot plainly, under the xarray's "
     "lock; lookups under RCU read it with rcu_dereference(), and null is null "
     "whenever they see it",
     kProof, kRemove},
    {nullptr, nullptr, nullptr, nullptr, nullptr, nullptr},
};
constexpr unsigned kCount = sizeof(kSuppressions) / sizeof(Suppression) - 1;

}  // namespace

std::span<const Suppression> Suppressions() { return {kSuppressions, kCount}; }

const char* SuppressionText(const char* tool, char* buffer, unsigned size) {
  RawText text(buffer, size);
  for (const Suppression* s = kSuppressions; s->name; ++s) {
    if (RawEquals(s->tool, tool)) text.Str(s->pattern).Str("\n");
  }
  return buffer;
}

}  // namespace harness
