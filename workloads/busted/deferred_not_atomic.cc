// bugs.md #46, acf92b485ccc "vmscan: shrinker->nr updates race and go wrong"
// (Dave Chinner, 2011): two shrinkers put work off at the same time, each by
// reading the number and writing the sum.
//
//   shrinker                            shrinker
//   old = nr_deferred
//                                       old = nr_deferred
//   nr_deferred = old + 7
//                                       nr_deferred = old + 5
//     7 objects are never scanned; with an xchg in between, some are twice
#include "lru/shrinker.h"
#include "workloads/busted/break_steps.h"

namespace workloads::deferred_not_atomic {
namespace {

void ReadAndWrite(std::atomic<long>& nr_deferred, long nr) {
  long old = lru::READ_ONCE(nr_deferred);
  lru::xchg(nr_deferred, old + nr, "add_nr_deferred");
}

LRUTORTURE_REGISTER(RegisterControl(
    {.info =
         {.name = "deferred_not_atomic",
          .klass = "lru",
          .lrus = {},
          .doc =
              "add_nr_deferred() reads, adds and writes: of two shrinkers at "
              "a time one loses its work (#46, acf92b485ccc)",
          .config = "busted/deferred_not_atomic.json",
          .expect = {{"release", "invariant", "deferred_conserved"},
                     {"asan", "invariant", "deferred_conserved"},
                     {"tsan", "invariant", "deferred_conserved"},
                     {"gcc", "invariant", "deferred_conserved"}}},
     .break_it = BreakTeardown<[](lru::teardown_steps& steps) {
       steps.add_nr_deferred = ReadAndWrite;
     }>}));

}  // namespace
}  // namespace workloads::deferred_not_atomic
