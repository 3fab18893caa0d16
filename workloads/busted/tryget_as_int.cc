// bugs.md #55 (a), "percpu-refcount: fix reference leak during percpu-atomic
// transition" (Douglas Miller, 2017): what atomic_long_inc_not_zero() returns
// goes through an int. While a kill is not confirmed the count is a bias, far
// above 32 bits, plus what little is counted in the atomic: nothing, often.
//
//   killer                              mem_cgroup_iter()
//   ref_killed; the initial reference
//   and the caller's are put
//                                       tryget: the count is bias + 0, taken
//                                       int: 0, "it has failed"
//   never zero: the memcg is never released
#include "workloads/busted/break_steps.h"

namespace workloads::tryget_as_int {
namespace {

bool AsInt(lru::mem_cgroup* memcg) {
  return static_cast<int>(lru::percpu_ref_tryget_count(&memcg->css.refcnt));
}

LRUTORTURE_REGISTER(RegisterControl(
    {.info = {.name = "tryget_as_int",
              .klass = "lru",
              .lrus = {},
              .doc = "css_tryget() tells success from a count cut to an int: "
                     "between kill and confirmation it takes a reference and "
                     "says that it has none (#55 a)",
              .config = "busted/tryget_as_int.json",
              .expect = {{"release", "stall", ""},
                         {"asan", "stall", ""},
                         {"tsan", "stall", ""},
                         {"gcc", "stall", ""}}},
     .break_it = BreakTeardown<[](lru::teardown_steps& steps) {
       steps.mem_cgroup_tryget = AsInt;
     }>}));

}  // namespace
}  // namespace workloads::tryget_as_int
