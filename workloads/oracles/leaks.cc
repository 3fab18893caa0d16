// no_leak and progress: nothing stays behind, and nobody waits for ever.
//
// no_leak counts what lru/ allocates by type and by task, and compares when
// the world is gone; in the asan build LeakSanitizer looks as well. progress
// is judged by the watchdog in the supervisor, which sees every task's waits
// from outside; it is registered here so that it has a name and a sentence.
#include "harness/flight_recorder.h"
#include "lru/shrinker.h"
#include "lru/sync/alloc.h"
#include "workloads/registry.h"

namespace workloads::leaks_oracle {
namespace {

void AfterTeardown() {
  for (int i = 0; i < lru::NR_ALLOC_TYPES; i++) {
    auto type = static_cast<lru::alloc_type>(i);
    int64_t live = lru::live_allocs(type);
    if (live == 0) continue;
    harness::ReportViolation(
        {.invariant = "no_leak", .what = lru::alloc_type_name(type)},
        "%lld %s left when everything had been destroyed",
        static_cast<long long>(live), lru::alloc_type_name(type));
  }
  for (int id = 0; id < lru::kShrinkersMax; id++) {
    if (!lru::shrinker_id_in_use(id)) continue;
    harness::ReportViolation(
        {.invariant = "no_leak", .what = "shrinker id"},
        "shrinker id %d is still taken, or finds a shrinker, when all have "
        "been freed",
        id);
  }
  // What has gone and is still found: the next reparent, or the next reclaim,
  // would come to freed memory.
  if (lru::any_list_lru_registered()) {
    harness::ReportViolation(
        {.invariant = "no_leak", .what = "registered list_lru"},
        "a list_lru is still registered when all have been destroyed");
  }
  if (lru::any_shrinker_listed()) {
    harness::ReportViolation(
        {.invariant = "no_leak", .what = "registered shrinker"},
        "a shrinker is still registered when all have been freed");
  }
}

LRUTORTURE_REGISTER(RegisterOracle(
    {{"no_leak", "",
      "When everything has been destroyed, every allocation of the lru has "
      "been freed, and nothing finds what has gone."},
     {"progress", "",
      "No task waits for ever: not for a lock, a grace period, or work; the "
      "run converges when the faults stop."}},
    {.start = nullptr,
     .check_totals = nullptr,
     .after_teardown = AfterTeardown}));

}  // namespace
}  // namespace workloads::leaks_oracle
